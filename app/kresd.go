package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"sync"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"knot-resolver/internal/control"
	"knot-resolver/internal/limits"
	"knot-resolver/internal/logging"
	"knot-resolver/internal/qlog"
	"knot-resolver/internal/server"
)

func (a *App) workerCommand() *cobra.Command {
	return component("kresd", "resolve", a.work)
}

// work runs worker number n until a signal.
func (a *App) work(ctx context.Context, rundir string, n int) error {
	link, err := join(ctx, rundir, control.RoleWorker, n)
	if err != nil {
		return err
	}
	defer link.Close()
	w := &kresd{version: a.Version, number: n, assignment: link.Assignment, files: link.Files}
	w.logging = logging.New(logging.Options{Process: "kresd"}, w.assignment.Version.Config.Logging)
	defer w.logging.Close()
	w.log = w.logging.With(logging.Group, "system")
	err = w.start(ctx, a.NewEngine, rundir)
	if report := link.Report(err); report != nil {
		w.log.Warn("the manager is gone", "reason", report)
	}
	if err == nil {
		<-ctx.Done()
	}
	return errors.Join(err, w.stop())
}

// kresd is one worker.
type kresd struct {
	version string
	number  int
	logging *logging.Log
	log     *slog.Logger
	files   []int // listening sockets and their journals, as assignment.Sockets; never closed
	engine  Engine
	tap     *qlog.Tap // nil = nobody is told of queries
	endTap  context.CancelFunc
	tapping sync.WaitGroup
	server  *server.Server
	control *http.Server
	sockets *control.Listener

	mu         sync.Mutex
	assignment control.Assignment
}

// start builds the engine, then opens the control sockets, then serves clients.
func (w *kresd) start(ctx context.Context, build NewEngine, rundir string) error {
	a := w.assignment
	if len(w.files) != len(a.Sockets) {
		return fmt.Errorf("%d descriptors for %d sockets", len(w.files), len(a.Sockets))
	}
	limitMemory(a.Version.Config.Workers)
	var err error
	if w.engine, err = build(EngineOptions{a.Version, w.number, a.Canary, a.Temporary(), w.log}); err != nil {
		return err
	}
	network := a.Version.Config.Network
	most := share()
	w.server = server.New(server.Options{Handler: w.handler(), Log: w.log.With("group", "io"), Pipeline: network.TCPPipeline,
		Streams: most.Streams, Resolving: most.Resolving,
		Priority: w.engine.Priority, Heavy: heavy, Shed: w.engine.Shed})
	if most.Resolving < limits.Resolving || most.Streams < limits.Streams {
		w.log.Warn("few descriptors: less can be worked on at once", "questions", most.Resolving, "connections", most.Streams, "wanted", limits.EnoughDescriptors)
	}
	if err := w.listenControl(ctx, rundir); err != nil {
		return err
	}
	for i, fd := range w.files {
		if a.Sockets[i].Proto == control.ProtoJournal {
			continue
		}
		if err := w.serve(fd, a.Sockets[i]); err != nil {
			return err
		}
	}
	return nil
}

// keep gives a UDP socket the journal that goes with it. It can do without.
func (w *kresd) keep(sock *server.Socket, s control.Socket) {
	if s.Proto != "udp" {
		return
	}
	s.Proto = control.ProtoJournal
	i := slices.Index(w.assignment.Sockets, s)
	if i < 0 {
		return
	}
	if err := sock.Keep(w.files[i]); err != nil {
		w.log.Warn("queries in work will be lost if this worker dies", "reason", err)
	}
}

// handler is the engine, with a tap on it if one is configured.
func (w *kresd) handler() server.Handler {
	cfg := w.assignment.Version.Config.Logging.Dnstap
	if !cfg.Enable || w.assignment.Canary {
		return w.engine
	}
	w.tap = qlog.New(qlog.Options{
		Socket: cfg.Socket, Queries: cfg.Queries, Responses: cfg.Responses, TCPRTT: cfg.TCPRTT,
		Version: w.version, Log: w.log.With("group", "dnstap"),
	})
	var ctx context.Context
	ctx, w.endTap = context.WithCancel(context.Background()) // it hears of the last answers, too
	w.tapping.Go(func() { w.tap.Run(ctx) })
	return w.tap.Handler(w.engine)
}

