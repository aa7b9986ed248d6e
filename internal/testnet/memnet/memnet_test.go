package memnet

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

var at = netip.MustParseAddrPort("127.77.9.9:53") // only read

// echo answers every query with itself and the transport.
func echo(transport string, query []byte) [][]byte {
	return [][]byte{append(query, transport...)}
}

func dial(t *testing.T, f func(context.Context, netip.AddrPort) (net.Conn, error)) net.Conn {
	t.Helper()
	conn, err := f(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func TestUDP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1)
		n.Listen(at, ServerFunc(echo))
		n.SetLink(at.Addr(), Link{Delay: 50 * time.Millisecond})
		conn := dial(t, n.DialUDP)
		start := time.Now()
		conn.Write([]byte("one"))
		conn.Write([]byte("two"))
		buf := make([]byte, 100)
		for _, want := range []string{"oneudp", "twoudp"} {
			size, err := conn.Read(buf)
			if got := string(buf[:size]); got != want || err != nil {
				t.Errorf("read %q, %v; want %q", got, err, want)
			}
		}
		if took := time.Since(start); took != 100*time.Millisecond {
			t.Errorf("took %s", took)
		}
	})
}

func TestTCP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1)
		n.Listen(at, ServerFunc(echo))
		n.SetLink(at.Addr(), Link{Delay: 50 * time.Millisecond})
		start := time.Now()
		conn := dial(t, n.DialTCP)
		for _, piece := range []string{"\x00", "\x03o", "ne\x00\x03two"} { // lengths and messages in pieces
			conn.Write([]byte(piece))
		}
		got := make([]byte, 2*(2+6))
		if _, err := io.ReadFull(conn, got); err != nil {
			t.Fatal(err)
		}
		if want := "\x00\x06onetcp\x00\x06twotcp"; string(got) != want {
			t.Errorf("read %q, want %q", got, want)
		}
		if took := time.Since(start); took != 200*time.Millisecond {
			t.Errorf("took %s", took)
		}
	})
}

func TestTCPHangup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1)
		n.Listen(at, ServerFunc(func(string, []byte) [][]byte { return [][]byte{{}} }))
		conn := dial(t, n.DialTCP)
		conn.Write([]byte("\x00\x01x"))
		for range 2 {
			if size, err := conn.Read(make([]byte, 9)); size != 0 || err != io.EOF {
				t.Errorf("read %d bytes, %v", size, err)
			}
		}
	})
}

func TestDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := dial(t, New(1).DialUDP) // nobody there: silence
		start := time.Now()
		conn.SetReadDeadline(start.Add(time.Hour))
		time.AfterFunc(time.Second, func() { conn.SetReadDeadline(start.Add(2 * time.Second)) })
		conn.Write([]byte("hello"))
		_, err := conn.Read(make([]byte, 9))
		if !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != 2*time.Second {
			t.Errorf("after %s: %v", time.Since(start), err)
		}
		var timeout net.Error
		if !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Errorf("%v is no timeout", err)
		}
	})
}

func TestCloseEndsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := dial(t, New(1).DialUDP)
		time.AfterFunc(time.Second, func() { conn.Close() })
		if _, err := conn.Read(make([]byte, 9)); !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
		if _, err := conn.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
}

func TestRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1)
		if _, err := n.DialTCP(t.Context(), at); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("TCP without server: %v", err)
		}
		n.SetLink(at.Addr(), Link{Refused: true})
		conn := dial(t, n.DialUDP)
		conn.Write([]byte("x"))
		if _, err := conn.Read(make([]byte, 9)); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("UDP refused: %v", err)
		}
	})
}

func TestDialGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1)
		n.SetLink(at.Addr(), Link{Delay: time.Minute})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := n.DialTCP(ctx, at); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}

// TestLoss counts what arrives of many datagrams of which half are lost each way.
func TestLoss(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const sent = 400
		n := New(1)
		n.Listen(at, ServerFunc(echo))
		n.SetLink(at.Addr(), Link{Loss: 0.5})
		conn := dial(t, n.DialUDP)
		for range sent {
			conn.Write([]byte("x"))
		}
		conn.SetReadDeadline(time.Now().Add(time.Second))
		arrived := 0
		for buf := make([]byte, 9); ; arrived++ {
			if _, err := conn.Read(buf); err != nil {
				break
			}
		}
		if arrived < sent/8 || arrived > sent/2 {
			t.Errorf("%d of %d arrived, want about %d", arrived, sent, sent/4)
		}
	})
}

type witness struct{ from netip.AddrPort }

func (w *witness) Answer(string, []byte) [][]byte { return nil }
func (w *witness) AnswerFrom(_ string, from netip.AddrPort, query []byte) [][]byte {
	w.from = from
	return [][]byte{query}
}

func TestSourceServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, w := New(1), &witness{}
		n.Listen(at, w)
		conn := dial(t, n.DialUDP)
		conn.Write([]byte("x"))
		buf := make([]byte, 9)
		if size, err := conn.Read(buf); err != nil || !bytes.Equal(buf[:size], []byte("x")) {
			t.Fatal(err)
		}
		if w.from.String() != conn.LocalAddr().String() {
			t.Errorf("query came from %s, not from %s", w.from, conn.LocalAddr())
		}
	})
}
