package steady

import (
	"sync/atomic"
	"time"

	"knot-resolver/internal/limits"
)

// watch tells that a call takes long without looking at a clock in each: calls count under the round they began in, and a
// round ends only when those of the round before have.
type watch struct {
	round atomic.Uint32
	under [2]atomic.Int64 // calls under way, by the lowest bit of their round
}

func (w *watch) enter() (round uint32) {
	round = w.round.Load()
	w.under[round&1].Add(1)
	return round
}

func (w *watch) leave(round uint32) { w.under[round&1].Add(-1) }

// turn begins a new round. With waiting it does not: there are calls that began before this one.
func (w *watch) turn() (waiting bool) {
	r := w.round.Load()
	if w.under[(r-1)&1].Load() > 0 {
		return true
	}
	w.round.Store(r + 1)
	return false
}

// quiet says that no call is under way.
func (w *watch) quiet() bool { return w.under[0].Load() <= 0 && w.under[1].Load() <= 0 }

// verdict is what is thought of the storage.
type verdict int

const (
	fine verdict = iota
	stalls
	fails
)

// judge makes up its mind about storage from what is seen every limits.StoreWatch.
type judge struct {
	last    time.Time // when it was asked
	slow    int       // rounds in a row with a call that waits
	failed  uint64    // errors by the begin of the window
	windows time.Time // when that was
}

// see takes whether a call waits and how many have failed since ever.
func (j *judge) see(now time.Time, waiting bool, failed uint64) verdict {
	late := now.Sub(j.last) > 2*limits.StoreWatch // this process did not run: that is not the disk
	j.last = now
	switch {
	case !waiting:
		j.slow = 0
	case !late:
		j.slow++
	}
	if now.Sub(j.windows) >= limits.StoreErrorWindow {
		j.windows, j.failed = now, failed
	}
	switch {
	case j.slow >= limits.StoreStallRounds:
		return stalls
	case failed-j.failed >= limits.StoreErrors:
		return fails
	}
	return fine
}
