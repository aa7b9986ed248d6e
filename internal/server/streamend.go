package server

import (
	"net"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

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

// unread reports whether bytes have arrived that no read has returned yet: a read whose deadline
// has passed does not look.
func (st *stream) unread() bool {
	raw, err := st.conn.SyscallConn()
	if err != nil {
		return false
	}
	n := 0
	raw.Control(func(fd uintptr) { n, _ = unix.IoctlGetInt(int(fd), unix.TIOCINQ) })
	return n > 0
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
