package config

import (
	"fmt"
	"strings"
	"testing"
)

func mustValidate(t *testing.T, text string) *Valid {
	t.Helper()
	v, err := mustParse(t, text).Validate(corpusOptionsQuiet())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func corpusOptionsQuiet() ValidateOptions {
	opts := corpusOptions()
	opts.Env = func(string) string { return "" }
	return opts
}

func TestDiff(t *testing.T) {
	for _, test := range []struct{ before, after, want, cost string }{
		{"", "", "", "none"},
		{"workers: 1", "", "", "none"},
		{"cache: {ttl-max: 60s}", "cache: {ttl-max: 1m}", "", "none"},
		{"network: {listen: [{interface: 127.0.0.1}]}", "network: {listen: [{interface: [127.0.0.1], kind: dns}]}", "", "none"},
		{"dnssec: {negative-trust-anchors: [A.b]}", "dnssec: {negative-trust-anchors: [a.b.]}", "", "none"},
		{"", "workers: 2", "/workers worker", "worker"},
		{"", "rundir: /x", "/rundir restart", "restart"},
		{"", "cache: {garbage-collector: {enable: false}, size-max: 1G}",
			"/cache/size-max worker, /cache/garbage-collector/enable collector", "worker+collector"},
		{"", "cache: {storage: /x}", "/cache/storage worker+collector", "worker+collector"},
		{"", "local-data: {addresses: {a: 192.0.2.1}}", "/local-data/addresses policy", "policy"},
		{"local-data: {addresses: {a: 192.0.2.1, b: 192.0.2.2}}", "local-data: {addresses: {a: 192.0.2.1, b: 192.0.2.3}}",
			"/local-data/addresses policy", "policy"},
		{"", "logging: {level: info}", "/logging/level manager+collector", "manager+collector"},
		{"", "network: {listen: [{interface: 127.0.0.1}]}", "/network/listen worker", "worker"},
	} {
		changes := Diff(mustValidate(t, test.before), mustValidate(t, test.after))
		var got []string
		for _, c := range changes {
			got = append(got, fmt.Sprint(c.Pointer, " ", c.Class))
		}
		if s := strings.Join(got, ", "); s != test.want {
			t.Errorf("%q -> %q: got %q, want %q", test.before, test.after, s, test.want)
		}
		if cost := Cost(changes).String(); cost != test.cost {
			t.Errorf("%q -> %q: cost %s, want %s", test.before, test.after, cost, test.cost)
		}
	}
}
