package manager

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"knot-resolver/internal/config"
	"knot-resolver/internal/control"
)

// world is a supervisor whose processes are goroutines that speak the real
// control protocols.
type world struct {
	managers []*Manager // all that there have been

	t      *testing.T
	rundir string

	mu     sync.Mutex
	alive  map[string]*actor
	events []string // what the manager had done
	pids   int      // given so far

	// fails decides what goes wrong: it is asked with the process, the number
	// of the version and what it is about to do: start, selftest, update, alive.
	fails func(process string, version uint64, step string) error
}

// actor is one process.
type actor struct {
	world *world
	name  string
	stop  context.CancelFunc
	gone  chan struct{}
	pid   int // counts up

	mu      sync.Mutex
	version control.Version
}

func newWorld(t *testing.T) *world {
	t.Helper()
	dir, err := os.MkdirTemp("", "kr") // t.TempDir is too long for a Unix socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return &world{t: t, rundir: dir, alive: map[string]*actor{}, fails: func(string, uint64, string) error { return nil }}
}

func (w *world) event(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, fmt.Sprintf(format, args...))
}

// takeEvents returns what happened since the last call.
func (w *world) takeEvents() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := w.events
	w.events = nil
	return list
}

// versions tells what every worker runs on.
func (w *world) versions() map[string]uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	m := map[string]uint64{}
	for name, a := range w.alive {
		if p, _ := postOf(name); p.role == control.RoleWorker {
			a.mu.Lock()
			m[name] = a.version.Number
			a.mu.Unlock()
		}
	}
	return m
}

func (w *world) Start(_ context.Context, name string) error {
	w.event("start %s", name)
	p, ok := postOf(name)
	if !ok {
		return errors.New("no such process")
	}
	ctx, stop := context.WithCancel(context.Background())
	a := &actor{world: w, name: name, stop: stop, gone: make(chan struct{})}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pids++
	a.pid = w.pids
	if w.alive[name] != nil {
		stop()
		return ErrRunning
	}
	w.alive[name] = a
	go func() {
		defer close(a.gone)
		a.run(ctx, p)
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.alive, name)
	}()
	return nil
}

func (w *world) Stop(_ context.Context, name string) error {
	w.mu.Lock()
	a := w.alive[name]
	w.mu.Unlock()
	if a == nil {
		return nil
	}
	w.event("stop %s", name)
	a.stop()
	<-a.gone
	return nil
}

func (w *world) Kill(ctx context.Context, name string) error { return w.Stop(ctx, name) }

func (w *world) Processes(context.Context) (list []Process, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for name := range w.alive {
		list = append(list, Process{name, 1})
	}
	return list, nil
}

func (w *world) Shutdown(ctx context.Context) error {
	list, _ := w.Processes(ctx)
	for _, p := range list {
		w.Stop(ctx, p.Name)
	}
	return nil
}

// run is the life of a process.
func (a *actor) run(ctx context.Context, p post) {
	link, err := control.Join(ctx, a.world.rundir, p.role, p.worker)
	if err != nil {
		return
	}
	defer link.Close()
	a.mu.Lock()
	a.version = link.Assignment.Version
	a.mu.Unlock()
	if err := a.world.fails(a.name, a.number(), "start"); err != nil {
		link.Report(err)
		<-ctx.Done()
		return
	}
	switch p.role {
	case control.RolePolicyLoader:
		os.MkdirAll(filepath.Join(a.world.rundir, RulesName, fmt.Sprint(a.number())), 0o700)
		link.Compiled(a.number())
		return
	case control.RoleWorker:
		defer a.serve(ctx, p, link)()
	}
	link.Report(nil)
	<-ctx.Done()
}

// serve opens the control sockets of a worker.
func (a *actor) serve(ctx context.Context, p post, link *control.Link) (stop func()) {
	requests, err := control.Listen(control.WorkerPath(a.world.rundir, p.worker), 0o600)
	if err != nil {
		panic(err)
	}
	sockets, err := control.Listen(control.SocketsPath(a.world.rundir, p.worker), 0o600)
	if err != nil {
		panic(err)
	}
	server := &http.Server{Handler: control.WorkerHandler(a)}
	go server.Serve(requests)
	go control.ServeSockets(ctx, sockets, func() (control.Assignment, []int) {
		a.mu.Lock()
		defer a.mu.Unlock()
		assignment := link.Assignment
		assignment.Version = a.version
		return assignment, link.Files
	})
	return func() {
		server.Close()
		sockets.Close()
		control.CloseAll(link.Files)
	}
}

