package app

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"knot-resolver/internal/cache"
	"knot-resolver/internal/cache/gc"
	"knot-resolver/internal/cache/lmdb"
	"knot-resolver/internal/cache/usage"
	"knot-resolver/internal/config"
	"knot-resolver/internal/control"
	"knot-resolver/internal/logging"
)

func (a *App) collectorCommand() *cobra.Command {
	return component("cache-gc", "keep the cache from filling up", collect)
}

// collect runs the cache collector until a signal.
func collect(ctx context.Context, rundir string, _ int) error {
	link, err := join(ctx, rundir, control.RoleCacheGC, 0)
	if err != nil {
		return err
	}
	defer link.Close()
	cfg := &link.Assignment.Version.Config
	log := logging.New(logging.Options{Process: "cache-gc"}, cfg.Logging)
	defer log.Close()
	var totals gc.Totals
	l, err := control.Listen(control.CollectorPath(rundir), 0o600)
	link.Report(err)
	if err != nil {
		return err
	}
	server := control.NewServer(control.CollectorHandler(func() map[string]any { return map[string]any{"gc": totals.Metrics()} }), log.Logger)
	go server.Serve(l)
	defer server.Close()
	return collectGarbage(ctx, &cfg.Cache, &totals, log)
}

// collectGarbage keeps the shared cache below its limit until ctx ends.
func collectGarbage(ctx context.Context, cfg *config.Cache, totals *gc.Totals, log *logging.Log) error {
	g := &cfg.GC
	open := func() (cache.Store, error) {
		return lmdb.Open(lmdb.Options{Dir: cfg.Storage, Version: cacheVersion, Merge: cache.Replaces, Log: log.Logger})
	}
	uses := func() func([]byte) uint64 {
		counts, err := usage.Read(cfg.Storage, time.Now())
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			log.Warn("popular entries are not known", "reason", err)
		}
		return counts.Uses
	}
	err := gc.Run(ctx, gc.Options{
		Open: open, Classify: cache.Classify, Uses: uses, Type: cache.TypeOf,
		Interval: g.Interval, Threshold: float64(g.Threshold), Release: float64(g.Release),
		Reads: g.RWReads, Deletes: g.RWDeletes, Duration: g.RWDuration, Delay: g.RWDelay,
		TempKeys: g.TempKeysSpace, DryRun: g.DryRun, Verbose: log.Enabled(ctx, slog.LevelDebug),
		Out: log.Plain(), Observe: totals.Observe,
	})
	if errors.Is(err, lmdb.ErrUnavailable) {
		log.Info("no shared cache, nothing to collect")
		<-ctx.Done()
		return nil
	}
	if err != nil {
		return collectorError{err}
	}
	return nil
}
