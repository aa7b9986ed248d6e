package testnet

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"knot-resolver/internal/testnet/memnet"
)

const (
	// tcpIdle ends a TCP connection on which no query comes.
	tcpIdle = 10 * time.Second
	// portAttempts is how many free ports are tried: the port of the first
	// server may be taken at the address of another.
	portAttempts = 8
)

// listeners are the sockets of a started world.
type listeners struct {
	mu    sync.Mutex
	port  int
	open  map[io.Closer]struct{} // sockets and TCP connections
	group sync.WaitGroup
}

// Start serves all servers on their own loopback addresses, all on the same
// port, UDP and TCP; 0 finds a free port. A world is started once at a time.
func (w *World) Start(port int) error {
	attempts := 1
	if port == 0 {
		attempts = portAttempts
	}
	var err error
	for range attempts {
		if err = w.start(port); err == nil {
			return nil
		}
		err = errors.Join(err, w.Close())
	}
	return err
}

// Port is the port of a started world.
func (w *World) Port() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.port
}

// Close stops serving and waits until that is done.
func (w *World) Close() error {
	w.mu.Lock()
	var errs []error
	for c := range w.open {
		errs = append(errs, c.Close())
	}
	w.open = nil
	w.mu.Unlock()
	w.group.Wait()
	return errors.Join(errs...)
}

func (w *World) start(port int) error {
	w.mu.Lock()
	w.open = map[io.Closer]struct{}{}
	w.mu.Unlock()
	for _, s := range w.servers {
		if s.closed {
			continue
		}
		bound, err := w.listen(s, port)
		if err != nil {
			return fmt.Errorf("serve %s at %s: %w", s.host, s.ip, err)
		}
		port = bound
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.port = port
	return nil
}

// listen opens the two sockets of a server and returns their port.
func (w *World) listen(s *Server, port int) (int, error) {
	cfg := net.ListenConfig{Control: reuseAddress}
	at := netip.AddrPortFrom(s.ip, uint16(port)).String()
	stream, err := cfg.Listen(context.Background(), "tcp4", at)
	if err != nil {
		return 0, err
	}
	w.keep(stream)
	at = stream.Addr().String()
	packet, err := cfg.ListenPacket(context.Background(), "udp4", at)
	if err != nil {
		return 0, err
	}
	w.keep(packet)
	w.group.Go(func() { serveUDP(packet.(*net.UDPConn), s) })
	w.group.Go(func() { w.acceptTCP(stream, s) })
	return stream.Addr().(*net.TCPAddr).Port, nil
}

func reuseAddress(_, _ string, raw syscall.RawConn) error {
	var err error
	if ctlErr := raw.Control(func(fd uintptr) {
		err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)
	}); ctlErr != nil {
		return ctlErr
	}
	return err
}

// keep remembers what Close has to close; false if the world is closed already.
func (w *World) keep(c io.Closer) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.open == nil {
		return false
	}
	w.open[c] = struct{}{}
	return true
}

func (w *World) release(c io.Closer) {
	w.mu.Lock()
	delete(w.open, c)
	w.mu.Unlock()
	c.Close()
}

func serveUDP(conn *net.UDPConn, s *Server) {
	buf := make([]byte, 1<<16)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // an ICMP error of an earlier reply
		}
		for _, reply := range s.AnswerFrom(memnet.UDP, from, buf[:n]) {
			_, _ = conn.WriteToUDPAddrPort(reply, from) // the client may be gone
		}
	}
}

func (w *World) acceptTCP(l net.Listener, s *Server) {
	for {
		conn, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		if !w.keep(conn) {
			conn.Close()
			return
		}
		w.group.Go(func() {
			defer w.release(conn)
			serveTCP(conn, s)
		})
	}
}

// serveTCP answers queries until the client goes or is idle for too long.
func serveTCP(conn net.Conn, s *Server) {
	from := conn.RemoteAddr().(*net.TCPAddr).AddrPort()
	for {
		if err := conn.SetDeadline(time.Now().Add(tcpIdle)); err != nil {
			return
		}
		var size [2]byte
		if _, err := io.ReadFull(conn, size[:]); err != nil {
			return
		}
		query := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(conn, query); err != nil {
			return
		}
		for _, reply := range s.AnswerFrom(memnet.TCP, from, query) {
			framed := append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...)
			if _, err := conn.Write(framed); err != nil {
				return
			}
		}
	}
}
