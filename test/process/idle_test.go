package process

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strconv"
	"testing"
	"time"

	"knot-resolver/internal/limits"
)

const (
	idleStreams    = 10_000
	idleAddresses  = 8       // that they come from: each may have a quarter
	idleStreamCost = 8 << 10 // of memory of the worker, at most
	idleSample     = 97      // one of so many is asked over again
	idleSlack      = 3 * time.Second
)

// TestTR04IdleStreams: one worker holds ten thousand connections that do nothing for less than 8 KiB of memory each, answers
// on all of them and on others meanwhile, and closes them when their time is over.
func TestTR04IdleStreams(t *testing.T) {
	s := start(t, options{})
	pid := s.workers()[0]
	for range 2000 { // what a worker needs anyway
		s.ask("udp", port, patience)
	}
	for range 100 {
		s.ask("tcp", port, patience)
	}
	before := memory(t, pid)
	began := time.Now()
	conns := s.openStreams(idleStreams)
	each := (memory(t, pid) - before) / idleStreams
	t.Logf("%d connections after %v, %d bytes each, worker %d KiB", idleStreams, time.Since(began).Round(time.Millisecond), each, memory(t, pid)>>10)
	if each >= idleStreamCost {
		t.Errorf("%d bytes for each idle connection, less than %d wanted", each, idleStreamCost)
	}
	if !s.ask("udp", port, time.Second) {
		t.Error("no answer over UDP")
	}
	for i := 0; i < len(conns); i += idleSample {
		if err := exchangeLocalhost(conns[i], uint16(i)); err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
	}
	if open := s.counted("server", "tcp_open"); open != idleStreams {
		t.Errorf("%d connections are open", open)
	}
	for i, c := range conns {
		c.SetReadDeadline(time.Now().Add(limits.StreamIdle + idleSlack))
		if n, err := c.Read(make([]byte, 1)); err != io.EOF {
			t.Fatalf("connection %d is not closed: %d bytes, %v", i, n, err)
		}
		c.Close()
	}
}

// TestTR04FewDescriptors: a thousand connections to a worker that has 256 descriptors do not use them up, and UDP goes on.
func TestTR04FewDescriptors(t *testing.T) {
	const descriptors, connections = 256, 1000
	s := prepare(t, options{})
	s.restrict(descriptors)
	s.launch("")
	s.waitLog("everything started")
	answered := 0
	for i := range connections {
		c, err := s.dialFrom(i)
		if err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		t.Cleanup(func() { c.Close() })
		if exchangeLocalhost(c, uint16(i)) == nil {
			answered++
		}
		if i%10 == 0 && !s.ask("udp", port, time.Second) {
			t.Errorf("no answer over UDP with %d connections", i)
		}
	}
	open, share := s.counted("server", "tcp_open"), limits.Divide(descriptors)
	t.Logf("%d of %d answered, %d open", answered, connections, open)
	if open > share.Streams || answered < share.Streams {
		t.Errorf("%d connections open, %d answered, of %d", open, answered, share.Streams)
	}
	if n := s.counted("server", "accept_errors"); n > 0 {
		t.Errorf("%d connections could not be accepted", n)
	}
}

// dialFrom opens connection i, from one of several addresses.
func (s *system) dialFrom(i int) (net.Conn, error) {
	from := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(2+i%idleAddresses))}, Timeout: patience}
	return from.Dial("tcp", net.JoinHostPort(s.addr, strconv.Itoa(port)))
}

// openStreams opens connections from several addresses, each of which asks once.
func (s *system) openStreams(n int) (conns []net.Conn) {
	s.t.Helper()
	for i := range n {
		c, err := s.dialFrom(i)
		if err != nil {
			s.t.Fatalf("connection %d: %v", i, err)
		}
		s.t.Cleanup(func() { c.Close() })
		if err := exchangeLocalhost(c, uint16(i)); err != nil {
			s.t.Fatalf("connection %d: %v", i, err)
		}
		conns = append(conns, c)
	}
	return conns
}

// exchangeLocalhost asks once over a connection.
func exchangeLocalhost(c net.Conn, id uint16) error {
	c.SetDeadline(time.Now().Add(patience))
	query := localhost(id)
	if _, err := c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(query))), query...)); err != nil {
		return err
	}
	var field [2]byte
	if _, err := io.ReadFull(c, field[:]); err != nil {
		return err
	}
	answer := make([]byte, binary.BigEndian.Uint16(field[:]))
	if _, err := io.ReadFull(c, answer); err != nil {
		return err
	}
	if got := binary.BigEndian.Uint16(answer); got != id || refusal(answer) != "" {
		return fmt.Errorf("answer %d, want %d", got, id)
	}
	return nil
}
