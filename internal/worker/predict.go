package worker

import (
	"context"
	"math"
	"sync/atomic"
	"time"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/iterate"
	"knot-resolver/internal/limits"
	"knot-resolver/internal/predict"
)

// Prediction has the answers ready that clients will ask for, by what they asked at the same time before.
type Prediction struct {
	Window time.Duration // length of a window; 0: no prediction
	Period int           // windows after which things repeat
}

// foresight is a worker's prediction at work.
type foresight struct {
	Prediction
	table  *predict.Table
	queued atomic.Int64
}

func newForesight(p Prediction) *foresight {
	if p.Window == 0 {
		return nil
	}
	return &foresight{Prediction: p, table: predict.New(p.Period)}
}

// note learns what a client asks for. Answers repeated from the packet cache are not seen here, but each is seen when it gets there.
func (f *foresight) note(q *iterate.Question) {
	if f != nil && !q.CheckingDisabled {
		f.table.Note(predict.Question{Name: q.Name.Clone(), Type: q.Type}) // it may be borrowed
	}
}

// prepared is how having an answer ready went.
type prepared struct {
	question predict.Question
	renew    time.Time // zero: do not
}

// foresee has answers ready until ctx ends: when a window begins those expected in it, and again before they run out.
func (w *Worker) foresee(ctx context.Context) {
	var plan predict.Plan
	turn, pause := time.Now().Add(w.foresight.Window), time.Time{}
	done, running := make(chan prepared), 0
	for {
		wake := turn
		if next, ok := plan.Next(); ok && running < limits.Predicting {
			wake = earliest(turn, latest(next, pause))
		}
		timer := time.NewTimer(time.Until(wake))
		select {
		case <-ctx.Done():
			timer.Stop()
			for ; running > 0; running-- {
				<-done
			}
			return
		case p := <-done:
			running--
			if !p.renew.IsZero() && p.renew.Before(turn) {
				plan.Add(p.question, p.renew)
			}
		case now := <-timer.C:
			if !now.Before(turn) {
				plan.Clear()
				for _, q := range w.foresight.table.Turn() {
					plan.Add(q, now)
				}
				turn = turn.Add(w.foresight.Window)
			} else if q, ok := plan.Take(now); ok {
				running++
				pause = now.Add(limits.PredictPace)
				go func() { done <- w.prepare(ctx, q) }()
			}
		}
		timer.Stop()
		w.foresight.queued.Store(int64(plan.Len()))
	}
}

// prepare makes sure that the answer to a question is in the cache for some time.
func (w *Worker) prepare(ctx context.Context, p predict.Question) prepared {
	now, translate := time.Now(), w.options.DNS64 != nil
	q := iterate.Question{Name: p.Name, Type: p.Type, Internal: true}
	out, ok := w.fromCache(q, translate)
	if left := life(&out); !ok || left <= limits.PredictMargin {
		q.Fresh, q.Ahead = true, left
		out = w.resolve(ctx, q, new(limits.Budget), nil, translate)
	}
	left := life(&out)
	if out.RCode == dns.RCodeServFail || left < limits.PredictLife {
		return prepared{question: p}
	}
	return prepared{p, now.Add(left - limits.PredictMargin)}
}

// life is how long an answer may be kept.
func life(out *iterate.Outcome) time.Duration {
	least := uint32(math.MaxInt32)
	for _, sets := range [...][]dns.RRset{out.Answer, out.Authority} {
		for i := range sets {
			least = min(least, sets[i].TTL)
		}
	}
	if len(out.Answer)+len(out.Authority) == 0 {
		return 0
	}
	return time.Duration(least) * time.Second
}

func earliest(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// metrics are the counters of prediction, under the names of the original.
func (f *foresight) metrics() map[string]any {
	learned, windows := f.table.Stats()
	return map[string]any{"epoch": windows, "queue": f.queued.Load(), "learned": learned}
}
