package server

import (
	"context"
	"strings"
	"testing"
	"time"

	"knot-resolver/internal/limits"
)

// A socket whose reader hangs in a request is named; the others are fine, and so is
// it when the request is over.
func TestProbe(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	srv, udp, _ := start(t, Options{Handler: script{inline: func(dst []byte, req *Request) ([]byte, bool) {
		if idOf(req.Raw) == 7 {
			entered <- struct{}{}
			<-release
		}
		return append(dst, req.Raw...), true
	}}})
	probe := func(patience time.Duration) error {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		return srv.Probe(ctx)
	}
	c := dial(t, "udp", udp)
	for range 3 {
		if err := probe(5 * time.Second); err != nil {
			t.Fatal(err)
		}
		if got := idOf(ask(t, c, message(1))); got != 1 {
			t.Fatalf("answer %d after a probe", got)
		}
	}
	before := srv.Counters().UDPQueries.Load()
	const held = 1 + limits.StandIns // the reader and all that can take its place
	for range held {
		c.Write(message(7))
		<-entered
	}
	err := probe(500 * time.Millisecond)
	if err == nil || !strings.Contains(err.Error(), udp.String()) || strings.Count(err.Error(), "127.0.0.1") != 1 {
		t.Errorf("with a stuck reader: %v", err)
	}
	close(release)
	if err := probe(5 * time.Second); err != nil {
		t.Errorf("when it goes on: %v", err)
	}
	for range held {
		receive(t, c)
	}
	if got := srv.Counters().UDPQueries.Load(); got != before+held {
		t.Errorf("%d queries counted for %d", got-before, held)
	}
}

// Probing does not keep a server from ending, nor the other way round.
func TestProbeWhileShuttingDown(t *testing.T) {
	for range 50 {
		srv, _, _ := start(t, Options{Handler: script{}})
		done := make(chan struct{})
		go func() {
			defer close(done)
			for srv.Probe(t.Context()) == nil {
				srv.mu.Lock()
				stopped := srv.stopped
				srv.mu.Unlock()
				if stopped {
					return
				}
			}
		}()
		if err := shutdown(t, srv, 5*time.Second); err != nil {
			t.Fatal(err)
		}
		<-done
	}
}
