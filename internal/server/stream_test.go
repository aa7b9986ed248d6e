package server

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"knot-resolver/internal/limits"
)

func framed(messages ...[]byte) (out []byte) {
	for _, m := range messages {
		out = binary.BigEndian.AppendUint16(out, uint16(len(m)))
		out = append(out, m...)
	}
	return out
}

func send(t *testing.T, c net.Conn, messages ...[]byte) {
	t.Helper()
	if _, err := c.Write(framed(messages...)); err != nil {
		t.Fatal(err)
	}
}

func readFrame(c net.Conn) ([]byte, error) {
	var field [2]byte
	if _, err := io.ReadFull(c, field[:]); err != nil {
		return nil, err
	}
	m := make([]byte, binary.BigEndian.Uint16(field[:]))
	_, err := io.ReadFull(c, m)
	return m, err
}

func readID(t *testing.T, c net.Conn) int {
	t.Helper()
	m, err := readFrame(c)
	if err != nil {
		t.Fatal(err)
	}
	return idOf(m)
}

// closed waits until the server has closed the connection.
func closed(t *testing.T, c net.Conn) {
	t.Helper()
	if m, err := readFrame(c); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("connection still open: %d bytes, %v", len(m), err)
	}
}

func TestTCPInline(t *testing.T) {
	srv, _, addr := start(t, Options{Handler: script{}})
	c := dial(t, "tcp", addr)
	var queries [][]byte
	for i := range 50 {
		queries = append(queries, message(i))
	}
	send(t, c, queries...)
	for i := range 50 {
		if got := readID(t, c); got != i {
			t.Fatalf("answer %d, want %d", got, i)
		}
	}
	c.Close()
	eventually(t, "connection gone", func() bool { return srv.Counters().TCPOpen.Load() == 0 })
}

// TestTCPAllocations pins pipelined queries that are answered inline at none, from the connection to the connection.
func TestTCPAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	_, _, addr := start(t, Options{Handler: script{}})
	c := dial(t, "tcp", addr)
	var queries [][]byte
	for i := range 50 {
		queries = append(queries, message(i))
	}
	burst := framed(queries...)
	answers := make([]byte, len(burst))
	exchange := func() {
		if _, err := c.Write(burst); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(c, answers); err != nil {
			t.Fatal(err)
		}
	}
	for range 10 { // until all buffers have their size
		exchange()
	}
	if n := testing.AllocsPerRun(100, exchange); n >= 1 {
		t.Errorf("%v allocations for %d queries", n, len(queries))
	}
	if !bytes.Equal(answers, burst) {
		t.Errorf("answers %x", answers)
	}
}

func TestTCPOutOfOrder(t *testing.T) {
	const n = 100
	var arrived atomic.Int64
	var turn [n + 1]chan struct{}
	for i := range turn {
		turn[i] = make(chan struct{})
	}
	_, _, addr := start(t, Options{Handler: script{resolve: func(_ context.Context, dst []byte, req *Request) []byte {
		id := idOf(req.Raw)
		if arrived.Add(1) == n {
			close(turn[n-1])
		}
		<-turn[id]
		return append(dst, req.Raw...)
	}}})
	c := dial(t, "tcp", addr)
	for i := range n {
		send(t, c, message(i))
	}
	for i := n - 1; i >= 0; i-- {
		if got := readID(t, c); got != i {
			t.Fatalf("answer %d, want %d: last come, first served", got, i)
		}
		if i > 0 {
			close(turn[i-1])
		}
	}
}

func TestTCPPipelineBound(t *testing.T) {
	const limit, n = 4, 20
	var now, most atomic.Int64
	step := make(chan struct{})
	_, _, addr := start(t, Options{Pipeline: limit, Handler: script{resolve: func(_ context.Context, dst []byte, req *Request) []byte {
		most.Store(max(most.Load(), now.Add(1)))
		<-step
		now.Add(-1)
		return append(dst, req.Raw...)
	}}})
	c := dial(t, "tcp", addr)
	for i := range n {
		send(t, c, message(i))
	}
	eventually(t, "pipeline full", func() bool { return now.Load() == limit })
	for range n {
		step <- struct{}{}
	}
	var ids []int
	for range n {
		ids = append(ids, readID(t, c))
	}
	slices.Sort(ids)
	if ids = slices.Compact(ids); len(ids) != n || most.Load() > limit {
		t.Errorf("%d different answers with %d at once, want %d with at most %d", len(ids), most.Load(), n, limit)
	}
}

