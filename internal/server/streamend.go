package server

import (
	"net"
	"net/netip"
	"time"
)

// maxMessage is the longest message a stream can frame.
const maxMessage = 1<<16 - 1

// idle returns since when the stream has had nothing to do, and whether it has nothing to do now.
func (st *stream) idle() (time.Time, bool) {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.idleSince, st.outstanding == 0
}

// drain makes the stream read no further queries and close once the outstanding are answered.
func (st *stream) drain() {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.draining = true
	st.conn.SetReadDeadline(time.Unix(1, 0))
}

func (st *stream) isDraining() bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.draining
}

// abort closes the connection at once and gives up its outstanding answers.
func (st *stream) abort() {
	st.mu.Lock()
	first := !st.aborted
	st.aborted = true
	st.changed.Broadcast()
	st.mu.Unlock()
	if !first {
		return
	}
	st.cancel()
	st.conn.Close()
	st.out.fail()
	st.server.counters.TCPOpen.Add(-1)
}

// addrPort returns the address of one end of a TCP connection; an IPv4-mapped one as IPv4.
func addrPort(a net.Addr) netip.AddrPort {
	ap := a.(*net.TCPAddr).AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}