func (a *actor) Status() control.Status {
	return control.Status{PID: a.pid, Version: a.number()}
}
func (a *actor) number() uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.version.Number
}
func (a *actor) Metrics() map[string]any { return map[string]any{"answer": map[string]any{"total": 3}} }
func (a *actor) Alive(context.Context) error {
	return a.world.fails(a.name, a.number(), "alive")
}
func (a *actor) SelfTest(context.Context) error {
	return a.world.fails(a.name, a.number(), "selftest")
}
func (a *actor) TestPolicy(q control.PolicyQuery) (json.RawMessage, error) { return json.Marshal(q) }

func (a *actor) Explain(_ context.Context, name, rrtype string) (json.RawMessage, error) {
	return json.Marshal(name + " " + rrtype)
}
func (a *actor) ClearCache(context.Context, control.CacheClear) (control.CacheCleared, error) {
	a.world.event("clear %s", a.name)
	return control.CacheCleared{Count: 7}, nil
}
func (a *actor) Forget() { a.world.event("forget %s", a.name) }
func (a *actor) Update(v control.Version) error {
	if err := a.world.fails(a.name, v.Number, "update"); err != nil {
		return err
	}
	a.world.event("update %s to %d", a.name, v.Number)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.version = v
	return nil
}

// configure writes the configuration file; more may replace sections.
func (w *world) configure(workers int, more string) {
	w.t.Helper()
	text := fmt.Sprintf("workers: %d\nmanagement: {unix-socket: api.sock}\n%s\n", workers, more)
	for section, value := range map[string]string{
		"rundir:": " .\n", "cache:": " {storage: .}\n", "network:": " {listen: [{interface: 127.0.0.1, port: 5300}]}\n",
	} {
		if !strings.Contains(more, section) {
			text += section + value
		}
	}
	if err := os.WriteFile(filepath.Join(w.rundir, "config.yaml"), []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// listen opens a harmless socket wherever the configuration says.
func listen(cfg *config.Config) (list []Opening, err error) {
	for _, l := range cfg.Network.Listen {
		addr := net.JoinHostPort(l.Addr.String(), fmt.Sprint(l.Port))
		list = append(list, Opening{control.Socket{Kind: "dns", Proto: "udp", Addr: addr}, func() (int, error) {
			if l.Port == 1 {
				return -1, errors.New("port 1 is taken")
			}
			return unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		}})
	}
	return list, nil
}

// manager starts a manager in the world and returns it when its API is there. It
// is stopped at the end of the test or by stop.
func (w *world) manager() (m *Manager, stop func() error) {
	w.t.Helper()
	m = New(Options{
		Rundir: w.rundir, Files: []string{filepath.Join(w.rundir, "config.yaml")}, Supervisor: w,
		Listen: listen, Log: slog.New(slog.DiscardHandler), Logging: func(config.Logging) {},
	})
	w.managers = append(w.managers, m)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx) }()
	stop = sync.OnceValue(func() error { cancel(); return <-ended })
	w.t.Cleanup(func() { stop() })
	for range 1000 {
		if w.hasSockets() {
			m.begin(ctx) // what the start has done is seen from here on
			m.end()
			return m, stop
		}
		select {
		case err := <-ended:
			w.t.Fatalf("manager ended: %v", err)
		case <-time.After(5 * time.Millisecond):
		}
	}
	w.t.Fatal("manager does not start")
	return nil, nil
}

// lastSocket is what a manager opens last. It has to be there before another manager starts
// in this process: the temporary names of their sockets are the same.
func (w *world) lastSocket() string { return filepath.Join(w.rundir, "api.sock") }

func (w *world) hasSockets() bool {
	_, err := os.Stat(w.lastSocket())
	return err == nil
}

// orphan leaves everybody without a manager: those that there are take no care of anybody any more, and manager waits for the
// sockets of the next one.
func (w *world) orphan() {
	for _, m := range w.managers {
		m.team.dismissAll()
	}
	os.Remove(w.lastSocket())
}
