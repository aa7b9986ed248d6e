package app

import (
	"context"
	"errors"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"knot-resolver/internal/cache"
	"knot-resolver/internal/cache/gc"
	"knot-resolver/internal/cache/lmdb"
	"knot-resolver/internal/config"
	"knot-resolver/internal/control"
)

func (a *App) collectorCommand() *cobra.Command {
	return role("cache-gc", "keep the cache from filling up", collect)
}

// collect runs the cache collector until a signal.
func collect(ctx context.Context, rundir string, _ int) error {
	link, err := join(ctx, rundir, control.RoleCacheGC, 0)
	if err != nil {
		return err
	}
	defer link.Close()
	cfg := &link.Assignment.Version.Config
	log := newLog(cfg.Logging, "cache-gc")
	link.Report(nil) // it has nothing to prepare
	return collectGarbage(ctx, &cfg.Cache, log)
}

// collectGarbage keeps the shared cache below its limit until ctx ends.
func collectGarbage(ctx context.Context, cfg *config.Cache, log *slog.Logger) error {
	g := &cfg.GC
	open := func() (cache.Store, error) {
		return lmdb.Open(lmdb.Options{Dir: cfg.Storage, Version: cacheVersion, Merge: cache.Replaces, Log: log})
	}
	err := gc.Run(ctx, gc.Options{
		Open: open, Classify: cache.Classify,
		Interval: g.Interval, Threshold: float64(g.Threshold), Release: float64(g.Release),
		Reads: g.RWReads, Deletes: g.RWDeletes, Duration: g.RWDuration, Delay: g.RWDelay,
		TempKeys: g.TempKeysSpace, DryRun: g.DryRun, Verbose: log.Enabled(ctx, slog.LevelDebug),
		Out: os.Stdout,
	})
	if errors.Is(err, lmdb.ErrUnavailable) {
		log.Info("no shared cache, nothing to collect")
		<-ctx.Done()
		return nil
	}
	return err
}
