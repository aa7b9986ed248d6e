package dns

import (
	"net/netip"
	"strings"
	"testing"
)

func TestReverseName(t *testing.T) {
	for ip, want := range map[string]string{
		"192.0.2.10":  "10.2.0.192.in-addr.arpa.",
		"0.0.0.0":     "0.0.0.0.in-addr.arpa.",
		"2001:db8::f": "f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.",
	} {
		if got := ReverseName(netip.MustParseAddr(ip)).String(); got != want {
			t.Errorf("%s: %s, want %s", ip, got, want)
		}
	}
}

func TestReverseAddr6(t *testing.T) {
	for _, text := range []string{"::", "2001:db8:1234:5678:9abc:def0:fedc:ba98", "::ffff:192.0.2.1"} {
		ip := netip.MustParseAddr(text)
		if got, ok := ReverseAddr6(ReverseName(ip)); !ok || got != ip {
			t.Errorf("%v: %v, %v", ip, got, ok)
		}
	}
	whole := ReverseName(netip.MustParseAddr("2001:db8::1")).String()
	for _, text := range []string{".", "ip6.arpa.", whole[2:], "1." + whole, "g" + whole[1:], strings.Replace(whole, "ip6", "ip4", 1), "10." + whole[4:]} {
		if got, ok := ReverseAddr6(MustName(text)); ok {
			t.Errorf("%s: %v", text, got)
		}
	}
}
