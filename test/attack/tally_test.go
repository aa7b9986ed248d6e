package attack

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
)

// seeds is how often each attack is played (0.2 of the specification).
const seeds = 20

// tally keeps the worst number of each kind that an attack reached.
type tally struct {
	mu    sync.Mutex
	order []string
	worst map[string]float64
	bound map[string]float64
}

// atMost counts a number that must not be above a bound.
func (w *world) atMost(what string, got, bound float64) {
	w.Helper()
	if got > bound {
		w.Errorf("%s: %v, at most %v allowed", what, got, bound)
	}
	w.tally.mu.Lock()
	defer w.tally.mu.Unlock()
	if w.worst == nil {
		w.worst, w.bound = map[string]float64{}, map[string]float64{}
	}
	if !slices.Contains(w.order, what) {
		w.order = append(w.order, what)
	}
	w.worst[what] = max(w.worst[what], got)
	w.bound[what] = bound
}

func (c *tally) String() string {
	var b strings.Builder
	for _, what := range c.order {
		fmt.Fprintf(&b, "; %s %.4g (≤ %.4g)", what, c.worst[what], c.bound[what])
	}
	return strings.TrimPrefix(b.String(), "; ")
}

// play plays an attack with all seeds, each in a world and a bubble of its own, with the liveness probe after it.
func play(t *testing.T, set func(seed uint64) setting, attack func(w *world)) {
	t.Helper()
	var count tally
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var s setting
				if set != nil {
					s = set(seed)
				}
				w := newWorld(t, seed, &count, s)
				defer w.close()
				w.ask("u0.good.test.", 1)
				w.reset()
				attack(w)
				w.probe()
			})
		})
	}
	t.Logf("worst of %d seeds: %s", seeds, &count)
}

// same makes the setting of all seeds.
func same(s setting) func(uint64) setting { return func(uint64) setting { return s } }
