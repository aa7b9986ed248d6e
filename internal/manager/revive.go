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
	time.AfterFunc(limits.ManagerRevive, func() {
		if ctx.Err() != nil || !m.team.missing(p) {
			return
		}
		m.Log.Error("process did not come back, starting it", "process", p)
		if err := m.Supervisor.Start(ctx, p.String()); err != nil && !errors.Is(err, ErrRunning) {
			m.Log.Error("cannot start process", "process", p, "reason", err)
		}
		m.revive(ctx, p)
	})
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
