package server

import (
	"context"
	"testing"
	"time"

	"knot-resolver/internal/limits"
)

// A request that holds the reader of a socket holds nobody else; without the reader's help the last stand-in is held, too,
// and that is told.
func TestFT18StandIn(t *testing.T) {
	release, held := make(chan struct{}), make(chan struct{}, 2*limits.StandIns)
	srv, addr, _ := start(t, Options{Handler: script{inline: func(dst []byte, req *Request) ([]byte, bool) {
		if idOf(req.Raw) < 100 {
			held <- struct{}{}
			<-release
		}
		return append(dst, req.Raw...), true
	}}})
	holding, c := dial(t, "udp", addr), dial(t, "udp", addr)
	for i := range limits.StandIns {
		holding.Write(message(i))
		<-held
		for id := range 10 {
			if got := idOf(ask(t, c, message(100+id))); got != 100+id {
				t.Fatalf("answer %d, want %d", got, 100+id)
			}
		}
		if n := srv.Counters().UDPStandIns.Load(); n != uint64(i+1) {
			t.Errorf("%d stand-ins with %d held", n, i+1)
		}
		if err := srv.Probe(t.Context()); err != nil {
			t.Error(err)
		}
	}
	holding.Write(message(99))
	<-held
	ctx, cancel := context.WithTimeout(t.Context(), 5*limits.ReaderWatch)
	defer cancel()
	if err := srv.Probe(ctx); err == nil {
		t.Error("nobody serves, and nobody is told")
	}
	// A server that stops does not wait for them for ever.
	if err := shutdown(t, srv, 50*time.Millisecond); err != context.DeadlineExceeded {
		t.Errorf("Shutdown = %v", err)
	}
	close(release)
	srv.readers.Wait()
}

// When the reader is back the stand-in leaves.
func TestStandInLeaves(t *testing.T) {
	release, held := make(chan struct{}), make(chan struct{})
	srv, addr, _ := start(t, Options{Handler: script{inline: func(dst []byte, req *Request) ([]byte, bool) {
		if idOf(req.Raw) == 0 {
			close(held)
			<-release
		}
		return append(dst, req.Raw...), true
	}}})
	holding, c := dial(t, "udp", addr), dial(t, "udp", addr)
	holding.Write(message(0))
	<-held
	ask(t, c, message(1))
	close(release)
	receive(t, holding)
	eventually(t, "one reader", func() bool {
		ask(t, c, message(2)) // a stand-in that has to leave takes one batch more
		return srv.standing.Load() == 0
	})
}
