package manager

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"knot-resolver/internal/control"
	"knot-resolver/internal/limits"
)

// Supervisor starts and stops processes by the names of its configuration.
type Supervisor interface {
	// Start returns when the process has been started, [ErrRunning] when it runs already.
	Start(ctx context.Context, name string) error
	// Stop returns when the process has gone, also if it was not there.
	Stop(ctx context.Context, name string) error
	// Kill ends the process at once; it is started again.
	Kill(ctx context.Context, name string) error
	// Processes lists the processes that are alive or about to be restarted.
	Processes(ctx context.Context) ([]Process, error)
	// Shutdown makes the supervisor stop every process and itself. It is no
	// error that it does so already.
	Shutdown(ctx context.Context) error
}

// Process is a process of the supervisor.
type Process struct {
	Name string // "kresd:kresd0", "cache-gc", …
	PID  int    // 0 = between two attempts
}

// ErrRunning is returned by [Supervisor.Start] for a process that runs.
var ErrRunning = errors.New("already running")

// post is a place in the system that one process fills.
type post struct {
	role   control.Role
	worker int
}

// String returns the supervisor's name of the process.
func (p post) String() string {
	if p.role == control.RoleWorker {
		return "kresd:kresd" + strconv.Itoa(p.worker)
	}
	return string(p.role)
}

func collector() post { return post{role: control.RoleCacheGC} }

func worker(n int) post { return post{control.RoleWorker, n} }

// postOf is the inverse of post.String; ok is false for other processes.
func postOf(name string) (p post, ok bool) {
	switch name {
	case string(control.RolePolicyLoader), string(control.RoleCacheGC), string(control.RoleTransfer):
		return post{role: control.Role(name)}, true
	}
	digits, ok := strings.CutPrefix(name, "kresd:kresd")
	if !ok {
		return p, false
	}
	n, err := strconv.Atoi(digits)
	return worker(n), err == nil
}

// launch starts the process of p on an assignment and waits until it is ready
// or, one-shot, done.
func (m *Manager) launch(ctx context.Context, p post, a control.Assignment, files []int) (r control.Report, err error) {
	result := m.team.assign(p, a, files)
	err = m.Supervisor.Start(ctx, p.String())
	if errors.Is(err, ErrRunning) { // left over from an earlier manager, or just about to exit
		if err = m.Supervisor.Stop(ctx, p.String()); err == nil {
			err = m.Supervisor.Start(ctx, p.String())
		}
	}
	if err != nil {
		m.team.dismiss(p)
		return r, fmt.Errorf("start %s: %w", p, err)
	}
	if r, err = m.await(ctx, p, result); err != nil {
		return r, fmt.Errorf("%s: %w", p, err)
	}
	return r, nil
}

// await waits for the outcome of a start. A process that has joined is heard of
// even when it dies; only for one that dies before does the supervisor have to
// be asked.
func (m *Manager) await(ctx context.Context, p post, result <-chan control.Report) (r control.Report, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience(p))
	defer cancel()
	look := time.NewTicker(limits.ManagerLook)
	defer look.Stop()
	for missing := 0; missing < 2; { // once may be a report on its way
		select {
		case r = <-result:
			if r.Error != "" {
				return r, errors.New(r.Error)
			}
			return r, nil
		case <-ctx.Done():
			return r, fmt.Errorf("not ready in time: %w", ctx.Err())
		case <-look.C:
		}
		list, err := m.Supervisor.Processes(ctx)
		if err == nil && !slices.ContainsFunc(list, func(x Process) bool { return x.Name == p.String() }) {
			missing++
		} else {
			missing = 0
		}
	}
	return r, errors.New("exited before it was ready")
}

// halt stops the process of p for good.
func (m *Manager) halt(ctx context.Context, p post) error {
	m.countLast(ctx, p)
	m.team.dismiss(p)
	if err := m.Supervisor.Stop(ctx, p.String()); err != nil {
		return fmt.Errorf("stop %s: %w", p, err)
	}
	return nil
}

func patience(p post) time.Duration {
	if p.role == control.RolePolicyLoader {
		return limits.ManagerLoad
	}
	return limits.ManagerStart
}

// stopContext is for cleaning up after a context that may have ended.
func stopContext() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), limits.ManagerStop)
}
