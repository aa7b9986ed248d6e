// Package app turns the packages below it into the processes of the system: one
// file for each role, which builds what the role needs from its configuration
// and owns its orderly end.
//
// A cold start checks the configuration and becomes the supervisor. The
// supervisor runs this same program again in the other roles:
//
//	knot-resolver [-c FILE…]           cold start, then the supervisor
//	knot-resolver manager …            configuration, API, sockets
//	knot-resolver policy-loader …      compiles the policy, once
//	knot-resolver kresd -n N …         resolves
//	knot-resolver cache-gc …           keeps the cache from filling up
//	knot-resolver zone-transfer …      keeps copies of policy zones of other servers
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"knot-resolver/internal/privilege"
	"knot-resolver/internal/supervisor"
)

// Exit statuses of all roles.
const (
	exitFailure = 1
	exitUsage   = 2
	// exitUnwanted ends a process that the manager has no use for; the
	// supervisor does not restart it.
	exitUnwanted = 3
	// exitCollector ends cache-gc when it cannot go on, as in the original; it is
	// started again.
	exitCollector = 10
)

// App is the program.
type App struct {
	Version   string
	NewEngine NewEngine // what a worker resolves with
	Stdout    io.Writer
	Stderr    io.Writer
}

// usageError is a command line that makes no sense.
type usageError struct{ error }

// collectorError is why cache-gc cannot go on.
type collectorError struct{ error }

// Main runs the role that the command line asks for and returns the exit
// status of the process.
func (a *App) Main(args []string) int {
	root := a.Command()
	root.SetArgs(args)
	err := root.ExecuteContext(context.Background())
	if err == nil {
		return 0
	}
	fmt.Fprintln(a.Stderr, err)
	switch {
	case errors.As(err, new(usageError)):
		return exitUsage
	case errors.Is(err, errUnwanted):
		return exitUnwanted
	case errors.As(err, new(collectorError)):
		return exitCollector
	}
	return exitFailure
}

// Command is the command line. The roles are for the supervisor, not for people.
func (a *App) Command() *cobra.Command {
	root := a.startCommand()
	root.AddCommand(a.supervisorCommand(), a.managerCommand(), a.loaderCommand(), a.workerCommand(), a.collectorCommand(), a.transferCommand())
	root.SetOut(a.Stdout)
	root.SetErr(a.Stderr)
	root.SilenceErrors, root.SilenceUsage = true, true
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetHelpCommand(&cobra.Command{Use: "no-help", Hidden: true})
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w\nTry '%s --help'.", err, c.CommandPath())}
	})
	return root
}

// untilSignal returns a context that ends with SIGINT or SIGTERM. Before it is called
// they end the process at once: a signal that was caught would get lost when the
// process executes another program.
func untilSignal(ctx context.Context) (context.Context, context.CancelFunc) {
	return signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
}

// component is a role that works for the manager, and needs no privileges.
func component(use, short string, run func(ctx context.Context, rundir string, worker int) error) *cobra.Command {
	c := role(use, short, run)
	c.PreRunE = func(*cobra.Command, []string) error {
		// Only the manager speaks to the service manager.
		return errors.Join(os.Unsetenv("NOTIFY_SOCKET"), privilege.Drop())
	}
	return c
}

// role is a process that the supervisor starts: its command line names the run
// directory and, for workers, the number.
func role(use, short string, run func(ctx context.Context, rundir string, worker int) error) *cobra.Command {
	var rundir string
	var worker int
	c := &cobra.Command{
		Use: use, Short: short, Hidden: true, Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := dieWithSupervisor(rundir); err != nil {
				return err
			}
			name := use
			if c.Flags().Changed("number") {
				name = fmt.Sprintf("%s%d", use, worker)
			}
			nameProcess(name)
			ctx, stop := untilSignal(c.Context())
			defer stop()
			err := run(ctx, rundir, worker)
			if errors.Is(err, context.Canceled) { // stopped while it waited for the manager
				return nil
			}
			return err
		},
	}
	c.Flags().StringVar(&rundir, "rundir", "", "run directory, absolute")
	c.Flags().IntVarP(&worker, "number", "n", 0, "number of the worker")
	return c
}

// dieWithSupervisor ties this process to the supervisor of the run directory. A
// supervisor that died before this process came to ask was not noticed by the
// kernel; then somebody else is the parent by now.
func dieWithSupervisor(rundir string) error {
	if err := supervisor.DieWithParent(); err != nil {
		return err
	}
	if os.Getenv("SUPERVISOR_ENABLED") == "" {
		return nil
	}
	text, err := os.ReadFile(supervisor.PIDPath(rundir))
	if errors.Is(err, os.ErrNotExist) { // it is written before any process is started
		return supervisor.ErrOrphan
	}
	if pid, bad := strconv.Atoi(strings.TrimSpace(string(text))); err == nil && bad == nil && pid != os.Getppid() {
		return supervisor.ErrOrphan
	}
	return nil
}

// nameProcess sets the short name that ps and top show.
func nameProcess(name string) {
	os.WriteFile("/proc/self/comm", []byte(name), 0) // cosmetic
}
