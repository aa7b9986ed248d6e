package app

import (
	"fmt"
	"path/filepath"

	"knot-resolver/internal/admit"
	"knot-resolver/internal/config"
)

// ratesName is the file in the run directory in which workers share the counters of rate limiting.
const ratesName = "ratelimiting"

// rateLimiter makes the limiter that a configuration asks for, or nil. A canary answers nobody: it shares no counters.
func (e *resolving) rateLimiter(cfg *config.Config) (*admit.RateLimiter, error) {
	r := cfg.RateLimiting
	if !r.Enable {
		return nil, nil
	}
	o := admit.RateLimit{Rate: r.Rate, Instant: r.Instant, Capacity: r.Capacity, Slip: r.Slip, LogPeriod: r.LogPeriod, DryRun: r.DryRun}
	if !e.options.Canary {
		o.File = filepath.Join(cfg.Rundir, ratesName)
	}
	l, err := admit.NewRateLimiter(o, e.RateCounts(), e.options.Log.With("group", "ratelimit"))
	if err != nil {
		return nil, fmt.Errorf("/rate-limiting: %w", err)
	}
	return l, nil
}
