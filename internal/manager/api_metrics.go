package manager

import (
	"context"
	"net/http"
	"path/filepath"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"knot-resolver/internal/config"
	"knot-resolver/internal/control"
	"knot-resolver/internal/limits"
	"knot-resolver/internal/manager/metrics"
)

// openLedger makes the counters go on where an earlier manager has left them.
func (m *Manager) openLedger() {
	ledger, err := metrics.Open(filepath.Join(control.Dir(m.Rundir), "counters.json"))
	if err != nil {
		m.Log.Warn("counters start anew", "reason", err)
	}
	m.ledger = ledger
}

// count asks a worker for its counters and adds those of its dead predecessors.
func (m *Manager) count(ctx context.Context, p post) (metrics.Values, error) {
	pid, values, err := m.counted(ctx, p)
	if err != nil {
		return nil, err
	}
	known := m.ledger.Unsaved()
	total, err := m.ledger.Record(p.String(), pid, values)
	if err != nil && !known {
		m.Log.Warn("counters are not kept for the next manager", "reason", err)
	}
	return total, nil
}

// counted asks a process for what it has counted itself.
func (m *Manager) counted(ctx context.Context, p post) (pid int, v metrics.Values, err error) {
	answer, err := m.client(p).Metrics(ctx)
	if err != nil {
		return 0, nil, err
	}
	v, err = metrics.Parse(answer.Metrics)
	return answer.PID, v, err
}

// countLast takes the counters of a worker that is about to be stopped.
func (m *Manager) countLast(ctx context.Context, p post) {
	if p.role == control.RolePolicyLoader || p.role == control.RoleTransfer || !m.team.serving(p) {
		return
	}
	a, _ := m.team.assignment(p)
	if a.Canary {
		return // its only question was ours
	}
	ctx, cancel := context.WithTimeout(ctx, limits.ManagerWatchAnswer)
	defer cancel()
	var err error
	if a.Bridge {
		err = m.countBridge(ctx, p)
	} else {
		_, err = m.count(ctx, p)
	}
	if err != nil {
		m.Log.Info("last counters are missing", "process", p, "reason", err)
	}
}

// countBridge gives what the bridge has counted to the first worker, which is always there.
func (m *Manager) countBridge(ctx context.Context, p post) error {
	_, values, err := m.counted(ctx, p)
	if err != nil {
		return err
	}
	return m.ledger.Add(worker(0).String(), values)
}

// snapshot asks every process for its counters, once for all who want to know at the same time.
func (m *Manager) snapshot() metrics.Snapshot {
	s, _, _ := m.scrapes.Do("", func() (any, error) { return m.ask(), nil })
	return s.(metrics.Snapshot)
}

func (m *Manager) ask() metrics.Snapshot {
	ctx, cancel := context.WithTimeout(context.Background(), limits.ManagerMetrics)
	defer cancel()
	live := m.live.Load()
	s := metrics.Snapshot{Version: live.Number, Workers: map[string]metrics.Values{}}
	var mu sync.Mutex
	var all sync.WaitGroup
	for n := range live.Config.Workers {
		s.Workers[worker(n).String()] = nil
		if live.Config.Metrics == config.MetricsManagerOnly {
			continue
		}
		all.Go(func() {
			values, err := m.count(ctx, worker(n))
			if err != nil {
				m.Log.Warn("no metrics", "process", worker(n), "reason", err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			s.Workers[worker(n).String()] = values
		})
	}
	if m.team.serving(collector()) {
		all.Go(func() {
			values, err := m.count(ctx, collector())
			if err != nil {
				m.Log.Warn("no metrics", "process", collector(), "reason", err)
			}
			mu.Lock()
			defer mu.Unlock()
			s.Collector = values
		})
	}
	all.Go(func() {
		zones, err := m.zones(ctx)
		if err != nil {
			m.Log.Warn("no metrics", "process", transferrer(), "reason", err)
		}
		mu.Lock()
		defer mu.Unlock()
		s.Zones = zones
	})
	all.Wait()
	s.Unsaved = m.ledger.Unsaved() || m.history.unsaved()
	return s
}

// getMetrics answers with the counters of every worker, null for one that does
// not answer.
func (m *Manager) getMetrics(w http.ResponseWriter, _ *http.Request) {
	result := map[string]any{}
	for name, values := range m.snapshot().Workers {
		result[name] = nil
		if values != nil {
			result[name] = values.Tree()
		}
	}
	control.WriteJSON(w, result, nil)
}

// registry has the counters of the whole system.
func (m *Manager) registry() *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		&metrics.Collector{Take: m.snapshot},
	)
	return registry
}

// prometheusHandler shows the counters to Prometheus.
func (m *Manager) prometheusHandler() http.HandlerFunc {
	return promhttp.HandlerFor(m.registry(), promhttp.HandlerOpts{
		ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: limits.ManagerScrapes,
	}).ServeHTTP
}
