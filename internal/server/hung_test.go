package server

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"knot-resolver/internal/limits"
)

// A request that does not end is counted and told once; when such requests hold a part of the places the probe fails.
func TestHungRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		release := make(chan struct{})
		srv := New(Options{Log: slog.New(slog.NewTextHandler(&log, nil)), Resolving: 2 * limits.HungShare, Handler: script{
			inline:  func(dst []byte, _ *Request) ([]byte, bool) { return dst, false },
			resolve: func(_ context.Context, dst []byte, req *Request) []byte { <-release; return append(dst, req.Raw...) },
		}})
		ask := func(id int) {
			srv.Answer(&Request{Raw: message(id), Transport: TCP}, func([]byte) {})
			synctest.Wait()
		}
		look := func() { srv.lookForHung(time.Now()); srv.lookForHung(time.Now()) }
		ask(1)
		time.Sleep(limits.ResolvingHung)
		look()
		if n := srv.Counters().Hung.Load(); n != 0 || log.Len() > 0 {
			t.Errorf("%d too early: %s", n, &log)
		}
		time.Sleep(time.Millisecond)
		look()
		if n := srv.Counters().Hung.Load(); n != 1 || strings.Count(log.String(), "does not end") != 1 {
			t.Errorf("%d counted: %s", n, &log)
		}
		if err := srv.Probe(t.Context()); err != nil {
			t.Error(err)
		}
		ask(2)
		time.Sleep(limits.ResolvingHung + time.Millisecond)
		look()
		if err := srv.Probe(t.Context()); err == nil || !strings.Contains(err.Error(), "2 requests do not end") {
			t.Errorf("Probe = %v", err)
		}
		close(release)
		synctest.Wait()
		look()
		if err := srv.Probe(t.Context()); err != nil || srv.Counters().Hung.Load() != 0 {
			t.Errorf("when they have ended: %v", err)
		}
		shutdown(t, srv, time.Second)
	})
}
