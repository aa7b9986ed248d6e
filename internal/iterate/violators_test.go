package iterate

import (
	"testing"

	"knot-resolver/internal/dns"
)

func TestMixesCase(t *testing.T) {
	for _, c := range []struct {
		workarounds, case0x20 bool
		name                  string
		want                  bool
	}{
		{true, true, "a.b.avqs.mcafee.com", false},
		{true, true, "cdngc.net", false},
		{true, true, "xcdngc.net", true},
		{true, true, "mcafee.com", true},
		{false, true, "cdngc.net", true},
		{true, false, "example.com", false},
	} {
		if got := New(Options{Case0x20: c.case0x20, Workarounds: c.workarounds}).mixesCase(dns.MustName(c.name)); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}
