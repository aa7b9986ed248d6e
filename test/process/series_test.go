package process

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

// The series of the original are there under their names and with their types, prediction's as what they are: gauges. Nothing
// that is exported breaks the rules of Prometheus.
func TestSeriesOfTheOriginal(t *testing.T) {
	t.Parallel()
	s := start(t, options{extra: "options: {serve-stale: true}"})
	s.must("config", "set", "-p", "/cache/prefetch", `{"prediction": {"enable": true}}`)
	s.serves(port)
	text := s.must("metrics", "--prometheus")
	check := func(kind string, names ...string) {
		t.Helper()
		for _, name := range names {
			if !strings.Contains(text, "\n# TYPE resolver_"+name+" "+kind+"\n") {
				t.Errorf("resolver_%s is no %s", name, kind)
			}
			if value := "\nresolver_" + name + `{instance_id="kresd:kresd0"} `; kind != "histogram" && !strings.Contains(text, value) {
				t.Errorf("no value of resolver_%s", name)
			}
		}
	}
	check("histogram", "response_latency")
	for _, bound := range strings.Fields("0.001 0.01 0.05 0.1 0.25 0.5 1 1.5 +Inf") {
		if !strings.Contains(text, `resolver_response_latency_bucket{instance_id="kresd:kresd0",le="`+bound+`"}`) {
			t.Errorf("no class up to %s", bound)
		}
	}
	check("counter", "request_total", "request_total4_total", "request_total6_total", "request_internal_total", "answer_total",
		"answer_cached_total", "answer_stale_total", "query_edns_total", "query_dnssec_total")
	for _, transport := range strings.Fields("udp tcp dot doh xdp doq") {
		check("counter", "request_"+transport+"_total", "request_"+transport+"4_total", "request_"+transport+"6_total")
	}
	for _, rcode := range strings.Fields("noerror nodata nxdomain servfail") {
		check("counter", "answer_rcode_"+rcode+"_total")
	}
	for _, flag := range strings.Fields("aa tc ra rd ad cd do edns0") {
		check("counter", "answer_flag_"+flag+"_total")
	}
	check("gauge", "metrics_loaded", "predict_epoch", "predict_queue", "predict_learned")
	for _, name := range []string{"\nprocess_resident_memory_bytes ", "\ngo_goroutines "} {
		if !strings.Contains(text, name) {
			t.Errorf("no series %q", name)
		}
	}
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "resolver_") {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
}
