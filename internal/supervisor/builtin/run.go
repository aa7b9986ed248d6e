package builtin

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"knot-resolver/internal/supervisor"
)

// flushPatience bounds how long the exit waits for the last lines to be written
// and the last RPC answers to be fetched.
const flushPatience = 500 * time.Millisecond

// Run supervises the programs of a configuration file until SIGTERM, SIGINT or
// SIGQUIT, the end of ctx, or a shutdown call, and returns the exit code: 0 after
// an orderly end, 1 when it could not start or the manager could not be kept
// running. Labelled child output goes to stdout.
//
// Run owns the process: it handles its signals and waits for all of its children,
// so nothing else in the process may run commands.
func Run(ctx context.Context, confPath string, stdout io.Writer, log *slog.Logger) int {
	conf, err := supervisor.Read(confPath)
	if err != nil {
		log.Error("start supervisor", "error", err)
		return 1
	}
	l := &loop{
		conf: conf, path: confPath, log: log,
		groups: map[string][]*process{}, pids: map[int]*process{},
		work: make(chan func()), done: make(chan struct{}),
	}
	if err := l.run(ctx, stdout); err != nil {
		log.Error("supervisor", "error", err)
		return 1
	}
	return l.exitCode
}

func (l *loop) run(ctx context.Context, stdout io.Writer) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("become subreaper: %w", err)
	}
	// SIGPIPE is caught, not ignored: children would inherit that, and without
	// either a closed standard output would end the supervisor.
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP, syscall.SIGPIPE)
	defer signal.Stop(signals)
	children := make(chan os.Signal, 1) // one pending notice is enough: reap takes all
	signal.Notify(children, syscall.SIGCHLD)
	defer signal.Stop(children)

	if err := supervisor.WritePID(l.conf.Dir, os.Getpid()); err != nil {
		return fmt.Errorf("write pid file: %w", err)
	}
	defer os.Remove(supervisor.PIDPath(l.conf.Dir))
	rpc, err := serve(l)
	if err != nil {
		return err
	}
	defer rpc.close()
	l.out = newOutput(stdout)
	defer l.out.close(flushPatience)
	defer close(l.done)

	l.addAll()
	l.events(ctx, signals, children)
	killAdopted()
	return nil
}

// events runs until everything has stopped after a request to do so.
func (l *loop) events(ctx context.Context, signals, children <-chan os.Signal) {
	cancelled := ctx.Done()
	for !l.stopping || len(l.alive()) > 0 {
		select {
		case f := <-l.work:
			f()
		case <-children:
			l.reap()
		case sig := <-signals:
			l.signalled(sig.(syscall.Signal))
		case <-cancelled:
			cancelled = nil
			l.shutdown()
		}
	}
}

func (l *loop) signalled(sig syscall.Signal) {
	switch sig {
	case syscall.SIGPIPE:
	case syscall.SIGHUP:
		for _, p := range l.groups[managerName] {
			if p.pid == 0 {
				continue
			}
			if err := p.signal(sig); err != nil {
				l.log.Warn("forward SIGHUP", "error", err)
			}
		}
	default:
		l.log.Info("shutting down", "signal", sig.String())
		l.shutdown()
	}
}
