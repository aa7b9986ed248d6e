package manager

import (
	"context"
	"errors"
	"time"

	"knot-resolver/internal/control"
	"knot-resolver/internal/limits"
)

// revive follows up on a process that has gone though it is wanted.
func (m *Manager) revive(ctx context.Context, p post) {
	if ctx.Err() != nil || p.role == control.RolePolicyLoader { // that one ends by itself
		return
	}
	m.Log.Warn("process is gone, waiting for its restart", "process", p)
	m.note(p, eventDeath)
	go m.bringBack(ctx, p)
}

// bringBack sees to it that a process comes back. The built-in supervisor has started it
// again before we ask; supervisord would only look after a second, but does what it is
// asked at once.
func (m *Manager) bringBack(ctx context.Context, p post) {
	for try := 0; ctx.Err() == nil; try++ {
		if try < limits.ManagerNudges {
			pause(ctx, limits.ManagerNudge)
		} else {
			pause(ctx, limits.ManagerRevive)
		}
		if !m.startMissing(ctx, p) {
			return
		}
	}
}

// startMissing starts a process that has not come back, and reports whether there is
// anything left to do. It never gets in the way of a change.
func (m *Manager) startMissing(ctx context.Context, p post) (again bool) {
	if m.begin(ctx) != nil {
		return false
	}
	defer m.end()
	missing, since := m.team.missing(p)
	if !missing {
		return false
	}
	err := m.Supervisor.Start(ctx, p.String())
	switch {
	case !errors.Is(err, ErrRunning):
	case time.Since(since) > limits.ManagerRevive: // it runs and does not join
		m.Log.Error("process did not come back, killing it", "process", p)
		m.kill(ctx, p)
		err = nil
	default:
		err = nil
	}
	if err != nil {
		m.Log.Error("cannot start process", "process", p, "reason", err)
	}
	return true
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
