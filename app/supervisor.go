package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"knot-resolver/internal/config"
	"knot-resolver/internal/control"
	"knot-resolver/internal/limits"
	"knot-resolver/internal/logging"
	"knot-resolver/internal/manager"
	"knot-resolver/internal/supervisor"
	"knot-resolver/internal/supervisor/builtin"
)

// The kinds of supervisor.
const (
	builtinKind     = "builtin"
	supervisordKind = "supervisord"
)

// workersPerCPU is how many workers can be configured (config.md section 5.1).
// The supervisor knows all of them, and one more for the canary.
const workersPerCPU = 10

// Priorities of the programs: a lower one starts earlier and stops later.
const (
	priorityManager = 1
	priorityOthers  = 10
)

// supervisorCommand is the root of the process tree.
func (a *App) supervisorCommand() *cobra.Command {
	var o supervisorOptions
	c := &cobra.Command{
		Use: "supervisor", Short: "run the processes", Hidden: true, Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return a.supervise(c.Context(), o) },
	}
	c.Flags().StringVar(&o.rundir, "rundir", "", "run directory, absolute")
	c.Flags().StringVar((*string)(&o.level), "level", string(config.LogNotice), "log level")
	c.Flags().StringVar((*string)(&o.target), "target", string(config.LogStdout), "log target")
	c.Flags().StringVar(&o.kind, "kind", builtinKind, "builtin or supervisord")
	c.Flags().StringArrayVar(&o.files, "config", nil, "configuration files, absolute")
	return c
}

type supervisorOptions struct {
	rundir, kind string
	level        config.LogLevel
	target       config.LogTarget
	files        []string
}

// supervise takes the run directory and runs the processes in it until a signal
// or the manager ends it.
func (a *App) supervise(ctx context.Context, o supervisorOptions) error {
	ctx, stop := untilSignal(ctx)
	defer stop()
	lock, err := supervisor.Lock(o.rundir)
	if err != nil {
		return err
	}
	removeTraces(o.rundir)
	self, err := os.Executable()
	if err == nil {
		err = o.conf(self).Write()
	}
	if err == nil {
		err = a.runSupervisor(ctx, o)
	}
	if err == nil && manager.GaveUp(o.rundir) {
		err = errFailed
	}
	removeTraces(o.rundir)
	return errors.Join(err, lock.Release())
}

// runSupervisor runs a supervisor of either kind to its end.
func (a *App) runSupervisor(ctx context.Context, o supervisorOptions) error {
	nameProcess("supervisor")
	log := newSupervisorLog(o.level, o.target)
	defer log.Close()
	if o.kind == supervisordKind {
		return supervisor.RunReal(ctx, supervisor.Path(o.rundir), "manager", log.Logger)
	}
	if builtin.Run(ctx, supervisor.Path(o.rundir), a.Stdout, log.Logger) != 0 {
		return errFailed
	}
	return nil
}

// newSupervisorLog returns the logger of the supervisor, which itself adds what it
// adds to the lines of its children.
func newSupervisorLog(level config.LogLevel, target config.LogTarget) *logging.Log {
	prefix := func() string {
		return fmt.Sprintf("%s supervisor[%d]: ", time.Now().UTC().Format("2006-01-02T15:04:05.000Z"), os.Getpid())
	}
	return logging.New(logging.Options{Process: "supervisord", Prefix: prefix}, config.Logging{Level: level, Target: target})
}

// errFailed ends the supervisor with a status that says so; the log has the reason.
var errFailed = errors.New("the system has failed")

