package app

import (
	"errors"
	"fmt"
	"path/filepath"

	"golang.org/x/sys/unix"

	"knot-resolver/internal/admit"
	"knot-resolver/internal/config"
)

// Files in the run directory in which workers share counters: of rate limiting, and of what clients cost.
const (
	ratesName      = "ratelimiting"
	prioritiesName = "defer"
)

// heavy is the priority from which on a client's streams share one processor: its address, or its network, has
// used 16 times what makes others go first.
const heavy = 1 + 8

// rateLimiter makes the limiter that a configuration asks for, or nil.
func (e *resolving) rateLimiter(cfg *config.Config) (*admit.RateLimiter, error) {
	r := cfg.RateLimiting
	if !r.Enable {
		return nil, nil
	}
	o := admit.RateLimit{Rate: r.Rate, Instant: r.Instant, Capacity: r.Capacity, Slip: r.Slip, LogPeriod: r.LogPeriod, DryRun: r.DryRun}
	l, err := sharing(e, filepath.Join(cfg.Rundir, ratesName), func(file string) (*admit.RateLimiter, error) {
		o.File = file
		return admit.NewRateLimiter(o, e.RateCounts(), e.options.Log.With("group", "ratelimit"))
	})
	if err != nil {
		return nil, fmt.Errorf("/rate-limiting: %w", err)
	}
	return l, nil
}

// priorities makes the account of what clients cost, or nil when they are all to be equal.
func (e *resolving) priorities(cfg *config.Config) (*admit.Priorities, error) {
	if !cfg.Defer.Enable {
		return nil, nil
	}
	o := admit.PrioritiesOptions{LogPeriod: cfg.Defer.LogPeriod}
	p, err := sharing(e, filepath.Join(cfg.Rundir, prioritiesName), func(file string) (*admit.Priorities, error) {
		o.File = file
		return admit.NewPriorities(o, e.options.Log.With("group", "defer"))
	})
	if err != nil {
		return nil, fmt.Errorf("/defer: %w", err)
	}
	return p, nil
}

// sharing opens counters in a file that workers share, or in memory: a canary answers nobody, and a disk that fails or has
// turned read-only keeps no worker from its work.
func sharing[T any](e *resolving, file string, open func(file string) (T, error)) (T, error) {
	if e.options.Canary {
		return open("")
	}
	counters, err := open(file)
	if errors.Is(err, unix.EROFS) || errors.Is(err, unix.EIO) {
		e.options.Log.Warn("this worker counts for itself", "reason", err)
		return open("")
	}
	return counters, err
}

// admission gives the worker the limits and priorities that a configuration asks for, all or none of them.
func (e *resolving) admission(cfg *config.Config) error {
	limiter, err := e.rateLimiter(cfg)
	if err != nil {
		return err
	}
	priorities, err := e.priorities(cfg)
	if err != nil {
		return err
	}
	e.SetRateLimiter(limiter)
	e.SetPriorities(priorities)
	return nil
}
