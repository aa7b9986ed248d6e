package metrics

import (
	"bytes"
	"maps"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

func TestLedger(t *testing.T) {
	file := filepath.Join(t.TempDir(), "counters")
	l, err := Open(file)
	if err != nil {
		t.Fatal(err)
	}
	steps := []struct {
		pid      int
		counter  float64
		gauge    float64
		total    float64
		newOwner bool // another manager goes on
	}{
		{1, 5, 7, 5, false},
		{1, 6, 3, 6, false},
		{2, 1, 2, 7, false},
		{2, 4, 9, 10, false},
		{2, 5, 9, 11, true},
		{3, 1, 1, 8, true}, // what pid 2 counted after the file was written is lost
	}
	for i, s := range steps {
		if s.newOwner {
			if l, err = Open(file); err != nil {
				t.Fatal(err)
			}
		}
		got, err := l.Record("w", s.pid, Values{"answer.total": s.counter, "cache.entries": s.gauge})
		if want := (Values{"answer.total": s.total, "cache.entries": s.gauge}); err != nil || !maps.Equal(got, want) {
			t.Errorf("step %d: %v, %v; expected %v", i, got, err, want)
		}
	}
}

// Events belong to the worker, whoever fills the post.
func TestLedgerNotesEvents(t *testing.T) {
	file := filepath.Join(t.TempDir(), "counters")
	for i := range 2 {
		l, err := Open(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Note("w", "worker.deaths"); err != nil {
			t.Fatal(err)
		}
		got, err := l.Record("w", i+1, Values{"answer.total": 1})
		if want := (Values{"answer.total": float64(i + 1), "worker.deaths": float64(i + 1)}); err != nil || !maps.Equal(got, want) {
			t.Errorf("%v, %v; expected %v", got, err, want)
		}
	}
}

// What another process has counted in the worker's place is the worker's from then on.
func TestLedgerAdds(t *testing.T) {
	l, err := Open(filepath.Join(t.TempDir(), "counters"))
	if err != nil {
		t.Fatal(err)
	}
	l.Record("w", 1, Values{"answer.total": 5, "server.tcp_open": 2})
	if err := l.Add("w", Values{"answer.total": 7, "server.tcp_open": 9}); err != nil {
		t.Fatal(err)
	}
	got, err := l.Record("w", 1, Values{"answer.total": 6, "server.tcp_open": 3})
	if want := (Values{"answer.total": 13, "server.tcp_open": 3}); err != nil || !maps.Equal(got, want) {
		t.Errorf("%v, %v; expected %v", got, err, want)
	}
}

func TestTree(t *testing.T) {
	const text = `{"a":{"b":1,"c":{"d":2.5}},"text":"x","e":3}`
	v, err := Parse([]byte(text))
	if want := (Values{"a.b": 1, "a.c.d": 2.5, "e": 3}); err != nil || !maps.Equal(v, want) {
		t.Fatalf("%v, %v", v, err)
	}
	if tree := v.Tree(); tree["e"] != 3.0 || tree["a"].(map[string]any)["c"].(map[string]any)["d"] != 2.5 {
		t.Errorf("tree %v", tree)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"a":{"b":1}}`))
	f.Add([]byte(`[`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if v, err := Parse(text); err == nil {
			v.Tree()
		}
	})
}

func TestPrometheus(t *testing.T) {
	values, err := Parse([]byte(`{
		"answer": {"total": 10, "cached": 4, "stale": 1, "noerror": 7, "nodata": 1, "nxdomain": 1, "servfail": 1, "aa": 0, "edns0": 2,
			"1ms": 3, "10ms": 2, "50ms": 0, "100ms": 0, "250ms": 1, "500ms": 0, "1000ms": 0, "1500ms": 0, "slow": 4, "sum_ms": 9500},
		"request": {"total": 10, "total4": 8, "total6": 2, "internal": 0, "udp": 9, "udp4": 8, "udp6": 1, "tcp": 1, "tcp4": 0, "tcp6": 1},
		"query": {"edns": 2, "dnssec": 1}, "cache": {"entries": 12, "commits": 3}, "server": {"tcp_open": 1, "udp_batches": 5}}`))
	if err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(&Collector{Take: func() Snapshot {
		return Snapshot{Version: 4, Workers: map[string]Values{"kresd:kresd0": values, "kresd:kresd1": nil}}
	}})
	w := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	text := w.Body.String()
	const id = `instance_id="kresd:kresd0"`
	for _, line := range []string{
		`# TYPE resolver_response_latency histogram`,
		`resolver_response_latency_bucket{` + id + `,le="0.001"} 3`,
		`resolver_response_latency_bucket{` + id + `,le="0.25"} 6`,
		`resolver_response_latency_bucket{` + id + `,le="+Inf"} 10`,
		`resolver_response_latency_sum{` + id + `} 9.5`,
		`# TYPE resolver_request_total counter`,
		`resolver_request_total{` + id + `} 10`, `resolver_request_total4_total{` + id + `} 8`,
		`resolver_request_internal_total{` + id + `} 0`, `resolver_request_udp6_total{` + id + `} 1`,
		`resolver_answer_total{` + id + `} 10`, `resolver_answer_cached_total{` + id + `} 4`,
		`resolver_answer_rcode_noerror_total{` + id + `} 7`, `resolver_answer_flag_aa_total{` + id + `} 0`,
		`resolver_answer_flag_edns0_total{` + id + `} 2`, `resolver_query_edns_total{` + id + `} 2`,
		`# TYPE resolver_cache_entries gauge`, `resolver_cache_entries{` + id + `} 12`, `resolver_cache_commits_total{` + id + `} 3`,
		`resolver_server_tcp_open{` + id + `} 1`,
		`resolver_requests_by_transport_total{family="ipv6",` + id + `,transport="tcp"} 1`,
		`resolver_answers_by_rcode_total{` + id + `,rcode="servfail"} 1`,
		`resolver_metrics_loaded{` + id + `} 1`, `resolver_metrics_loaded{instance_id="kresd:kresd1"} 0`,
		`resolver_config_version 4`, `resolver_workers_configured 2`,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("no line %s", line)
		}
	}
	problems, err := promlint.New(bytes.NewReader(w.Body.Bytes())).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	if t.Failed() {
		t.Log(text)
	}
}
