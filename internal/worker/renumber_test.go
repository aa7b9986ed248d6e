package worker

import (
	"net/netip"
	"strings"
	"testing"

	"knot-resolver/internal/renumber"
	"knot-resolver/internal/server"
	"knot-resolver/internal/testnet"
)

// TestRenumbering: what is rewritten is not secure, at first as from both caches, and OPT stays.
func TestRenumbering(t *testing.T) {
	world, err := testnet.New()
	if err != nil {
		t.Fatal(err)
	}
	w := newWorker(t, world)
	w.options.Renumber = renumber.Rules{{Source: netip.MustParsePrefix("192.0.2.0/24"), Destination: netip.MustParseAddr("10.0.0.0")}}
	for _, when := range []string{"resolved", "cached", "repeated"} {
		for name, want := range map[string]string{
			"alias.example.se.": "NOERROR EDE 4 www.example.se. 10.0.0.80",
			"www.example.cz.":   "NOERROR AD 198.51.100.80",
		} {
			m := ask(t, w, query(name, "A"), server.UDP)
			if got := describe(m); got != want || m.IsEdns0() == nil {
				t.Errorf("%s, %s: %s, want %s", name, when, got, want)
			}
		}
	}
	if trace := reportOf(t, w, "www.example.se.", "A"); !strings.Contains(trace, "10.0.0.80") || !strings.Contains(trace, "rewritten") {
		t.Errorf("explain: %s", trace)
	}
}
