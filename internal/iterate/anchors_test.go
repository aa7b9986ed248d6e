package iterate

import (
	"log/slog"
	"testing"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/dnssec"
	"knot-resolver/internal/limits"
)

func TestSignalLabel(t *testing.T) {
	if got := signalLabel(dnssec.RootAnchor().Tags()); got != "_ta-4f66-9728" {
		t.Errorf("got %q", got)
	}
	tags := make([]uint16, 100)
	if got := signalLabel(tags); len(got) > dns.MaxLabelLength || len(got) != len("_ta")+5*limits.SignalTags {
		t.Errorf("%d octets: %q", len(got), got)
	}
}

// TestSetAnchor switches anchors of two zones and takes one away.
func TestSetAnchor(t *testing.T) {
	e := New(Options{Validator: dnssec.New(dnssec.Options{}), Log: slog.New(slog.DiscardHandler), Anchors: []dnssec.Anchor{dnssec.RootAnchor()}})
	other := dnssec.RootAnchor()
	other.Zone = dns.MustName("example")
	e.SetAnchor(other)
	before := e.anchors.byZone.Load()
	e.SetAnchor(dnssec.Anchor{Zone: dns.Root})
	if _, ok := e.Anchor(dns.Root); ok {
		t.Error("the empty anchor of the root is in force")
	}
	if a, ok := e.Anchor(other.Zone); !ok || len(a.DS) != 2 {
		t.Errorf("example has %v", a)
	}
	if len(*before) != 2 {
		t.Error("readers saw the change half-way")
	}
}
