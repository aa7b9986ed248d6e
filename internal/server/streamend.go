package server

import (
	"net"
	"net/netip"
	"time"

	"knot-resolver/internal/limits"
)

// maxMessage is the longest message a stream can frame.
const maxMessage = 1<<16 - 1

// idle returns since when the stream has had nothing to do, and whether it has nothing to do now.
func (st *stream) idle() (time.Time, bool) {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.idleSince, st.outstanding == 0
}

// drain makes the stream read only the queries that have arrived or are about to, and close once
// all are answered.
func (st *stream) drain() {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.draining = time.Now()
	st.conn.SetReadDeadline(st.draining.Add(limits.StreamDrain))
}

func (st *stream) isDraining() bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	return !st.draining.IsZero()
}

// abort closes the connection at once and gives up its outstanding answers.
func (st *stream) abort() {
	st.mu.Lock()
	first := !st.aborted
	st.aborted = true
	st.changed.Broadcast()
	if st.cancel != nil {
		defer st.cancel()
	}
	st.mu.Unlock()
	if !first {
		return
	}
	st.conn.Close()
	st.out.fail()
	st.server.counters.TCPOpen.Add(-1)
}

// addrPort returns the address of one end of a TCP connection; an IPv4-mapped one as IPv4.
func addrPort(a net.Addr) netip.AddrPort {
	ap := a.(*net.TCPAddr).AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}
