// Package kresctl is the command line client of the manager's HTTP API.
package kresctl

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// Exit statuses.
const (
	exitFailure = 1
	exitUsage   = 2
)

// Tool is the program.
type Tool struct {
	Version string
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  io.Writer

	socket string // -s
	config string // -c
	keys   keys
}

// usageError is a command line that makes no sense.
type usageError struct{ error }

// Main runs the command and returns the exit status of the process.
func (t *Tool) Main(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := t.Command()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	fmt.Fprintln(t.Stderr, err)
	if errors.As(err, new(usageError)) {
		return exitUsage
	}
	return exitFailure
}

// Command is the command line.
func (t *Tool) Command() *cobra.Command {
	root := &cobra.Command{
		Use: "kresctl", Short: "Control a running Knot Resolver", Version: t.Version,
		Long:          long,
		SilenceErrors: true, SilenceUsage: true,
		Args: wrongArgs(cobra.NoArgs), RunE: showHelp,
	}
	f := root.PersistentFlags()
	f.StringVarP(&t.socket, "socket", "s", "", "management `SOCKET`: a path, http://HOST:PORT, https://HOST:PORT or http+unix://PATH")
	f.StringVar(&t.keys.token, "token-file", "", "`FILE` with the token to show")
	f.StringVar(&t.keys.ca, "ca-file", "", "`FILE` with the certificates to trust, for https")
	f.StringVar(&t.keys.cert, "cert-file", "", "`FILE` with the certificate to show, for https")
	f.StringVar(&t.keys.key, "key-file", "", "`FILE` with its private key")
	f.StringVarP(&t.config, "config", "c", "", "configuration `FILE` that names the management socket")
	root.Flags().BoolP("version", "V", false, "print the version")
	root.PersistentPreRunE = func(c *cobra.Command, _ []string) error {
		return errors.Join(oneOf(c, "socket", "config"), oneOf(c, "json", "yaml"))
	}
	root.SetOut(t.Stdout)
	root.SetErr(t.Stderr)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w\nTry '%s --help'.", err, c.CommandPath())}
	})
	root.AddCommand(
		t.configCommand(), t.cacheCommand(), t.metricsCommand(), t.stopCommand(), t.upgradeCommand(),
		t.changeAll("reload", "Put the configuration files in force"),
		t.changeAll("renew", "Read again the files that the configuration names"),
		t.validateCommand(), t.convertCommand(), t.migrateCommand(), t.debugCommand(), t.schemaCommand(), t.pidsCommand(), t.explainCommand(),
		t.zonesCommand(), t.policyCommand(),
	)
	t.completionCommand(root)
	return root
}

// oneOf refuses two flags that contradict each other.
func oneOf(c *cobra.Command, a, b string) error {
	if c.Flags().Changed(a) && c.Flags().Changed(b) {
		return usageError{fmt.Errorf("--%s and --%s exclude each other", a, b)}
	}
	return nil
}

func showHelp(c *cobra.Command, _ []string) error { return c.Help() }

// wrongArgs makes usage errors of what a positional check refuses.
func wrongArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if err := check(c, args); err != nil {
			return usageError{fmt.Errorf("%w\nTry '%s --help'.", err, c.CommandPath())}
		}
		return nil
	}
}

// long is the help and the description in the manual page.
const long = `Controls a running Knot Resolver over the API of its manager.

The API is found in the configuration (/etc/knot-resolver/config.yaml unless --config names another), or is the
socket that --socket names.

Exit status: 0 done, 1 it failed, for the reason on standard error, 2 wrong usage.`
