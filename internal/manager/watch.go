package manager

import (
	"context"
	"sync"
	"time"

	"knot-resolver/internal/limits"
)

// watch asks every worker from time to time for its counters, until ctx ends. It is
// no DNS question: those are counted as a client's. A worker that is alive and answers nothing is killed: the supervisor
// starts another, which finds the waiting questions in its sockets.
func (m *Manager) watch(ctx context.Context) {
	silent := map[post]int{} // failures in a row
	tick := time.NewTicker(limits.ManagerWatch)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		bad := m.probe(ctx)
		for p := range silent {
			if bad[p] == nil {
				delete(silent, p)
			}
		}
		for p, err := range bad {
			if silent[p]++; silent[p] < limits.ManagerWatchFailures || ctx.Err() != nil {
				continue
			}
			delete(silent, p)
			m.Log.Error("worker does not answer, killing it", "process", p, "reason", err)
			if err := m.Supervisor.Kill(ctx, p.String()); err != nil {
				m.Log.Error("cannot kill process", "process", p, "reason", err)
			}
		}
	}
}

// probe asks all workers at once and returns those that are there and fail.
func (m *Manager) probe(ctx context.Context) map[post]error {
	ctx, cancel := context.WithTimeout(ctx, limits.ManagerWatchAnswer)
	defer cancel()
	var mu sync.Mutex
	var all sync.WaitGroup
	bad := map[post]error{}
	for _, p := range m.team.ready() {
		all.Go(func() {
			if _, err := m.count(ctx, p); err != nil && m.team.serving(p) {
				mu.Lock()
				defer mu.Unlock()
				bad[p] = err
			}
		})
	}
	all.Wait()
	return bad
}
