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

// errNeedsRestart is the cause of a [*Rejected] change of what is fixed while the
// system runs.
var errNeedsRestart = errors.New("only a full restart can change")

// The least that a change costs, whatever has changed.
const (
	asNeeded    = config.None
	filesAnew   = config.Policy                 // the policy's input files may have changed
	workersAnew = config.Policy | config.Worker // so may all others
)

// Reload reads the configuration files again and puts them in force. The error
// is a [config.Errors] when they are wrong and a [*Rejected] when they do not
// work; the system then runs on as before.
func (m *Manager) Reload(ctx context.Context) error { return m.reload(ctx, asNeeded) }

func (m *Manager) reloadForced(ctx context.Context) error { return m.reload(ctx, workersAnew) }

func (m *Manager) reload(ctx context.Context, least config.Class) error {
	return m.transact(ctx, "reload", least, func(old *current) (*current, error) { return m.load(old.Number + 1) })
}

// Renew puts the configuration in force once more, with what the files of the
// policy contain now.
func (m *Manager) Renew(ctx context.Context) error { return m.renew(ctx, "renew", filesAnew) }

func (m *Manager) renewForced(ctx context.Context) error { return m.renew(ctx, "renew", workersAnew) }

func (m *Manager) renew(ctx context.Context, origin string, least config.Class) error {
	return m.transact(ctx, origin, least, func(old *current) (*current, error) {
		return m.check(old.valid.Document(), old.Number+1)
	})
}

// transact puts the version that next makes of the one in force in its place, or
// fails as [Manager.Reload] does. The origin is for the history.
func (m *Manager) transact(ctx context.Context, origin string, least config.Class, next func(*current) (*current, error)) error {
	if err := m.begin(ctx); err != nil {
		return err
	}
	defer m.end()
	old := m.live.Load()
	if old == nil {
		return &Rejected{errors.New("the system is still starting")}
	}
	notifyReloading()
	defer m.notifyReady()
	version, err := next(old)
	if err != nil {
		return err
	}
	// A client that hangs up must not leave a change half done.
	if err := m.apply(context.WithoutCancel(ctx), old, version, least); err != nil {
		m.Log.Error("change failed, the old configuration stays in force", "origin", origin, "reason", err)
		return &Rejected{err}
	}
	m.history.add(version, origin)
	m.Log.Info("change applied", "version", version.Number)
	return nil
}

// apply moves the system from one version to the next, or fails and leaves it
// where it was.
func (m *Manager) apply(ctx context.Context, old, next *current, least config.Class) (err error) {
	changes, class := compare(old.valid, next.valid)
	class |= least
	if len(next.Config.LocalData.Files()) > 0 {
		class |= config.Policy // what is in them may have changed
	}
	m.Log.Info("change", "options", changes, "cost", class)
	switch {
	case class.Has(config.Restart):
		return fmt.Errorf("%w %s", errNeedsRestart, strings.Join(changes, ", "))
	case class.Has(config.Policy):
		defer func() { m.keepRules(m.live.Load().Rules) }()
		if err = m.compile(ctx, &next.Version); err != nil {
			return err
		}
	default:
		next.Rules = old.Rules
	}
	defer func() {
		if err != nil {
			if back := m.moveTransfers(ctx, &next.Version, &old.Version, least); back != nil {
				err = fmt.Errorf("%w; going back failed as well: %w", err, back)
			}
		}
	}()
	if err = m.moveTransfers(ctx, &old.Version, &next.Version, least); err != nil {
		return err
	}
	if class.Has(config.Worker) {
		err = m.moveCache(old.Config.Cache.Storage, next.Config.Cache.Storage, func() error { return m.replace(ctx, old, next) })
	} else {
		err = m.update(ctx, old, next)
	}
	if err == nil {
		if class.Has(config.Collector) {
			m.restartCollector(ctx, next.Version)
		}
		m.use(next)
	}
	return err
}

// replace proves the version with a canary and then replaces every worker, while a
// bridge serves beside them.
func (m *Manager) replace(ctx context.Context, old, next *current) error {
	before, after := old.Config.Workers, next.Config.Workers
	spare := worker(max(before, after))
	if err := m.tryOut(ctx, next.Version, spare); err != nil {
		return err
	}
	sockets, fresh, err := m.openSockets(&next.Config)
	if err != nil {
		return err
	}
	defer m.removeBridge(spare)
	if err = m.bridge(ctx, spare, next.Version, sockets); err == nil {
		err = m.roll(ctx, next.Version, sockets, before)
	}
	if err == nil {
		m.useSockets(sockets)
		release(sockets)
		return nil
	}
	m.Log.Error("roll-back", "reason", err)
	release(sockets)
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
	if before > after {
		m.retire(sockets)
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
		if err := m.client(p).Update(ctx, v); err != nil {
			if missing, _ := m.team.missing(p); !missing {
				errs = append(errs, fmt.Errorf("%s: %w", p, err))
			}
		}
		cancel()
	}
	return errors.Join(errs...)
}

func (m *Manager) client(p post) *control.Client {
	if p.role == control.RoleCacheGC {
		return control.NewClient(control.CollectorPath(m.Rundir))
	}
	return control.NewClient(control.WorkerPath(m.Rundir, p.worker))
}
