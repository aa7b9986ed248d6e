package server

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"knot-resolver/internal/limits"
)

func ask(t testing.TB, c net.Conn, query []byte) []byte {
	t.Helper()
	if _, err := c.Write(query); err != nil {
		t.Fatal(err)
	}
	return receive(t, c)
}

func receive(t testing.TB, c net.Conn) []byte {
	t.Helper()
	buf := make([]byte, 65536)
	n, err := c.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return buf[:n]
}

func TestUDPAnswers(t *testing.T) {
	big := bytes.Repeat([]byte{7}, 20000)
	for name, h := range map[string]script{
		"inline":       {},
		"inline large": {inline: func(dst []byte, req *Request) ([]byte, bool) { return append(dst, big...), true }},
		"resolved":     {resolve: func(_ context.Context, dst []byte, req *Request) []byte { return append(dst, req.Raw...) }},
		"resolved large": {resolve: func(_ context.Context, dst []byte, req *Request) []byte {
			return append(dst, big...)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			_, addr, _ := start(t, Options{Handler: h})
			c := dial(t, "udp", addr)
			for i := range 3 {
				got := ask(t, c, message(i))
				if want := message(i); !bytes.Equal(got, want) && !bytes.Equal(got, big) {
					t.Errorf("answer of %d bytes, want %d", len(got), len(want))
				}
			}
		})
	}
}

func TestUDPBatch(t *testing.T) {
	srv, addr, _ := start(t, Options{Handler: script{}})
	c := dial(t, "udp", addr)
	const rounds, burst = 10, 3 * limits.UDPBatch / 2
	for round := range rounds {
		seen := map[int]bool{}
		for i := range burst {
			if _, err := c.Write(message(round*burst + i)); err != nil {
				t.Fatal(err)
			}
		}
		for range burst {
			seen[idOf(receive(t, c))] = true
		}
		if len(seen) != burst {
			t.Fatalf("round %d: %d different answers, want %d", round, len(seen), burst)
		}
	}
	eventually(t, "all answers counted", func() bool { return srv.Counters().UDPAnswers.Load() == rounds*burst })
}

// A connected socket receives only from the address it sent to (TR-22).
func TestUDPWildcardAnswersFromTheAddressAsked(t *testing.T) {
	for _, kind := range []string{"inline", "resolved"} {
		h := script{inline: func(dst []byte, req *Request) ([]byte, bool) {
			return fmt.Appendf(dst, "%s %s", req.Local.Addr(), req.Client), kind == "inline"
		}, resolve: func(_ context.Context, dst []byte, req *Request) []byte {
			return fmt.Appendf(dst, "%s %s", req.Local.Addr(), req.Client)
		}}
		for wildcard, asked := range map[string][]string{
			"0.0.0.0:0": {"127.0.0.1", "127.0.0.5", "127.1.2.3"},
			"[::]:0":    {"::1"},
		} {
			srv := New(Options{Handler: h})
			defer shutdown(t, srv, time.Second)
			port := serve(t, srv, Spec{Addr: netip.MustParseAddrPort(wildcard)}).Port()
			for _, ip := range asked {
				c := dial(t, "udp", netip.AddrPortFrom(netip.MustParseAddr(ip), port))
				want := fmt.Sprintf("%s %s", ip, c.LocalAddr())
				if got := string(ask(t, c, message(1))); got != want {
					t.Errorf("%s: handler saw %q, want %q", kind, got, want)
				}
			}
		}
	}
}

func TestUDPDropsLowPortsAndLongQueries(t *testing.T) {
	srv, addr, _ := start(t, Options{Handler: script{}})
	good := dial(t, "udp", addr)
	good.Write(make([]byte, limits.QueryBytes+1))
	if low, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 9), Port: limits.MinClientPort - 1}); err == nil {
		defer low.Close()
		low.WriteToUDPAddrPort(message(1), addr)
		eventually(t, "low port counted", func() bool { return srv.Counters().UDPBadPort.Load() == 1 })
	}
	if got := idOf(ask(t, good, message(2))); got != 2 {
		t.Errorf("answer %d, want 2", got)
	}
	if n := srv.Counters().UDPTooLong.Load(); n != 1 {
		t.Errorf("%d too long, want 1", n)
	}
	if longest := ask(t, good, make([]byte, limits.QueryBytes)); len(longest) != limits.QueryBytes {
		t.Errorf("longest query echoed as %d bytes", len(longest))
	}
}

func TestUDPSilence(t *testing.T) {
	quiet := func(dst []byte, req *Request) ([]byte, bool) {
		switch idOf(req.Raw) {
		case 1:
			return nil, true
		case 2:
			return dst, false
		}
		return append(dst, req.Raw...), true
	}
	srv, addr, _ := start(t, Options{Handler: script{inline: quiet, resolve: func(context.Context, []byte, *Request) []byte { return nil }}})
	c := dial(t, "udp", addr)
	c.Write(message(1))
	c.Write(message(2))
	if got := idOf(ask(t, c, message(3))); got != 3 {
		t.Errorf("answer %d, want only 3", got)
	}
	eventually(t, "one answer counted", func() bool { return srv.Counters().UDPAnswers.Load() == 1 })
}