func (w *kresd) listenControl(ctx context.Context, rundir string) error {
	l, err := control.Listen(control.WorkerPath(rundir, w.number), 0o600)
	if err != nil {
		return err
	}
	w.control = control.NewServer(control.WorkerHandler(w), w.log)
	go w.control.Serve(l)
	if w.sockets, err = control.Listen(control.SocketsPath(rundir, w.number), 0o600); err != nil {
		return err
	}
	go control.ServeSockets(ctx, w.sockets, w.current)
	return nil
}

// serve answers clients on a socket. The descriptor itself is kept for the next
// manager; the server works on a copy.
func (w *kresd) serve(fd int, s control.Socket) error {
	served, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	var sock *server.Socket
	if err == nil {
		sock, err = server.FromFile(os.NewFile(uintptr(served), s.Proto+" "+s.Addr))
	}
	if err == nil {
		w.keep(sock, s)
		err = w.server.Serve(sock)
	}
	if err != nil {
		return fmt.Errorf("serve %s %s: %w", s.Proto, s.Addr, err)
	}
	return nil
}

// current is what a restarted manager collects.
func (w *kresd) current() (control.Assignment, []int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.assignment, w.files
}

// stop lets queries in work finish; those that arrive from now on wait in the
// sockets for the next worker.
func (w *kresd) stop() error {
	var errs []error
	if w.server != nil {
		ctx, cancel := context.WithTimeout(context.Background(), limits.WorkerDrain)
		defer cancel()
		if err := w.server.Shutdown(ctx); err != nil {
			w.log.Warn("queries dropped at the end", "reason", err)
		}
	}
	if w.tap != nil {
		w.endTap()
		w.tapping.Wait()
	}
	if w.sockets != nil {
		w.sockets.Close()
	}
	if w.control != nil {
		w.control.Close()
	}
	if w.engine != nil {
		errs = append(errs, w.engine.Close())
	}
	return errors.Join(errs...)
}

// Status implements [control.Worker].
func (w *kresd) Status() control.Status {
	a, _ := w.current()
	return control.Status{
		Worker: w.number, PID: os.Getpid(), Version: a.Version.Number,
		Rules: a.Version.Rules, Canary: a.Canary, Sockets: len(w.server.Sockets()),
	}
}

// Alive implements [control.Worker].
func (w *kresd) Alive(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, limits.WorkerAlive)
	defer cancel()
	return w.server.Probe(ctx)
}

// Metrics implements [control.Worker].
func (w *kresd) Metrics() map[string]any {
	m := w.engine.Metrics()
	if m == nil {
		m = map[string]any{}
	}
	counters := map[string]any{}
	for name, value := range w.server.Counters().All() {
		counters[name] = value
	}
	m["server"] = counters
	if w.tap != nil {
		m["dnstap"] = w.tap.Metrics()
	}
	written, dropped := w.logging.Counters()
	m["log"] = map[string]any{"lines": written, "dropped": dropped}
	return m
}

// Explain implements [control.Worker].
func (w *kresd) Explain(ctx context.Context, name, rrtype string) (json.RawMessage, error) {
	return w.engine.Explain(ctx, name, rrtype)
}

// TestPolicy implements [control.Worker].
func (w *kresd) TestPolicy(q control.PolicyQuery) (json.RawMessage, error) {
	return w.engine.TestPolicy(q)
}

// ClearCache implements [control.Worker].
func (w *kresd) ClearCache(ctx context.Context, what control.CacheClear) (control.CacheCleared, error) {
	return w.engine.ClearCache(ctx, what)
}

// Forget implements [control.Worker].
func (w *kresd) Forget() { w.engine.Forget() }

// Update implements [control.Worker].
func (w *kresd) Update(v control.Version) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.engine.Update(v); err != nil {
		return err
	}
	w.logging.Configure(v.Config.Logging)
	w.assignment.Version = v
	return nil
}

// SelfTest implements [control.Worker].
func (w *kresd) SelfTest(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, limits.ManagerProbe)
	defer cancel()
	return askLocalhost(ctx, w.engine)
}