// conf is the configuration of the supervisor.
func (o *supervisorOptions) conf(self string) *supervisor.Conf {
	managerArgs := []string{self, "manager", "--rundir", o.rundir, "--level", string(o.level), "--target", string(o.target)}
	for _, name := range o.files {
		managerArgs = append(managerArgs, "--config", name)
	}
	base := supervisor.Program{
		Dir: o.rundir, Priority: priorityOthers, AutoRestart: supervisor.RestartUnexpected,
		ExitCodes: []int{exitUnwanted}, StartSecs: 0, StartRetries: supervisor.RetryForever,
		StopSignal: syscall.SIGTERM, StopWaitSecs: 10, KillAsGroup: true,
	}
	m, loader, worker, gc, transfer := base, base, base, base, base
	m.Name, m.Command, m.Priority = "manager", managerArgs, priorityManager
	m.AutoStart, m.AutoRestart, m.StopSignal = true, supervisor.RestartAlways, syscall.SIGINT // it gives up itself
	m.StopWaitSecs = 30                                                                       // it waits for the others
	loader.Name, loader.Command = string(control.RolePolicyLoader), []string{self, "policy-loader", "--rundir", o.rundir}
	loader.AutoRestart, loader.ExitCodes, loader.StartSecs, loader.StartRetries = supervisor.RestartNever, nil, 0, 0
	worker.Name, worker.NumProcs = "kresd", workersPerCPU*runtime.NumCPU()+1
	worker.Command = []string{self, "kresd", "--rundir", o.rundir, "-n", supervisor.ProcessNum}
	worker.Env = map[string]string{"SYSTEMD_INSTANCE": supervisor.ProcessNum}
	gc.Name, gc.Command = "cache-gc", []string{self, "cache-gc", "--rundir", o.rundir}
	transfer.Name, transfer.Command = "zone-transfer", []string{self, "zone-transfer", "--rundir", o.rundir}
	return &supervisor.Conf{Dir: o.rundir, LogLevel: supervisordLevel(o.level), Programs: []supervisor.Program{m, loader, worker, gc, transfer}}
}

// removeTraces deletes what processes that were killed left in the run directory.
func removeTraces(rundir string) {
	os.Remove(supervisor.Path(rundir))
	os.Remove(supervisor.PIDPath(rundir)) // supervisord would write through a link
	os.Remove(supervisor.SocketPath(rundir))
	os.RemoveAll(control.Dir(rundir))
	os.RemoveAll(filepath.Join(rundir, manager.RulesName))
}

// supervisorLevel is the log level of the supervisor.
func supervisorLevel(l config.Logging) config.LogLevel {
	if slices.Contains(l.Groups, "supervisord") {
		return config.LogInfo
	}
	return l.Level
}

// supervisordLevel is what supervisord calls a log level.
func supervisordLevel(l config.LogLevel) string {
	switch l {
	case config.LogCrit:
		return "critical"
	case config.LogErr:
		return "error"
	case config.LogInfo:
		return "info"
	case config.LogDebug:
		return "debug"
	}
	return "warn"
}

// processes makes the manager's view of a supervisor from the client of one.
type processes struct{ *supervisor.Client }

func (p processes) Start(ctx context.Context, name string) error {
	err := p.StartProcess(ctx, name, false)
	if errors.Is(err, supervisor.AlreadyStarted) {
		return fmt.Errorf("%w: %w", manager.ErrRunning, err)
	}
	return err
}

// Stop asks again while the process does not run but is about to: supervisord starts one
// that died a moment ago only after it has answered, and says until then that there is
// nothing to stop.
func (p processes) Stop(ctx context.Context, name string) error {
	for {
		err := p.StopProcess(ctx, name, true)
		if !errors.Is(err, supervisor.NotRunning) {
			return err
		}
		info, err := p.GetProcessInfo(ctx, name)
		if err != nil || staysDown(&info) {
			return err
		}
		select {
		case <-time.After(limits.SupervisorRestart):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// staysDown reports whether the supervisor has no reason to start a process again.
func staysDown(i *supervisor.Info) bool {
	if i.State == supervisor.Exited {
		return i.ExitStatus == exitUnwanted || i.Name == string(control.RolePolicyLoader)
	}
	return i.State.Down()
}

func (p processes) Kill(ctx context.Context, name string) error {
	return p.SignalProcess(ctx, name, syscall.SIGKILL)
}

func (p processes) Processes(ctx context.Context) (list []manager.Process, err error) {
	infos, err := p.GetAllProcessInfo(ctx)
	for _, i := range infos {
		if i.State.Up() || i.State == supervisor.Stopping {
			list = append(list, manager.Process{Name: i.FullName(), PID: i.PID})
		}
	}
	return list, err
}

func (p processes) Shutdown(ctx context.Context) error {
	err := p.Client.Shutdown(ctx)
	if errors.Is(err, supervisor.ShutdownState) {
		return nil
	}
	return err
}
