package manager

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"knot-resolver/internal/config"
	"knot-resolver/internal/control"
	"knot-resolver/internal/limits"
	"knot-resolver/internal/manager/files"
	"knot-resolver/internal/manager/metrics"
)

// Options is what a manager needs. All fields are required.
type Options struct {
	Rundir     string   // absolute
	Files      []string // configuration files, absolute
	Supervisor Supervisor
	Listen     ListenFunc
	Log        *slog.Logger
	// Logging is told how to log from now on when a version comes into force.
	Logging func(config.Logging)
}

// Manager runs the system below one run directory.
type Manager struct {
	Options
	team *team

	change   chan struct{}           // holds one token: the right to change what runs
	live     atomic.Pointer[current] // nil until started
	history  *history
	door     *door              // set when the configuration is known
	ledger   *metrics.Ledger    // set by Run
	scrapes  singleflight.Group // one look at all counters for all who ask
	graphite graphite           // guarded by the token
	watcher  *files.Watcher     // set by Run; nil when there is none
	sockets  map[int][]socket   // by worker; guarded by the token
	shutdown context.CancelFunc // set by Run
	cacheDir *os.File           // claimed; guarded by the token
	gaveUp   bool               // a start failed for the last time
	leaving  atomic.Bool        // this manager ends, the system does not
}

// current is the version in force with its checked document.
type current struct {
	control.Version
	valid *config.Valid
}

// New returns a manager; Run starts it.
func New(o Options) *Manager {
	m := &Manager{Options: o, change: make(chan struct{}, 1), sockets: map[int][]socket{}}
	m.change <- struct{}{}
	m.team = newTeam(o.Log)
	m.history = &history{file: historyFile(o.Rundir), failed: func(err error) {
		o.Log.Warn("the history of the configuration is not kept", "reason", err)
	}}
	return m
}

// Run starts the system or takes over a running one, and serves until ctx ends
// or the API is asked to stop. Then it stops the whole system and returns nil. After an
// upgrade it leaves the system to another manager and returns [ErrSuccessor].
// A start that fails returns why; the supervisor then tries another manager, until
// one gives up.
func (m *Manager) Run(ctx context.Context) error {
	ctx, m.shutdown = context.WithCancel(ctx)
	defer m.shutdown()
	if err := control.MakeDir(m.Rundir); err != nil {
		return fmt.Errorf("manager: %w", err)
	}
	m.openLedger()
	m.openWatcher(ctx)
	join, err := control.Listen(control.JoinPath(m.Rundir), 0o600)
	if err != nil {
		return err
	}
	defer join.Close()
	debug, err := control.Listen(filepath.Join(control.Dir(m.Rundir), "manager.sock"), 0o600)
	if err != nil {
		return err
	}
	defer debug.Close()
	go control.NewServer(profiling(), m.Log).Serve(debug)
	m.team.lost = func(p post) { m.revive(ctx, p) }
	m.team.extra = func(p post) { m.expel(ctx, p) }
	m.team.stale = func(p post) { m.refresh(ctx, p) }
	go m.team.accept(join)
	defer m.closeDoor()

	err = m.start(ctx)
	m.team.welcome() // nobody is kept waiting when that failed early
	if err != nil && m.gaveUp {
		return err // the signal that may have come since is the answer to that
	}
	if ctx.Err() != nil {
		return m.stopAll()
	}
	if err != nil {
		return err
	}
	return m.serve(ctx)
}

// start brings everything to the point where clients are served.
func (m *Manager) start(ctx context.Context) error {
	if err := m.begin(ctx); err != nil {
		return err
	}
	defer m.end()
	adopted, err := m.adopt(ctx)
	if err != nil {
		pause(ctx, limits.ManagerPace)
		return err
	}
	if adopted {
		return nil
	}
	if err := m.coldStart(ctx); err != nil {
		if ctx.Err() == nil {
			m.coldStartFailed(err)
		}
		return err
	}
	os.Remove(failuresFile(m.Rundir))
	return nil
}

// openDoor opens the API of a configuration; requests wait until it is served.
func (m *Manager) openDoor(c config.Management) (err error) {
	m.door, err = openDoor(c)
	return err
}

func (m *Manager) closeDoor() {
	if m.door != nil {
		m.door.Close()
	}
}

// use makes v the version in force.
func (m *Manager) use(v *current) {
	m.live.Store(v)
	if m.watcher != nil {
		m.watcher.Watch(slices.Collect(maps.Keys(inputs(&v.Config))))
	}
	m.Logging(v.Config.Logging)
	m.graphite.use(m, v.Config.Graphite)
}

// begin waits for the right to change what runs; end gives it back.
func (m *Manager) begin(ctx context.Context) error {
	select {
	case <-m.change:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (m *Manager) end() { m.change <- struct{}{} }

// RulesName is the directory of all generations of the policy, below the run
// directory.
const RulesName = "ruledb"

// pause waits, but not longer than ctx lasts.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// stopAll stops the system: the supervisor ends every process, this one last.
func (m *Manager) stopAll() error {
	ctx, cancel := stopContext()
	defer cancel()
	m.team.dismissAll()
	err := m.Supervisor.Shutdown(ctx)
	m.team.wait(ctx)
	os.RemoveAll(filepath.Join(m.Rundir, RulesName))
	os.RemoveAll(control.Dir(m.Rundir))
	if err != nil {
		return fmt.Errorf("manager: stop: %w", err)
	}
	return nil
}
