package server

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"knot-resolver/internal/limits"
	"knot-resolver/internal/server/journal"
)

func newJournal(t testing.TB) int {
	t.Helper()
	fd, err := journal.Create()
	if err != nil {
		t.Fatal(err)
	}
	return fd
}

// heirs are servers that come one after the other to one socket and journal. Those before the last are as good as dead: they are stuck
// in what they have taken, and never answer.
type heirs struct {
	t       *testing.T
	journal int
	origin  *Socket
	entered chan struct{} // a value for each query that somebody is stuck in
	stuck   chan struct{}
	end     func() // of being stuck
}

func newHeirs(t *testing.T, addr string) *heirs {
	t.Helper()
	h := &heirs{t: t, journal: newJournal(t), origin: open(t, Spec{Addr: netip.MustParseAddrPort(addr)})}
	h.entered, h.stuck = make(chan struct{}, limits.UDPBatch), make(chan struct{})
	h.end = sync.OnceFunc(func() { close(h.stuck) })
	t.Cleanup(func() { h.origin.Close() })
	return h
}

// next serves the socket with a handler.
func (h *heirs) next(handler Handler) *Server {
	h.t.Helper()
	srv := New(Options{Handler: handler})
	h.t.Cleanup(func() { h.end(); shutdown(h.t, srv, time.Second) })
	sock, err := FromFile(fileOf(h.t, h.origin))
	if err == nil {
		err = sock.Keep(h.journal)
	}
	if err == nil {
		err = srv.Serve(sock)
	}
	if err != nil {
		h.t.Fatal(err)
	}
	srv.mu.Lock()
	srv.attended = nil // nobody stands in for the dead
	srv.mu.Unlock()
	return srv
}

// settled waits until srv has forgotten what it has answered, which it does after the answer.
func (h *heirs) settled(srv *Server) {
	h.t.Helper()
	if err := srv.Probe(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	srv.work.Wait()
}

// wait waits until somebody is stuck in n queries.
func (h *heirs) wait(n int) {
	h.t.Helper()
	for range n {
		select {
		case <-h.entered:
		case <-time.After(5 * time.Second):
			h.t.Fatal("nobody takes the queries")
		}
	}
}

// linger is stuck.
func (h *heirs) linger() {
	select {
	case h.entered <- struct{}{}:
	case <-h.stuck:
	}
	<-h.stuck
}

// stuckInline is stuck at its first query, with the rest of the batch unread.
func (h *heirs) stuckInline() script {
	return script{inline: func([]byte, *Request) ([]byte, bool) { h.linger(); return nil, true }}
}

// stuckResolving takes everything up and gets nowhere.
func (h *heirs) stuckResolving() script {
	return script{resolve: func(context.Context, []byte, *Request) []byte { h.linger(); return nil }}
}

func resolved(_ context.Context, dst []byte, req *Request) []byte { return append(dst, req.Raw...) }

// receiveAll returns the ids of n answers, in their order.
func receiveAll(t *testing.T, c net.Conn, n int) (ids []int) {
	t.Helper()
	for range n {
		ids = append(ids, idOf(receive(t, c)))
	}
	slices.Sort(ids)
	return ids
}

// FT-01: what a worker had taken when it died is answered by the next: the batch just received, and misses in work; from
// cache or resolved.
func TestReplay(t *testing.T) {
	for dies, first := range map[string]func(h *heirs) script{"inline": (*heirs).stuckInline, "resolving": (*heirs).stuckResolving} {
		for lives, second := range map[string]script{"inline": {}, "resolved": {resolve: resolved}} {
			t.Run(dies+", then "+lives, func(t *testing.T) {
				h := newHeirs(t, "127.0.0.1:0")
				c := dial(t, "udp", h.origin.Addr())
				const queries = limits.UDPBatch
				var want []int
				for i := range queries {
					c.Write(message(i))
					want = append(want, i)
				}
				h.next(first(h))
				if dies == "resolving" {
					h.wait(queries)
				} else {
					h.wait(1)
				}
				heir := h.next(second)
				if got := receiveAll(t, c, queries); !slices.Equal(got, want) {
					t.Errorf("answers %v", got)
				}
				if n := heir.Counters().UDPReplayed.Load(); n != queries {
					t.Errorf("%d replayed", n)
				}
				if dies == "inline" { // the others still read
					ask(t, c, message(queries))
				}
				h.settled(heir)
				if n := h.next(script{}).Counters().UDPReplayed.Load(); n != 0 {
					t.Errorf("%d replayed that were answered", n)
				}
			})
		}
	}
}

// A replayed query is answered from the address it was sent to (TR-22), to who has sent it.
func TestReplayKeepsAddresses(t *testing.T) {
	for wildcard, asked := range map[string]string{"0.0.0.0:0": "127.1.2.3", "[::]:0": "::1"} {
		for _, first := range []func(h *heirs) script{(*heirs).stuckInline, (*heirs).stuckResolving} {
			h := newHeirs(t, wildcard)
			c := dial(t, "udp", netip.AddrPortFrom(netip.MustParseAddr(asked), h.origin.Addr().Port()))
			c.Write(message(1))
			h.next(first(h))
			h.wait(1)
			h.next(script{inline: func(dst []byte, req *Request) ([]byte, bool) {
				return fmt.Appendf(dst, "%s %s", req.Local.Addr(), req.Client), true
			}})
			if got, want := string(receive(t, c)), asked+" "+c.LocalAddr().String(); got != want {
				t.Errorf("the handler saw %q, want %q", got, want)
			}
		}
	}
}

// A query that two servers in a row died of is dropped; one that had only the bad luck to be behind it is not.
func TestReplayDropsPoison(t *testing.T) {
	h := newHeirs(t, "127.0.0.1:0")
	c := dial(t, "udp", h.origin.Addr())
	c.Write(message(1))
	c.Write(message(2))
	h.next(h.stuckInline())
	h.wait(1)
	h.next(h.stuckInline())
	h.wait(1)
	last := h.next(script{})
	if id := idOf(receive(t, c)); id != 2 {
		t.Errorf("answer %d, want 2", id)
	}
	if n := last.Counters().UDPReplayDrops.Load(); n != 1 {
		t.Errorf("%d dropped", n)
	}
}

// An orderly stop leaves nothing, not even a query that could not be finished.
func TestReplayNothingAfterStop(t *testing.T) {
	h := newHeirs(t, "127.0.0.1:0")
	c := dial(t, "udp", h.origin.Addr())
	srv := h.next(h.stuckResolving())
	c.Write(message(1))
	h.wait(1)
	if err := shutdown(t, srv, time.Millisecond); err == nil {
		t.Error("it was not")
	}
	next := h.next(script{})
	ask(t, c, message(2))
	if n, drops := next.Counters().UDPReplayed.Load(), next.Counters().UDPReplayDrops.Load(); n+drops != 0 {
		t.Errorf("%d replayed, %d dropped", n, drops)
	}
}

// What cannot be a journal is refused, and the socket works without.
func TestKeepRefusesWhatIsNoFile(t *testing.T) {
	sock := open(t, Spec{Addr: loopback()})
	if err := sock.Keep(-1); err == nil || !strings.Contains(err.Error(), sock.Addr().String()) {
		t.Errorf("error %v", err)
	}
	srv := New(Options{Handler: script{}})
	defer shutdown(t, srv, time.Second)
	srv.Serve(sock)
	ask(t, dial(t, "udp", sock.Addr()), message(1))
}
