package worker

import (
	"context"
	"log/slog"
	"time"

	"knot-resolver/internal/limits"
)

// watchClock empties the cache when the wall clock is set back: entries would live far too long then. It
// compares the wall clock with the monotonic one.
func (w *Worker) watchClock(ctx context.Context, log *slog.Logger) {
	last := time.Now()
	tick := time.NewTicker(limits.ClockCheck)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := time.Now()
		if jumpedBack(now.Sub(last), now.Round(0).Sub(last.Round(0))) { // Round strips the monotonic reading
			log.Warn("the clock was set back, the cache is emptied", "group", "timejm", "to", now.Round(0))
			if _, err := w.ClearCache(Clear{}); err != nil {
				log.Error("the cache cannot be emptied", "group", "timejm", "reason", err)
			}
		}
		last = now
	}
}

// jumpedBack says whether the wall clock lost more than limits.ClockJump against the monotonic clock while this much passed on each.
func jumpedBack(monotonic, wall time.Duration) bool { return monotonic-wall > limits.ClockJump }