func TestTCPHalfClose(t *testing.T) {
	release := make(chan struct{})
	_, _, addr := start(t, Options{Handler: script{resolve: func(_ context.Context, dst []byte, req *Request) []byte {
		<-release
		return append(dst, req.Raw...)
	}}})
	c := dial(t, "tcp", addr)
	send(t, c, message(1), message(2), message(3))
	c.(*net.TCPConn).CloseWrite()
	time.AfterFunc(50*time.Millisecond, func() { close(release) })
	sum := readID(t, c) + readID(t, c) + readID(t, c)
	if sum != 6 {
		t.Errorf("answers sum up to %d, want 6", sum)
	}
	closed(t, c)
}

func TestTCPBadLength(t *testing.T) {
	for name, bytes := range map[string][]byte{
		"zero":             {0, 0},
		"oversize":         binary.BigEndian.AppendUint16(nil, limits.QueryBytes+1),
		"after a good one": append(framed(message(1)), 0, 0),
	} {
		t.Run(name, func(t *testing.T) {
			srv, _, addr := start(t, Options{Handler: script{inline: func([]byte, *Request) ([]byte, bool) { return nil, true }}})
			c := dial(t, "tcp", addr)
			c.Write(bytes)
			closed(t, c)
			if n := srv.Counters().TCPBadFrames.Load(); n != 1 {
				t.Errorf("%d bad frames counted", n)
			}
		})
	}
}

func TestTR01Slowloris(t *testing.T) {
	srv, _, addr := start(t, Options{Handler: script{}, StreamIdle: 150 * time.Millisecond})
	whole := framed(message(1))
	for name, prefix := range map[string][]byte{"first query": nil, "second query": whole} {
		c := dial(t, "tcp", addr)
		c.Write(prefix)
		gone := make(chan struct{})
		go func() { io.Copy(io.Discard, c); close(gone) }()
		for i := 0; ; i++ {
			if i == len(whole)-1 {
				t.Fatalf("%s: byte by byte, and still open", name)
			}
			c.Write(whole[i : i+1])
			select {
			case <-gone:
			case <-time.After(40 * time.Millisecond):
				continue
			}
			break
		}
	}
	eventually(t, "both counted", func() bool { return srv.Counters().TCPTimeouts.Load() == 2 })
}

func TestTCPIdle(t *testing.T) {
	const idle = 100 * time.Millisecond
	_, _, addr := start(t, Options{StreamIdle: idle, Handler: script{resolve: func(_ context.Context, dst []byte, req *Request) []byte {
		time.Sleep(3 * idle)
		return append(dst, req.Raw...)
	}}})
	c := dial(t, "tcp", addr)
	send(t, c, message(1))
	if got := readID(t, c); got != 1 {
		t.Errorf("answer %d, want 1 although it took longer than a connection may be idle", got)
	}
	closed(t, c)
}

func TestTR02NoReadFlood(t *testing.T) {
	answer := make([]byte, 4000)
	srv, _, addr := start(t, Options{StreamWrite: 200 * time.Millisecond, Handler: script{inline: func(dst []byte, _ *Request) ([]byte, bool) {
		return append(dst, answer...), true
	}}})
	c := dial(t, "tcp", addr)
	c.(*net.TCPConn).SetReadBuffer(4096)
	for query := framed(message(1)); ; {
		if _, err := c.Write(query); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatal("still open")
		} else if err != nil {
			break
		}
	}
	eventually(t, "connection gone", func() bool { return srv.Counters().TCPOpen.Load() == 0 })
}

func TestTCPConnectionsPerClient(t *testing.T) {
	srv, _, addr := start(t, Options{Handler: script{}, Streams: 8, StreamsPerClient: 2})
	for range 2 {
		c := dial(t, "tcp", addr)
		send(t, c, message(1))
		readID(t, c)
	}
	third := dial(t, "tcp", addr)
	third.Write(framed(message(1)))
	closed(t, third)
	other := dialFrom(t, "127.0.0.2", addr.String())
	send(t, other, message(2))
	if readID(t, other) != 2 || srv.Counters().TCPRefused.Load() != 1 {
		t.Error("another client was not served")
	}
}

func TestTCPEvictsTheLongestIdle(t *testing.T) {
	srv, _, addr := start(t, Options{Handler: script{}, Streams: 2, StreamsPerClient: 2})
	ask := func(c net.Conn) net.Conn {
		send(t, c, message(1))
		readID(t, c)
		return c
	}
	first, second := ask(dial(t, "tcp", addr)), ask(dial(t, "tcp", addr))
	ask(first)
	third := ask(dialFrom(t, "127.0.0.2", addr.String()))
	closed(t, second)
	ask(first)
	ask(third)
	eventually(t, "two connections open", func() bool { return srv.Counters().TCPOpen.Load() == 2 })
}

func dialFrom(t *testing.T, local, addr string) net.Conn {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(local)}}
	c, err := d.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(5 * time.Second))
	return c
}

