package manager

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"knot-resolver/internal/config"
	"knot-resolver/internal/limits"
	"knot-resolver/internal/manager/metrics"
)

// graphite sends the metrics to where the version in force says.
type graphite struct {
	in   config.Graphite
	stop context.CancelFunc // nil = nothing is sent
}

// use starts, ends or changes the sending.
func (g *graphite) use(m *Manager, in config.Graphite) {
	if in == g.in {
		return
	}
	g.in = in
	if g.stop != nil {
		g.stop()
		g.stop = nil
	}
	if !in.Enable {
		return
	}
	var ctx context.Context
	ctx, g.stop = context.WithCancel(context.Background())
	go m.sendToGraphite(ctx, in)
}

// sendToGraphite sends all metrics until ctx ends. That it fails is logged when it begins to.
func (m *Manager) sendToGraphite(ctx context.Context, in config.Graphite) {
	log := m.Log.With("group", "graphi")
	receiver := metrics.Graphite{Host: in.Host, Port: in.Port, TCP: in.TCP, Prefix: in.Prefix}
	var registry prometheus.Gatherer = m.registry()
	tick := time.NewTicker(in.Interval)
	defer tick.Stop()
	failing := false
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		push, cancel := context.WithTimeout(ctx, limits.GraphiteTime)
		err := receiver.Push(push, registry, time.Now())
		cancel()
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && !failing:
			log.Error("metrics do not reach Graphite", "reason", err)
		case err == nil && failing:
			log.Info("metrics reach Graphite again")
		}
		failing = err != nil
	}
}
