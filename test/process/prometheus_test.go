package process

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

const deployment = "../../deploy"

// dashboard reads the queries of all panels, with variables replaced by what matches everything.
func dashboard(t *testing.T) (queries []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(deployment, "grafana/knot-resolver.json"))
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	variables := strings.NewReplacer("$job", ".*", "$instance", ".*", "$__rate_interval", "5m")
	for _, p := range board.Panels {
		if len(p.Targets) == 0 {
			t.Errorf("panel %s has no query", p.Title)
		}
		for _, target := range p.Targets {
			queries = append(queries, variables.Replace(target.Expr))
		}
	}
	return queries
}

// Whatever dashboard and alerts ask for is there in a system that has only just started.
func TestDashboardAndAlertsUseExistingSeries(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	s.serves(port)
	text := s.must("metrics", "--prometheus")
	rules, err := os.ReadFile(filepath.Join(deployment, "prometheus/alerts.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile(`\bresolver_[a-z0-9_]+`)
	for _, query := range append(dashboard(t), string(rules)) {
		for _, name := range names.FindAllString(query, -1) {
			if !strings.Contains(text, "\n"+name+"{") && !strings.Contains(text, "\n"+name+" ") {
				t.Errorf("%s does not exist, but is used in %.100s", name, query)
			}
		}
	}
}

func TestAlertRules(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("promtool"); err != nil {
		t.Skip("promtool is not installed")
	}
	out, err := exec.Command("promtool", "check", "rules", filepath.Join(deployment, "prometheus/alerts.yaml")).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// A real Prometheus scrapes the system, takes the alert rules, and understands every query of the dashboard.
func TestPrometheusServer(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("prometheus"); err != nil {
		t.Skip("prometheus is not installed")
	}
	s := start(t, options{})
	s.serves(port)
	api := proxy(t, s.path("run/kres-api.sock"))
	rules, err := filepath.Abs(filepath.Join(deployment, "prometheus/alerts.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	config := fmt.Sprintf("global: {scrape_interval: 1s}\nrule_files: [%s]\nscrape_configs: [{job_name: kr, metrics_path: /metrics/prometheus, static_configs: [{targets: [%q]}]}]\n", rules, api)
	if err := os.WriteFile(s.path("prometheus.yml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	addr := net.JoinHostPort(s.addr, "9090") // of the test alone, and no port that clients get
	cmd := exec.Command("prometheus", "--config.file", s.path("prometheus.yml"), "--storage.tsdb.path", s.path("tsdb"), "--web.listen-address", addr, "--log.level", "error")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cmd.Process.Kill()
		cmd.Wait()
	}()
	query := func(q string) (values int, fault string) {
		r, err := http.Get("http://" + addr + "/api/v1/query?query=" + url.QueryEscape(q))
		if err != nil {
			return 0, err.Error()
		}
		defer r.Body.Close()
		var result struct {
			Error string
			Data  struct{ Result []any }
		}
		if err := json.NewDecoder(r.Body).Decode(&result); err != nil {
			return 0, err.Error()
		}
		return len(result.Data.Result), result.Error
	}
	s.eventually("Prometheus has scraped twice", func() bool {
		n, _ := query(`count_over_time(resolver_answer_total[1m]) > 1`)
		return n > 0
	})
	for _, q := range dashboard(t) {
		if _, fault := query(q); fault != "" {
			t.Errorf("%s: %s", q, fault)
		}
	}
	for q, want := range map[string]int{"up == 1": 1, `resolver_answer_total{instance_id="kresd:kresd0"} > 0`: 1, `ALERTS{alertname="KnotResolverDown"}`: 0} {
		if n, fault := query(q); n != want {
			t.Errorf("%s: %d values, expected %d %s", q, n, want, fault)
		}
	}
}

// proxy makes a Unix socket reachable for a program that only knows TCP.
func proxy(t *testing.T, socket string) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: "localhost"})
	p.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "unix", socket)
	}}
	server := &http.Server{Handler: p}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	return l.Addr().String()
}
