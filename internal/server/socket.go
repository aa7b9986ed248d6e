package server

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"knot-resolver/internal/server/journal"
)

// Socket is an open socket that a [Server] can serve.
type Socket struct {
	udp *net.UDPConn     // either this
	tcp *net.TCPListener // or this

	journal *journal.Journal // of udp; nil before it is served: none yet
	left    []journal.Entry  // by a process that died, until it is taken up
	dropped int              // what else it left

	round chan struct{} // closed by the reader when Probe has woken it; guarded by Server.mu
}

// FromFile takes over a socket opened by [Listen], in this process or another. The file is closed
// in any case; other descriptors of the same socket, in the process that opened it, stay valid
// and keep it receiving.
func FromFile(f *os.File) (*Socket, error) {
	defer f.Close()
	kind, err := socketType(f)
	if err != nil {
		return nil, fmt.Errorf("inherited socket %s: %w", f.Name(), err)
	}
	if kind == unix.SOCK_STREAM {
		return fromListener(f)
	}
	conn, err := net.FilePacketConn(f)
	if err != nil {
		return nil, fmt.Errorf("inherited socket %s: %w", f.Name(), err)
	}
	udp, ok := conn.(*net.UDPConn)
	if !ok {
		conn.Close()
		return nil, fmt.Errorf("inherited socket %s: %s is not UDP", f.Name(), conn.LocalAddr().Network())
	}
	return &Socket{udp: udp}, nil
}

func fromListener(f *os.File) (*Socket, error) {
	l, err := net.FileListener(f)
	if err != nil {
		return nil, fmt.Errorf("inherited socket %s: %w", f.Name(), err)
	}
	tcp, ok := l.(*net.TCPListener)
	if !ok {
		l.Close()
		return nil, fmt.Errorf("inherited socket %s: %s is not TCP", f.Name(), l.Addr().Network())
	}
	return &Socket{tcp: tcp}, nil
}

func socketType(f *os.File) (int, error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return 0, err
	}
	var kind int
	var soErr error
	if err := raw.Control(func(fd uintptr) { kind, soErr = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TYPE) }); err != nil {
		return 0, err
	}
	return kind, soErr
}

// Addr returns the address the socket is bound to.
func (s *Socket) Addr() netip.AddrPort {
	if s.udp != nil {
		return s.udp.LocalAddr().(*net.UDPAddr).AddrPort()
	}
	return s.tcp.Addr().(*net.TCPAddr).AddrPort()
}

// Transport returns what arrives at the socket.
func (s *Socket) Transport() Transport {
	if s.udp != nil {
		return UDP
	}
	return TCP
}

// File returns a new descriptor of the socket, to be passed to another process.
//
// The File methods of package net are no use here: Fd of what they return makes the socket, which
// all its descriptors share, blocking, and its readers could not be stopped any more.
func (s *Socket) File() (*os.File, error) {
	raw, err := s.syscallConn()
	if err != nil {
		return nil, err
	}
	var fd int
	var dupErr error
	if err := raw.Control(func(own uintptr) { fd, dupErr = unix.FcntlInt(own, unix.F_DUPFD_CLOEXEC, 0) }); err != nil {
		return nil, err
	}
	if dupErr != nil {
		return nil, fmt.Errorf("duplicate socket %s: %w", s.Addr(), dupErr)
	}
	return os.NewFile(uintptr(fd), "listen "+s.Addr().String()), nil
}

func (s *Socket) syscallConn() (syscall.RawConn, error) {
	if s.udp != nil {
		return s.udp.SyscallConn()
	}
	return s.tcp.SyscallConn()
}

// Close closes this process's descriptor of the socket.
func (s *Socket) Close() error {
	if s.udp != nil {
		return s.udp.Close()
	}
	return s.tcp.Close()
}