// TestUDPBusy: who waits too long while others are worked on is turned away.
func TestUDPBusy(t *testing.T) {
	release := make(chan struct{})
	shed := func(dst []byte, req *Request) []byte { return append(append(dst, req.Raw...), "shed"...) }
	srv, addr, _ := start(t, Options{Resolving: 2, Shed: shed, Handler: script{resolve: func(_ context.Context, dst []byte, req *Request) []byte {
		<-release
		return append(dst, req.Raw...)
	}}})
	c := dial(t, "udp", addr)
	for i := range 5 {
		c.Write(message(i))
	}
	for range 3 {
		if answer := receive(t, c); !bytes.HasSuffix(answer, []byte("shed")) {
			t.Errorf("answer %x", answer)
		}
	}
	// Those in work had to make room, but took no notice.
	if n := srv.Counters().ShedLate.Load(); n != 3 {
		t.Errorf("%d turned away", n)
	}
	close(release)
	receive(t, c)
	receive(t, c)
	ask(t, c, message(9)) // there is room again
}

// TestUDPLateBurst: of many misses that get ready at once each is answered, once, and few goroutines stay.
func TestUDPLateBurst(t *testing.T) {
	const queries = 3 * limits.UDPBatch
	release := make(chan struct{})
	srv, addr, _ := start(t, Options{Handler: script{resolve: func(_ context.Context, dst []byte, req *Request) []byte {
		<-release
		return append(dst, req.Raw...)
	}}})
	c := dial(t, "udp", addr)
	for i := range queries {
		c.Write(message(i))
	}
	eventually(t, "all in work", func() bool { return srv.Counters().Resolving.Load() == queries })
	close(release)
	answered := map[int]int{}
	for range queries {
		answered[idOf(receive(t, c))]++
	}
	if len(answered) != queries {
		t.Errorf("%d different answers of %d", len(answered), queries)
	}
	eventually(t, "few goroutines", func() bool { n := srv.idle.Load(); return 0 < n && n <= limits.IdleGoroutines })
	ask(t, c, message(9)) // by one of them
	eventually(t, "all counted", func() bool { return srv.Counters().UDPAnswers.Load() == queries+1 })
}

func TestUDPShutdownFinishesWhatWasTakenAndLeavesTheRest(t *testing.T) {
	started, release := make(chan struct{}), make(chan struct{})
	srv := New(Options{Handler: script{resolve: func(_ context.Context, dst []byte, req *Request) []byte {
		close(started)
		<-release
		return append(dst, req.Raw...)
	}}})
	sock := open(t, Spec{Addr: loopback()})
	inherited := fileOf(t, sock)
	srv.Serve(sock)
	c := dial(t, "udp", sock.Addr())
	c.Write(message(1))
	<-started
	stopped := make(chan error)
	go func() { stopped <- shutdown(t, srv, 5*time.Second) }()
	eventually(t, "reading stopped", func() bool { srv.mu.Lock(); defer srv.mu.Unlock(); return srv.stopped })
	srv.readers.Wait()
	c.Write(message(2))
	close(release)
	if got := idOf(receive(t, c)); got != 1 {
		t.Fatalf("answer %d, want 1", got)
	}
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
	next := New(Options{Handler: script{}})
	defer shutdown(t, next, time.Second)
	sock, err := FromFile(inherited)
	if err != nil {
		t.Fatal(err)
	}
	next.Serve(sock)
	if got := idOf(receive(t, c)); got != 2 {
		t.Fatalf("the next server answered %d, want the waiting 2", got)
	}
}

func fileOf(t *testing.T, sock *Socket) *os.File {
	t.Helper()
	f, err := sock.File()
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestShutdownGraceEnds(t *testing.T) {
	started, ended := make(chan struct{}), make(chan struct{})
	srv, addr, _ := start(t, Options{Handler: script{resolve: func(ctx context.Context, dst []byte, req *Request) []byte {
		close(started)
		<-ctx.Done()
		close(ended)
		return append(dst, req.Raw...)
	}}})
	c := dial(t, "udp", addr)
	c.Write(message(1))
	<-started
	if err := shutdown(t, srv, 20*time.Millisecond); err != context.DeadlineExceeded {
		t.Errorf("Shutdown = %v, want the end of its context", err)
	}
	<-ended
}

// The inline path allocates nothing, on wildcard sockets neither.
func TestUDPInlineAllocations(t *testing.T) {
	srv := New(Options{Handler: script{}})
	defer shutdown(t, srv, time.Second)
	sock := open(t, Spec{Addr: netip.MustParseAddrPort("0.0.0.0:0")})
	if err := sock.Keep(newJournal(t)); err != nil {
		t.Fatal(err)
	}
	srv.Serve(sock)
	c := dial(t, "udp", netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), sock.Addr().Port()))
	query, buf := message(1), make([]byte, 512)
	if n := testing.AllocsPerRun(1000, func() {
		c.Write(query)
		c.Read(buf)
	}); n != 0 {
		t.Errorf("%v allocations per query, want 0", n)
	}
}

func BenchmarkUDPInline(b *testing.B) {
	_, addr, _ := start(b, Options{Handler: script{}})
	c := dial(b, "udp", addr)
	c.SetDeadline(time.Time{})
	query, buf := message(1), make([]byte, 512)
	const window = 32
	b.ReportAllocs()
	for sent := 0; sent < b.N; sent += window {
		for range window {
			c.Write(query)
		}
		for range window {
			if _, err := c.Read(buf); err != nil {
				b.Fatal(err)
			}
		}
	}
}
