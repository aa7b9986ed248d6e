package manager

import (
	"context"
	"errors"
	"time"

	"knot-resolver/internal/control"
	"knot-resolver/internal/limits"
)

// revive follows up on a process that has gone though it is wanted. The
// supervisor restarts it; the manager only steps in when that does not happen.
func (m *Manager) revive(ctx context.Context, p post) {
	if ctx.Err() != nil || p.role == control.RolePolicyLoader { // that one ends by itself
		return
	}
	m.Log.Warn("process is gone, waiting for its restart", "process", p)
	m.note(p, eventDeath)
	time.AfterFunc(limits.ManagerRevive, func() { m.startMissing(ctx, p) })
}

// startMissing starts a process that did not come back, until it does. It never
// gets in the way of a change.
func (m *Manager) startMissing(ctx context.Context, p post) {
	if m.begin(ctx) != nil {
		return
	}
	defer m.end()
	if !m.team.missing(p) {
		return
	}
	m.Log.Error("process did not come back, starting it", "process", p)
	err := m.Supervisor.Start(ctx, p.String())
	if errors.Is(err, ErrRunning) { // between two attempts, or hanging before it has joined
		err = nil
		m.kill(ctx, p)
	}
	if err != nil {
		m.Log.Error("cannot start process", "process", p, "reason", err)
	}
	m.revive(ctx, p)
}

// expel stops a process that somebody else has started; the supervisor would
// start it again and again. Who is wanted is clear only between two changes.
func (m *Manager) expel(ctx context.Context, p post) {
	if m.begin(ctx) != nil {
		return
	}
	defer m.end()
	if _, wanted := m.team.assignment(p); wanted {
		return
	}
	if err := m.Supervisor.Stop(ctx, p.String()); err != nil {
		m.Log.Warn("cannot stop process", "process", p, "reason", err)
	}
}

// refresh sends a worker the version that came into force while it started.
func (m *Manager) refresh(ctx context.Context, p post) {
	a, wanted := m.team.assignment(p)
	if !wanted {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, limits.ManagerProbe)
	defer cancel()
	if err := m.client(p).Update(ctx, a.Version); err != nil {
		m.Log.Error("worker keeps an old version", "process", p, "reason", err)
	}
}