func TestTCPShutdownDrains(t *testing.T) {
	started, release := make(chan struct{}), make(chan struct{})
	srv, _, addr := start(t, Options{Handler: script{
		inline: func(dst []byte, req *Request) ([]byte, bool) { return append(dst, req.Raw...), idOf(req.Raw) == 2 },
		resolve: func(_ context.Context, dst []byte, req *Request) []byte {
			close(started)
			<-release
			return append(dst, req.Raw...)
		},
	}})
	c, idle := dial(t, "tcp", addr), dial(t, "tcp", addr)
	send(t, idle, message(2))
	readID(t, idle)
	send(t, c, message(1))
	<-started
	time.AfterFunc(50*time.Millisecond, func() { close(release) })
	if err := shutdown(t, srv, 5*time.Second); err != nil {
		t.Fatal(err)
	}
	if got := readID(t, c); got != 1 {
		t.Errorf("answer %d, want 1", got)
	}
	closed(t, c)
	closed(t, idle)
}

// Queries that are in the kernel, or just on their way, when the server stops are answered.
func TestTCPShutdownReadsWhatHasArrived(t *testing.T) {
	srv, _, addr := start(t, Options{Handler: script{inline: func(dst []byte, req *Request) ([]byte, bool) {
		return append(dst, req.Raw...), true
	}}})
	var conns []net.Conn
	for i := range 50 {
		c := dial(t, "tcp", addr)
		send(t, c, message(i))
		readID(t, c)
		conns = append(conns, c)
	}
	done := make(chan error, 1)
	for i, c := range conns {
		send(t, c, message(100+i))
		if i == len(conns)/2 {
			go func() { done <- shutdown(t, srv, 5*time.Second) }()
		}
	}
	for i, c := range conns {
		if got := readID(t, c); got != 100+i {
			t.Errorf("answer %d, want %d", got, 100+i)
		}
		closed(t, c)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// A client that never pauses does not keep a server from stopping, and its connection ends in order.
func TestFT11ShutdownWhileAsked(t *testing.T) {
	srv, _, addr := start(t, Options{Handler: script{}})
	c := dial(t, "tcp", addr)
	ended, asking := make(chan error, 1), make(chan struct{})
	go func() {
		answer := make([]byte, 65536)
		for i := 0; ; i++ {
			q := message(i % 1000)
			c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(q))), q...))
			if _, err := io.ReadFull(c, answer[:len(q)+2]); err != nil {
				ended <- err
				return
			}
			if i == 10 {
				close(asking)
			}
		}
	}()
	<-asking
	if err := shutdown(t, srv, 5*time.Second); err != nil {
		t.Errorf("Shutdown = %v", err)
	}
	if err := <-ended; err != io.EOF {
		t.Errorf("the connection ended with %v", err)
	}
}

func TestTCPBrokenConnectionCancelsItsQueries(t *testing.T) {
	started, ended := make(chan struct{}), make(chan struct{})
	_, _, addr := start(t, Options{Handler: script{resolve: func(ctx context.Context, dst []byte, req *Request) []byte {
		close(started)
		<-ctx.Done()
		close(ended)
		return nil
	}}})
	c := dial(t, "tcp", addr)
	send(t, c, message(1))
	<-started
	c.(*net.TCPConn).SetLinger(0)
	c.Close()
	select {
	case <-ended:
	case <-time.After(5 * time.Second):
		t.Fatal("context still alive after a reset")
	}
}

// TR-03: however connections end, they stop being counted.
func TestTR03EveryConnectionIsForgotten(t *testing.T) {
	srv, _, addr := start(t, Options{Handler: script{resolve: func(_ context.Context, dst []byte, req *Request) []byte {
		return append(dst, req.Raw...)
	}}})
	for i := range 200 {
		c := dial(t, "tcp", addr)
		switch i % 4 {
		case 0: // queries, reads, closes
			send(t, c, message(i))
			readID(t, c)
		case 1: // resets after its query
			send(t, c, message(i))
			c.(*net.TCPConn).SetLinger(0)
		case 2: // leaves in the middle of a message
			c.Write(framed(message(i))[:7])
		case 3: // half-closes, and does not read
			send(t, c, message(i))
			c.(*net.TCPConn).CloseWrite()
		}
		c.Close()
	}
	eventually(t, "all forgotten", func() bool {
		return srv.Counters().TCPOpen.Load() == 0 && len(srv.streams.all()) == 0
	})
	srv.streams.mu.Lock()
	defer srv.streams.mu.Unlock()
	if len(srv.streams.clients) != 0 {
		t.Errorf("clients still counted: %v", srv.streams.clients)
	}
}
