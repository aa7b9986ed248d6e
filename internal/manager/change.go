package manager

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"knot-resolver/internal/config"
	"knot-resolver/internal/control"
	"knot-resolver/internal/limits"
)

// Rejected is returned for a valid configuration that cannot be put in force
// while the system runs, or that failed its trial. Nothing has changed.
type Rejected struct{ Err error }

// Error says why.
func (e *Rejected) Error() string { return "change rejected: " + e.Err.Error() }

// Unwrap returns the cause.
func (e *Rejected) Unwrap() error { return e.Err }

// Reload reads the configuration files again and puts them in force. The error
// is a [config.Errors] when they are wrong and a [*Rejected] when they do not
// work; the system then runs on as before.
func (m *Manager) Reload(ctx context.Context) error {
	if err := m.begin(ctx); err != nil {
		return err
	}
	defer m.end()
	old := m.live.Load()
	if old == nil {
		return &Rejected{errors.New("the system is still starting")}
	}
	next, err := m.load(old.Number + 1)
	if err != nil {
		return err
	}
	// A client that hangs up must not leave a change half done.
	if err := m.apply(context.WithoutCancel(ctx), old, next); err != nil {
		m.Log.Error("reload failed, the old configuration stays in force", "reason", err)
		return &Rejected{err}
	}
	return nil
}

// apply moves the system from one version to the next, or fails and leaves it
// where it was.
func (m *Manager) apply(ctx context.Context, old, next *current) (err error) {
	changes, class := compare(old.valid, next.valid)
	m.Log.Info("change", "options", changes, "cost", class)
	switch {
	case class.Has(config.Restart):
		return fmt.Errorf("only a full restart can change %s", strings.Join(changes, ", "))
	case class.Has(config.Policy):
		defer func() { m.keepRules(m.live.Load().Rules) }()
		if err = m.compile(ctx, &next.Version); err != nil {
			return err
		}
	default:
		next.Rules = old.Rules
	}
	if class.Has(config.Worker) {
		err = m.replace(ctx, old, next)
	} else {
		err = m.update(ctx, old, next)
	}
	if err == nil {
		m.use(next)
		m.Log.Info("change applied", "version", next.Number)
	}
	return err
}

// replace proves the version with a canary and then replaces every worker.
func (m *Manager) replace(ctx context.Context, old, next *current) error {
	before, after := old.Config.Workers, next.Config.Workers
	if err := m.tryOut(ctx, next.Version, max(before, after)); err != nil {
		return err
	}
	sockets, fresh, err := m.openSockets(&next.Config)
	if err != nil {
		return err
	}
	if err = m.roll(ctx, next.Version, sockets, before); err == nil {
		m.useSockets(sockets)
		return nil
	}
	m.Log.Error("roll-back", "reason", err)
	if back := m.roll(ctx, old.Version, m.sockets, after); back != nil {
		err = fmt.Errorf("%w; going back failed as well: %w", err, back)
	}
	control.CloseAll(fresh)
	return err
}

// roll replaces the workers one after the other, then corrects their number,
// which was before.
func (m *Manager) roll(ctx context.Context, v control.Version, sockets map[int][]socket, before int) error {
	after := v.Config.Workers
	for n := range min(before, after) {
		if err := m.halt(ctx, worker(n)); err != nil {
			return err
		}
		if err := m.startWorkers(ctx, v, sockets, n, n+1); err != nil {
			return err
		}
	}
	if err := m.startWorkers(ctx, v, sockets, before, after); err != nil {
		return err
	}
	return m.stopWorkers(ctx, after, before)
}

// update gives running workers a version that needs no replacement.
func (m *Manager) update(ctx context.Context, old, next *current) error {
	for n := range next.Config.Workers {
		m.team.reassign(worker(n), next.Version)
	}
	err := m.tell(ctx, next.Version)
	if err == nil {
		return nil
	}
	for n := range old.Config.Workers {
		m.team.reassign(worker(n), old.Version)
	}
	if back := m.tell(ctx, old.Version); back != nil {
		err = fmt.Errorf("%w; going back failed as well: %w", err, back)
	}
	return err
}

// tell sends the version to all workers that are there. One that is just
// starting is refreshed when it is ready.
func (m *Manager) tell(ctx context.Context, v control.Version) error {
	var errs []error
	for _, p := range m.team.ready() {
		ctx, cancel := context.WithTimeout(ctx, limits.ManagerProbe)
		if err := m.client(p).Update(ctx, v); err != nil && !m.team.missing(p) {
			errs = append(errs, fmt.Errorf("%s: %w", p, err))
		}
		cancel()
	}
	return errors.Join(errs...)
}

func (m *Manager) client(p post) *control.Client {
	return control.NewClient(control.WorkerPath(m.Rundir, p.worker))
}
