package iterate

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"knot-resolver/internal/cache"
	"knot-resolver/internal/dns"
	"knot-resolver/internal/limits"
)

func key(text string) flightKey { return flightKey{name: dns.MustName(text), typ: dns.TypeA} }

func newJob(ctx context.Context, e *Engine) *job {
	return &job{e: e, ctx: ctx, budget: new(limits.Budget), task: new(task)}
}

// done is a walk that takes a second.
func done() (cache.Entry, error) {
	time.Sleep(time.Second)
	return cache.Entry{Kind: cache.Positive}, nil
}

// TestCircles lets n tasks each walk one name and need that of the next one, in a circle.
func TestCircles(t *testing.T) {
	for _, n := range []int{1, 2, 3, 10} {
		synctest.Test(t, func(t *testing.T) {
			e := new(Engine)
			names := []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"}[:n]
			var circles atomic.Int32
			var group sync.WaitGroup
			for i := range n {
				group.Go(func() {
					j := newJob(t.Context(), e)
					_, _ = j.share(key(names[i]), func() (cache.Entry, error) {
						time.Sleep(time.Second) // all are under way
						_, err := j.share(key(names[(i+1)%n]), done)
						var f *Failure
						if errors.As(err, &f) && strings.Contains(f.Reason, "known already") {
							circles.Add(1)
						}
						return cache.Entry{}, err
					})
				})
			}
			group.Wait()
			if circles.Load() == 0 || len(e.flights.open) != 0 {
				t.Errorf("%d tasks: %d saw the circle, %d flights left", n, circles.Load(), len(e.flights.open))
			}
		})
	}
}

// TestChainOfWaiting has tasks that wait for each other, but in no circle.
func TestChainOfWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := new(Engine)
		names := []string{"a", "b", "c", "d"}
		var group sync.WaitGroup
		for i := range names[1:] {
			group.Go(func() {
				j := newJob(t.Context(), e)
				if _, err := j.share(key(names[i]), func() (cache.Entry, error) {
					time.Sleep(time.Second)
					return j.share(key(names[i+1]), done)
				}); err != nil {
					t.Error(names[i], err)
				}
			})
		}
		group.Wait()
	})
}

// TestLandedFlight is a task that waits for a flight that has landed: who owned the flight may need him now.
func TestLandedFlight(t *testing.T) {
	a, b := new(task), new(task)
	landed := &flight{owner: b}
	other := &flight{owner: a}
	a.waiting = landed
	if !other.leadsTo(b) {
		t.Error("a waits for b")
	}
	landed.owner = nil
	if other.leadsTo(b) {
		t.Error("a need not wait for b any more")
	}
}

func TestWaiters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := new(Engine)
		var walks, served, refused atomic.Int32
		var group sync.WaitGroup
		for range limits.WaitersPerResolution + 11 {
			group.Go(func() {
				_, err := newJob(t.Context(), e).share(key("a"), func() (cache.Entry, error) {
					walks.Add(1)
					return done()
				})
				var f *Failure
				switch {
				case err == nil:
					served.Add(1)
				case errors.As(err, &f) && f.Passing:
					refused.Add(1)
				}
			})
		}
		group.Wait()
		if walks.Load() != 1 || served.Load() != limits.WaitersPerResolution+1 || refused.Load() != 10 {
			t.Errorf("%d walks, %d served, %d refused", walks.Load(), served.Load(), refused.Load())
		}
	})
}

// TestImpatientWaiter gives up, and the walk goes on for the others.
func TestImpatientWaiter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := new(Engine)
		var group sync.WaitGroup
		group.Go(func() {
			if _, err := newJob(t.Context(), e).share(key("a"), done); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		j := newJob(ctx, e)
		if _, err := j.share(key("a"), done); err == nil || j.task.waiting != nil {
			t.Error(err)
		}
		group.Wait()
	})
}

// TestGivenUp: who waits for a walk that is given up, because its own client is, walks himself.
func TestGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := new(Engine)
		ctx, giveUp := context.WithCancel(t.Context())
		var group sync.WaitGroup
		group.Go(func() {
			newJob(ctx, e).share(key("a"), func() (cache.Entry, error) {
				<-ctx.Done()
				return cache.Entry{}, ctx.Err()
			})
		})
		synctest.Wait()
		var walks atomic.Int32
		for range 3 {
			group.Go(func() {
				entry, err := newJob(t.Context(), e).share(key("a"), func() (cache.Entry, error) {
					walks.Add(1)
					return done()
				})
				if err != nil || entry.Kind != cache.Positive {
					t.Errorf("%v, %v", entry, err)
				}
			})
		}
		synctest.Wait()
		giveUp()
		group.Wait()
		if n := walks.Load(); n != 1 || len(e.flights.open) != 0 {
			t.Errorf("%d walks, %d flights left", n, len(e.flights.open))
		}
	})
}
