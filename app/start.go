package app

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"knot-resolver/internal/config"
)

// defaultConfig is read when no file is named.
const defaultConfig = "/etc/knot-resolver/config.yaml"

// long is the help and the description in the manual page.
const long = `Caching, DNSSEC-validating DNS resolver: a supervisor, a manager with one declarative configuration and
an HTTP API, resolving workers that share a cache on disk, a cache collector and a policy loader.

The configuration is read from /etc/knot-resolver/config.yaml unless files are named. A running system is controlled
with kresctl. SIGTERM and SIGINT stop it, SIGHUP puts the configuration files in force.

Exit status: 0 stopped in order, 1 the configuration is wrong or the system cannot start, 2 wrong usage.

Environment: KRES_LOGGING_TARGET is the log target (stdout, stderr, syslog) when the configuration says from-env;
NOTIFY_SOCKET and WATCHDOG_USEC are those of systemd.`

// startCommand is the cold start, what people and service managers run.
func (a *App) startCommand() *cobra.Command {
	var files []string
	var kind string
	c := &cobra.Command{
		Use:     "knot-resolver [-c FILE…]",
		Short:   "Caching, validating DNS resolver",
		Long:    long,
		Version: a.Version,
		Args:    cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, more []string) error {
			if len(more) > 0 && len(files) == 0 {
				return usageError{fmt.Errorf("unknown command or argument %q", more[0])}
			}
			if files = append(files, more...); len(files) == 0 {
				files = []string{defaultConfig}
			}
			return a.coldStart(files, kind)
		},
	}
	c.Flags().StringArrayVarP(&files, "config", "c", nil, "configuration `FILE`s, merged in this order")
	c.Flags().StringVar(&kind, "supervisor", builtinKind, "who runs the processes: builtin or supervisord")
	c.Flags().BoolP("version", "V", false, "print the version")
	return c
}

// coldStart checks the configuration and replaces this process by the
// supervisor.
func (a *App) coldStart(files []string, kind string) error {
	if kind != builtinKind && kind != supervisordKind {
		return usageError{fmt.Errorf("--supervisor is builtin or supervisord, not %q", kind)}
	}
	for i, name := range files {
		path, err := filepath.Abs(name)
		if err != nil {
			return err
		}
		files[i] = path
	}
	cfg, err := loadConfig(files)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("start: %w", err)
	}
	args := []string{"knot-resolver: supervisor", "supervisor",
		"--rundir", cfg.Rundir, "--level", string(supervisorLevel(cfg.Logging)), "--target", string(cfg.Logging.Target), "--kind", kind}
	for _, name := range files {
		args = append(args, "--config", name)
	}
	err = syscall.Exec(self, args, os.Environ())
	return fmt.Errorf("start %s: %w", self, err)
}

// loadConfig reads and checks configuration files.
func loadConfig(files []string) (*config.Config, error) {
	doc, err := config.Load(files)
	if err != nil {
		return nil, err
	}
	cfg, err := doc.Normalise(config.ValidateOptions{Strict: true})
	return cfg, err
}
