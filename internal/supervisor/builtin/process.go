package builtin

import (
	"errors"
	"fmt"
	"syscall"
	"time"

	"knot-resolver/internal/supervisor"
)

// process is one supervised process. Only the loop touches it.
type process struct {
	loop *loop
	spec supervisor.Process

	state     supervisor.State
	pid       int // 0 when there is no process
	exit      int
	spawnErr  string
	startedAt time.Time
	stoppedAt time.Time

	retries  int // failed starts in a row, up to FATAL
	failures backoff
	timer    *time.Timer
	waiters  []func(supervisor.State) (done bool)
}

func (p *process) group() string    { return p.spec.Program.Name }
func (p *process) fullName() string { return supervisor.FullName(p.group(), p.spec.Name) }

func (p *process) info() supervisor.Info {
	return supervisor.Info{
		Group: p.group(), Name: p.spec.Name, State: p.state, PID: p.pid,
		ExitStatus: p.exit, SpawnErr: p.spawnErr, Start: p.startedAt, Stop: p.stoppedAt,
	}
}

// enter changes the state, which ends whatever the old state was waiting for.
func (p *process) enter(s supervisor.State) {
	p.loop.log.Debug("process state", "process", p.fullName(), "from", p.state.String(), "to", s.String())
	p.state = s
	if p.timer != nil {
		p.timer.Stop()
		p.timer = nil
	}
	waiting := p.waiters
	p.waiters = nil
	for _, done := range waiting {
		if !done(s) {
			p.waiters = append(p.waiters, done)
		}
	}
	p.loop.entered(p)
}

// await calls f with the present state and each later one until it returns true.
func (p *process) await(f func(supervisor.State) (done bool)) {
	if !f(p.state) {
		p.waiters = append(p.waiters, f)
	}
}

// after runs f on the loop when the state has lasted d.
func (p *process) after(d time.Duration, f func()) {
	var timer *time.Timer
	timer = time.AfterFunc(d, func() {
		p.loop.post(func() {
			if p.timer == timer { // else the state was left meanwhile
				f()
			}
		})
	})
	p.timer = timer
}

// start leaves STOPPED, EXITED, FATAL or BACKOFF.
func (p *process) start() {
	p.startedAt, p.spawnErr, p.exit = time.Now(), "", 0
	p.enter(supervisor.Starting)
	pid, err := p.loop.spawn(p)
	if err != nil {
		p.failedStart(err.Error())
		return
	}
	p.pid = pid
	p.loop.pids[pid] = p
	p.loop.log.Info("process started", "process", p.fullName(), "pid", pid)
	if wait := p.spec.Program.StartTime(); wait > 0 {
		p.after(wait, p.running)
		return
	}
	p.running()
}

func (p *process) running() {
	p.retries = 0
	p.enter(supervisor.Running)
}

// failedStart decides between another try and giving up.
func (p *process) failedStart(why string) {
	p.spawnErr = why
	p.retries++
	if p.retries > p.spec.Program.StartRetries {
		p.loop.log.Error("process failed to start too often", "process", p.fullName(), "reason", why)
		p.retries = 0
		p.enter(supervisor.Fatal)
		return
	}
	p.loop.log.Warn("process failed to start", "process", p.fullName(), "reason", why)
	p.retry()
}

// retry starts the process again when its back-off is over. The delay goes
// through the loop even when it is zero: a start never nests in another one.
func (p *process) retry() {
	delay := p.failures.failed(time.Since(p.startedAt))
	p.enter(supervisor.Backoff)
	if p.state == supervisor.Backoff { // a waiter may have stopped it
		p.after(delay, p.start)
	}
}

// ended is called when the process has been reaped.
func (p *process) ended(status syscall.WaitStatus) {
	p.pid = 0
	p.stoppedAt = time.Now()
	code := -1
	if status.Exited() {
		code = status.ExitStatus()
	}
	p.loop.log.Info("process ended", "process", p.fullName(), "status", describe(status))
	switch p.state {
	case supervisor.Stopping:
		p.exit = code
		p.enter(supervisor.Stopped)
	case supervisor.Starting:
		p.failedStart("Exited too quickly (" + describe(status) + ")")
	default:
		p.exited(code)
	}
}

func (p *process) exited(code int) {
	prog := p.spec.Program
	p.exit = code
	if !prog.ExpectedExit(code) {
		p.spawnErr = fmt.Sprintf("Bad exit code %d", code)
	}
	p.enter(supervisor.Exited)
	if p.state != supervisor.Exited || p.loop.stopping {
		return
	}
	if prog.AutoRestart == supervisor.RestartAlways ||
		prog.AutoRestart == supervisor.RestartUnexpected && !prog.ExpectedExit(code) {
		p.retry()
	}
}

// terminate begins to stop the process: by its stop signal, and by SIGKILL when
// that takes too long.
func (p *process) terminate() error {
	if p.state == supervisor.Backoff {
		p.enter(supervisor.Stopped)
		return nil
	}
	prog := p.spec.Program
	p.enter(supervisor.Stopping)
	p.after(prog.StopWait(), p.kill)
	return p.signal(prog.StopSignal)
}

// signal sends sig to the process alone. One that is just ending does not mind.
func (p *process) signal(sig syscall.Signal) error {
	if err := syscall.Kill(p.pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("signal %s: %w", p.fullName(), err)
	}
	return nil
}

func (p *process) kill() {
	p.loop.log.Warn("process does not stop, killing it", "process", p.fullName(), "pid", p.pid)
	pid := p.pid
	if p.spec.Program.KillAsGroup {
		pid = -pid
	}
	_ = syscall.Kill(pid, syscall.SIGKILL)
}

func describe(status syscall.WaitStatus) string {
	if status.Signaled() {
		return "terminated by " + status.Signal().String()
	}
	return fmt.Sprintf("exit status %d", status.ExitStatus())
}
