package metrics

import (
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"knot-resolver/internal/control"
)

// Snapshot is the state of the system that Prometheus sees.
type Snapshot struct {
	Version   uint64            // of the configuration
	Workers   map[string]Values // by name, nil for one that does not answer
	Collector Values            // of cache-gc, nil when it does not run or answer
	Zones     []control.ZoneStatus
	Unsaved   bool // the manager cannot keep what its successor needs
}

// CollectorName is the instance_id of cache-gc.
const CollectorName = "cache-gc"

// Collector shows snapshots to Prometheus. Take is called for each scrape.
type Collector struct{ Take func() Snapshot }

// Describe implements [prometheus.Collector]: which series there are is only
// known when the workers have been asked.
func (*Collector) Describe(chan<- *prometheus.Desc) {}

// Collect implements [prometheus.Collector].
func (c *Collector) Collect(out chan<- prometheus.Metric) {
	s := c.Take()
	out <- gauge("config_version", "Version of the configuration in force.", float64(s.Version))
	out <- gauge("workers_configured", "Workers that are meant to run.", float64(len(s.Workers)))
	unsaved := 0.0
	if s.Unsaved {
		unsaved = 1
	}
	out <- gauge("state_unsaved", "Whether counters or the history of the configuration cannot be kept for the next manager.", unsaved)
	for i := range s.Zones {
		collectZone(&s.Zones[i], out)
	}
	for name, values := range s.Workers {
		loaded := 0.0
		if values != nil {
			loaded = 1
			values.collect(name, out)
		}
		out <- gauge("metrics_loaded", "Whether the process has told its counters.", loaded, "instance_id", name)
	}
	if s.Collector != nil {
		s.Collector.collectEach(CollectorName, out)
		out <- gauge("metrics_loaded", "Whether the process has told its counters.", 1, "instance_id", CollectorName)
	}
}

// collectZone shows the state of a zone that is transferred.
func collectZone(z *control.ZoneStatus, out chan<- prometheus.Metric) {
	show := func(kind prometheus.ValueType, name, help string, value float64) {
		out <- metric(kind, "zone_"+name, help, value, []string{"zone", z.Zone})
	}
	show(prometheus.GaugeValue, "serial", "Serial of the copy of a transferred zone.", float64(z.Serial))
	show(prometheus.GaugeValue, "records", "Records in the copy.", float64(z.Records))
	expired := 0.0
	if z.Expired {
		expired = 1
	}
	show(prometheus.GaugeValue, "expired", "Whether no primary has confirmed the copy for longer than the zone allows.", expired)
	if !z.Checked.IsZero() {
		show(prometheus.GaugeValue, "checked_timestamp_seconds", "When a primary last confirmed the copy.", float64(z.Checked.UnixMilli())/1000)
	}
	show(prometheus.CounterValue, "transfers_failed_total", "Attempts at a transfer that failed.", float64(z.Failures))
	show(prometheus.CounterValue, "transfers_full_total", "Complete transfers.", float64(z.Full))
	show(prometheus.CounterValue, "transfers_incremental_total", "Incremental transfers.", float64(z.Incremental))
	show(prometheus.CounterValue, "notifies_total", "NOTIFY messages accepted.", float64(z.Notifies))
}

// buckets are the classes of answer times, in seconds; what is slower is "slow".
var buckets = [...]struct {
	name  string
	bound float64
}{
	{"1ms", 0.001}, {"10ms", 0.01}, {"50ms", 0.05}, {"100ms", 0.1}, {"250ms", 0.25}, {"500ms", 0.5}, {"1000ms", 1}, {"1500ms", 1.5},
}

// histogram is a section with classes of times, and what it is for Prometheus.
type histogram struct{ section, name, help string }

var histograms = [...]histogram{
	{"answer", "response_latency", "Time it took to answer, in seconds."},
	{"upstream", "upstream_latency", "Round-trip time of answers from servers, in seconds."},
}

func (v Values) collect(worker string, out chan<- prometheus.Metric) {
	for _, h := range histograms {
		out <- v.classes(h, worker)
	}
	v.collectEach(worker, out)
}

