package server

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// script is a Handler made of functions. Without them it echoes inline.
type script struct {
	inline  func(dst []byte, req *Request) ([]byte, bool)
	resolve func(ctx context.Context, dst []byte, req *Request) []byte
}

func (h script) Inline(dst []byte, req *Request) ([]byte, bool) {
	if h.inline != nil {
		return h.inline(dst, req)
	}
	if h.resolve != nil {
		return nil, false
	}
	return append(dst, req.Raw...), true
}

func (h script) Resolve(ctx context.Context, dst []byte, req *Request) []byte {
	return h.resolve(ctx, dst, req)
}

// message returns a query-sized message with the number in its id.
func message(id int) []byte {
	m := make([]byte, 40)
	binary.BigEndian.PutUint16(m, uint16(id))
	return m
}

func idOf(m []byte) int { return int(binary.BigEndian.Uint16(m)) }

// seatless makes start take all seats away.
var seatless bool

// start serves a fresh loopback socket of each kind and shuts the server down with the test.
func start(t testing.TB, opts Options) (srv *Server, udp, tcp netip.AddrPort) {
	t.Helper()
	srv = New(opts)
	if seatless {
		withoutSeats(srv)
	}
	t.Cleanup(func() { shutdown(t, srv, time.Second) })
	return srv, serve(t, srv, Spec{Addr: loopback()}), serve(t, srv, Spec{Addr: loopback(), Stream: true})
}

func loopback() netip.AddrPort { return netip.MustParseAddrPort("127.0.0.1:0") }

func serve(t testing.TB, srv *Server, spec Spec) netip.AddrPort {
	t.Helper()
	sock := open(t, spec)
	if err := srv.Serve(sock); err != nil {
		t.Fatal(err)
	}
	return sock.Addr()
}

func open(t testing.TB, spec Spec) *Socket {
	t.Helper()
	f, err := Listen(spec)
	if err != nil {
		t.Fatal(err)
	}
	sock, err := FromFile(f)
	if err != nil {
		t.Fatal(err)
	}
	return sock
}

func shutdown(t testing.TB, srv *Server, grace time.Duration) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	return srv.Shutdown(ctx)
}

func dial(t testing.TB, network string, addr netip.AddrPort) net.Conn {
	t.Helper()
	c, err := net.Dial(network, addr.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(5 * time.Second))
	return c
}

// eventually waits for something that other goroutines bring about.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for range 500 {
		if condition() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("never: " + what)
}

func TestListenReportsWhatFailed(t *testing.T) {
	elsewhere := netip.MustParseAddrPort("192.0.2.1:0")
	_, err := Listen(Spec{Addr: elsewhere})
	var failure *ListenError
	if !errors.As(err, &failure) || failure.Op != "bind" {
		t.Fatalf("Listen(%v) = %v, want a ListenError of bind", elsewhere, err)
	}
	f, err := Listen(Spec{Addr: elsewhere, Freebind: true})
	if err != nil {
		t.Fatalf("with freebind: %v", err)
	}
	f.Close()
	if _, err := Listen(Spec{}); err == nil {
		t.Error("the zero address was accepted")
	}
}

func TestListenTwiceOnOnePort(t *testing.T) {
	for _, stream := range []bool{false, true} {
		first := open(t, Spec{Addr: loopback(), Stream: stream})
		defer first.Close()
		second, err := Listen(Spec{Addr: first.Addr(), Stream: stream})
		if err != nil {
			t.Errorf("stream %v: %v", stream, err)
			continue
		}
		second.Close()
	}
}

// A blocking socket would keep the process that reads it from stopping, so passing a descriptor on
// must not change the mode of the socket behind it.
func TestSocketsStayNonBlocking(t *testing.T) {
	for _, stream := range []bool{false, true} {
		opened, err := Listen(Spec{Addr: loopback(), Stream: stream})
		if err != nil {
			t.Fatal(err)
		}
		nonBlocking := func(f *os.File) bool {
			flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0)
			return err == nil && flags&unix.O_NONBLOCK != 0
		}
		if !nonBlocking(opened) {
			t.Errorf("stream %v: blocking after Listen", stream)
		}
		sock, err := FromFile(opened)
		if err != nil {
			t.Fatal(err)
		}
		defer sock.Close()
		if again := fileOf(t, sock); !nonBlocking(again) {
			t.Errorf("stream %v: blocking after File", stream)
		}
	}
}

func TestFromFileRefusesOtherFiles(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if _, err := FromFile(r); err == nil {
		t.Error("a pipe was accepted")
	}
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fds[0])
	if _, err := FromFile(os.NewFile(uintptr(fds[1]), "unix")); err == nil {
		t.Error("a unix socket was accepted")
	}
}

func TestServeAfterShutdown(t *testing.T) {
	srv := New(Options{Handler: script{}})
	if err := shutdown(t, srv, time.Second); err != nil {
		t.Fatal(err)
	}
	if err := srv.Serve(open(t, Spec{Addr: loopback()})); !errors.Is(err, ErrStopped) {
		t.Errorf("Serve = %v, want ErrStopped", err)
	}
}
