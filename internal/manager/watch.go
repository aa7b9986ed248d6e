package manager

import (
	"context"
	"errors"
	"sync"
	"time"

	"knot-resolver/internal/control"
	"knot-resolver/internal/limits"
)

// Events of workers that are counted; they are shown with the worker's own counters.
const (
	eventDeath = "worker.deaths"
	eventStuck = "worker.stuck"
)

// errHanging is a worker that has joined and never got ready.
var errHanging = errors.New("not ready in time")

// watch looks after every worker until ctx ends: whether each of its sockets is being
// served, and what it has counted. A DNS question would not do: the kernel chooses who
// gets it, and it is counted as a client's. A worker that is alive and serves nobody is
// killed: the supervisor starts another, which finds the waiting questions in its
// sockets, and the more often that happens, the longer it waits before.
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
			m.note(p, eventStuck)
			m.kill(ctx, p)
		}
	}
}

func (m *Manager) kill(ctx context.Context, p post) {
	if err := m.Supervisor.Kill(ctx, p.String()); err != nil {
		m.Log.Warn("cannot kill process", "process", p, "reason", err)
	}
}

// note counts an event of a worker.
func (m *Manager) note(p post, event string) {
	if p.role != control.RoleWorker {
		return
	}
	if err := m.ledger.Note(p.String(), event); err != nil {
		m.Log.Warn("counters are not kept for the next manager", "reason", err)
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
			err := m.client(p).Alive(ctx)
			if err == nil {
				_, err = m.count(ctx, p)
			}
			if err != nil && m.team.serving(p) {
				mu.Lock()
				defer mu.Unlock()
				bad[p] = err
			}
		})
	}
	all.Wait()
	for _, p := range m.team.hanging(time.Now().Add(-limits.ManagerStart)) {
		bad[p] = errHanging
	}
	return bad
}