// collectEach shows the single numbers of a process.
func (v Values) collectEach(process string, out chan<- prometheus.Metric) {
	for name, value := range v {
		section, item, ok := strings.Cut(name, ".")
		switch {
		case !ok || isLatency(section, item):
		case section == "rpz":
			out <- ofList(process, item, value)
		case isGauge(name):
			out <- gauge(section+"_"+item, "Present value of "+name+" of a process.", value, "instance_id", process)
		default:
			out <- counter(seriesOf(section, item), "Counter "+name+" of a process.", value, "instance_id", process)
		}
		if section == "request" {
			v.collectTransport(process, item, value, out)
		}
		if section == "answer" && isRCode(item) {
			out <- counter("answers_by_rcode_total", "Answers by what they say.", value, "instance_id", process, "rcode", item)
		}
	}
}

// ofList shows "example/com.hits" of a response policy zone as a series with its name.
func ofList(worker, item string, value float64) prometheus.Metric {
	list, what, _ := strings.Cut(item, ".")
	labels := []string{"instance_id", worker, "list", strings.ReplaceAll(list, "/", ".")}
	switch what {
	case "rules":
		return gauge("rpz_rules", "Rules of a response policy zone.", value, labels...)
	case "bad":
		return gauge("rpz_bad_records", "Records of a response policy zone that were skipped because of mistakes.", value, labels...)
	case "dry_run_hits":
		return counter("rpz_dry_run_hits_total", "Rules of a response policy zone that would have been applied.", value, labels...)
	}
	return counter("rpz_hits_total", "Rules of a response policy zone that were applied.", value, labels...)
}

// collectTransport shows "udp4" as a series with labels.
func (v Values) collectTransport(worker, item string, value float64, out chan<- prometheus.Metric) {
	last := len(item) - 1
	if transport := item[:last]; transport != "total" && (item[last] == '4' || item[last] == '6') {
		out <- counter("requests_by_transport_total", "Requests by transport and family of the client's address.", value,
			"instance_id", worker, "transport", transport, "family", "ipv"+item[last:])
	}
}

// classes makes a histogram of the classes of times in a section.
func (v Values) classes(h histogram, worker string) prometheus.Metric {
	classes := map[float64]uint64{}
	count := uint64(0)
	for _, b := range buckets {
		count += uint64(v[h.section+"."+b.name])
		classes[b.bound] = count
	}
	count += uint64(v[h.section+".slow"])
	desc := prometheus.NewDesc("resolver_"+h.name, h.help, nil, prometheus.Labels{"instance_id": worker})
	return prometheus.MustNewConstHistogram(desc, count, v[h.section+".sum_ms"]/1000, classes)
}

func isLatency(section, item string) bool {
	if !slices.ContainsFunc(histograms[:], func(h histogram) bool { return h.section == section }) {
		return false
	}
	for _, b := range buckets {
		if item == b.name {
			return true
		}
	}
	return item == "slow" || item == "sum_ms"
}

func isRCode(item string) bool {
	switch item {
	case "noerror", "nodata", "nxdomain", "servfail":
		return true
	}
	return false
}

// seriesOf is the name of a counter, as in the original.
func seriesOf(section, item string) string {
	if section == "answer" {
		switch {
		case isRCode(item):
			section = "answer_rcode"
		case len(item) == 2 || item == "edns0":
			section = "answer_flag"
		}
	}
	if item == "total" {
		return section + "_total"
	}
	return section + "_" + item + "_total"
}

func gauge(name, help string, value float64, labels ...string) prometheus.Metric {
	return metric(prometheus.GaugeValue, name, help, value, labels)
}

func counter(name, help string, value float64, labels ...string) prometheus.Metric {
	return metric(prometheus.CounterValue, name, help, value, labels)
}

// metric makes one value; labels are names and values in turn.
func metric(kind prometheus.ValueType, name, help string, value float64, labels []string) prometheus.Metric {
	set := prometheus.Labels{}
	for i := 0; i < len(labels); i += 2 {
		set[labels[i]] = labels[i+1]
	}
	return prometheus.MustNewConstMetric(prometheus.NewDesc("resolver_"+name, help, nil, set), kind, value)
}
