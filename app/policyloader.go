package app

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"knot-resolver/internal/config"
	"knot-resolver/internal/control"
	"knot-resolver/internal/logging"
	"knot-resolver/internal/manager"
	"knot-resolver/internal/policy/compile"
	"knot-resolver/internal/policy/ruledb"
)

// errUnwanted ends a process that the manager has no use for.
var errUnwanted = errors.New("not wanted")

func (a *App) loaderCommand() *cobra.Command {
	return component("policy-loader", "compile the policy", loadPolicy)
}

// loadPolicy compiles the policy of the version that the manager is about to
// put in force, and tells it the outcome.
func loadPolicy(ctx context.Context, rundir string, _ int) error {
	link, err := join(ctx, rundir, control.RolePolicyLoader, 0)
	if err != nil {
		return err
	}
	defer link.Close()
	v := &link.Assignment.Version
	log := logging.New(logging.Options{Process: "policy-loader"}, v.Config.Logging)
	defer log.Close()
	generation, err := compilePolicy(&v.Config, log.Logger)
	if err != nil {
		return errors.Join(err, link.Report(err))
	}
	return link.Compiled(generation)
}

// compilePolicy writes the rules of the configuration into a new generation and
// returns its number.
func compilePolicy(cfg *config.Config, log *slog.Logger) (generation uint64, err error) {
	start := time.Now()
	sink, err := ruledb.Store{Dir: filepath.Join(cfg.Rundir, manager.RulesName)}.Create()
	if err != nil {
		return 0, err
	}
	report, err := compile.Compile(policyInput(cfg), sink)
	if err != nil {
		return 0, errors.Join(err, sink.Abort())
	}
	for _, w := range report.Warnings {
		log.Warn(w)
	}
	log.Info("policy compiled", "generation", sink.Number(), "names", report.Names, "records", report.Records, "subtrees", report.Subtrees,
		"took", time.Since(start).Round(time.Millisecond))
	for _, l := range report.Lists {
		log.Info("response policy zone", "list", l.Name, "rules", l.Rules, "bad", l.Bad)
	}
	return sink.Number(), nil
}

// join fetches the assignment of a component.
func join(ctx context.Context, rundir string, role control.Role, worker int) (*control.Link, error) {
	link, err := control.Join(ctx, rundir, role, worker)
	if errors.Is(err, control.ErrRefused) {
		return nil, errors.Join(errUnwanted, err)
	}
	return link, err
}
