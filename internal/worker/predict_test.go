package worker

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"knot-resolver/internal/server"
	"knot-resolver/internal/testnet"
)

// queries counts what servers were asked for a name while f ran.
func queries(world *testnet.World, name string, f func()) (n int) {
	for _, s := range world.Servers() {
		s.ForgetQueries()
	}
	f()
	for _, s := range world.Servers() {
		for _, q := range s.Queries() {
			if strings.EqualFold(q.Name, name) {
				n++
			}
		}
	}
	return n
}

// TestPrediction: what was asked in one window of the period is there when the window comes again, before anybody asks; what
// is asked in all windows is kept there.
func TestPrediction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world, err := testnet.New()
		if err != nil {
			t.Fatal(err)
		}
		const morning, always = "www.example.se.", "www.example.cz."
		w := newWorker(t, world)
		w.foresight = newForesight(Prediction{Window: time.Hour, Period: 8})
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan struct{})
		go func() {
			w.Run(ctx)
			close(ended)
		}()
		time.Sleep(time.Minute)
		for window := range 10 {
			ready := map[string]bool{always: window >= 4}
			if window%8 == 0 {
				ready[morning] = window == 8
			}
			for name, want := range ready {
				n := queries(world, name, func() {
					for range 2 {
						w.packets.Clear()
						if m := ask(t, w, query(name, "A"), server.UDP); len(m.Answer) == 0 {
							t.Fatalf("window %d, %s: %v", window, name, m)
						}
					}
				})
				if (n == 0) != want {
					t.Errorf("window %d: servers were asked for %s: %d times", window, name, n)
				}
			}
			time.Sleep(time.Hour)
		}
		m := w.Metrics()["predict"].(map[string]any)
		if m["epoch"] != 10 || m["learned"] != 2 {
			t.Errorf("%v", m)
		}
		cancel()
		<-ended
	})
}
