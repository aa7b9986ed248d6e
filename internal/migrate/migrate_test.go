package migrate

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"knot-resolver/internal/config"
)

func TestDo(t *testing.T) {
	for _, test := range []struct{ name, old, want, changes string }{
		{"nothing to do", "# mine\nworkers: 2 # two\n", "# mine\nworkers: 2 # two\n", ""},
		{"false values stay", "dnssec:\n  trust-anchor-sentinel: false # why\nworkers: 0\n",
			"dnssec:\n  sentinel: false # why\nworkers: 0\n", "removed /dnssec/trust-anchor-sentinel, added /dnssec/sentinel"},
		{"order and anchors stay", "views: &v\n- subnets: [10.0.0.0/8]\nnsid: a\nlocal-data: {}\n",
			"views: &v\n- subnets: [10.0.0.0/8]\nnsid: a\n", "removed /local-data"},
		{"dropped", "max-workers: 4\nwebmgmt: {}\nlogging: {debugging: {}, level: info}\n", "logging: {level: info}\n",
			"removed /logging/debugging, removed /max-workers, removed /webmgmt"},
		{"false is a section", "dnssec: false\ndns64: off\ncache:\n  garbage-collector: false\nmonitoring: {graphite: no}\n",
			"dnssec:\n  enable: false\ndns64:\n  enable: false\ncache:\n  garbage-collector:\n    enable: false\nmonitoring: {graphite: {enable: false}}\n",
			"added /cache/garbage-collector/enable, added /dns64/enable, added /dnssec/enable, added /monitoring/graphite/enable"},
		{"true is one, too", "dnssec: true\ndns64: true\n", "dnssec:\n  enable: true\ndns64:\n  enable: true\n", "added /dns64/enable, added /dnssec/enable"},
		{"null is off", "cache: {prefetch: {prediction: null}}\nlogging: {dnstap: null}\nnetwork: {proxy-protocol: null}\n",
			"cache: {prefetch: {prediction: {enable: false}}}\nlogging: {dnstap: {enable: false}}\nnetwork: {proxy-protocol: {enable: false}}\n",
			"added /cache/prefetch/prediction/enable, added /logging/dnstap/enable, added /network/proxy-protocol/enable"},
		{"a mapping is on", "rate-limiting:\n  rate-limit: 10\ndns64:\n  rev-ttl: 5s\n", "rate-limiting:\n  enable: true\n  rate-limit: 10\ndns64:\n  enable: true\n  reverse-ttl: 5s\n",
			"added /dns64/enable, removed /dns64/rev-ttl, added /dns64/reverse-ttl, added /rate-limiting/enable"},
		{"already said", "rate-limiting: {enable: false, rate-limit: 1}\ndnssec: {log-bogus: true}\n", "rate-limiting: {enable: false, rate-limit: 1}\ndnssec: {log-bogus: true}\n", ""},
		{"to another section", "logging:\n  dnssec-bogus: true\n  level: info\n", "logging:\n  level: info\ndnssec:\n  log-bogus: true\n",
			"removed /logging/dnssec-bogus, added /dnssec/log-bogus"},
		{"new place taken", "defer: {enabled: true, enable: false}\n", "defer: {enable: false}\n", "removed /defer/enabled"},
		{"renamed", "monitoring: {enabled: always}\nnetwork: {tls: {files-watchdog: false, auto-discovery: true}}\n",
			"monitoring: {metrics: always}\nnetwork: {tls: {watchdog: false}}\n",
			"removed /monitoring/enabled, added /monitoring/metrics, removed /network/tls/auto-discovery, removed /network/tls/files-watchdog, added /network/tls/watchdog"},
	} {
		var doc yaml.Node
		if err := yaml.Unmarshal([]byte(test.old), &doc); err != nil {
			t.Fatal(err)
		}
		changes, err := Do(&doc)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		e := yaml.NewEncoder(&b)
		e.SetIndent(2)
		e.CompactSeqIndent()
		if err := e.Encode(&doc); err != nil {
			t.Fatal(err)
		}
		if b.String() != test.want {
			t.Errorf("%s:\ngot\n%swant\n%s", test.name, b.String(), test.want)
		}
		if got := strings.ReplaceAll(strings.Trim(fmt.Sprint(changes), "[]"), " removed", ", removed"); strings.ReplaceAll(got, " added", ", added") != test.changes {
			t.Errorf("%s: changes %s", test.name, got)
		}
		if again, _ := Do(&doc); len(again) > 0 {
			t.Errorf("%s: changed once more: %v", test.name, again)
		}
	}
}

// Every new name is an option of the schema, and no old one is.
func TestNamesAreOptions(t *testing.T) {
	known := map[string]bool{}
	for _, o := range config.Schema() {
		known["/"+strings.ReplaceAll(o.Path, "[]", "")] = true
	}
	const old = `{max-workers: 1, webmgmt: 1, defer: {enabled: true}, dns64: {rev-ttl: 1s}, rate-limiting: {rate-limit: 1},
dnssec: {refresh-time: 1, hold-down-time: 1, time-skew-detection: 1, keep-removed: 1, trust-anchor-sentinel: true, trust-anchor-signal-query: true},
local-data: {root-fallback-addresses: 1, root-fallback-addresses-files: 1}, logging: {debugging: 1, dnstap: {}, dnssec-bogus: true},
cache: {garbage-collector: {}, prefetch: {prediction: {}}}, monitoring: {enabled: lazy, graphite: {}}, network: {proxy-protocol: {}, tls: {auto-discovery: 1, files-watchdog: true}}}`
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(old), &doc); err != nil {
		t.Fatal(err)
	}
	changes, err := Do(&doc)
	if err != nil {
		t.Fatal(err)
	}
	if len(changes) < len(steps) {
		t.Errorf("only %d changes for %d rules", len(changes), len(steps))
	}
	for _, c := range changes {
		top := strings.Count(c.Pointer, "/") == 1 // sections that have become empty
		if known[c.Pointer] != c.Added && !(top && !c.Added) {
			t.Errorf("%v: an option: %v", c, known[c.Pointer])
		}
	}
}

func FuzzDo(f *testing.F) {
	f.Add("dnssec: false\nlogging: {dnssec-bogus: true}\n")
	f.Add("a: &a {dnssec: *a}\ndnssec: *a\n")
	f.Add("cache: &c {garbage-collector: *c}\n")
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := config.Parse([]byte(text), "f"); err != nil {
			return // what kresctl refuses before
		}
		var doc yaml.Node
		if yaml.Unmarshal([]byte(text), &doc) != nil {
			return
		}
		if _, err := Do(&doc); err == nil {
			if again, _ := Do(&doc); len(again) > 0 {
				t.Errorf("changed once more: %v", again)
			}
		}
	})
}
