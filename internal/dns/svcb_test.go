package dns_test

import (
	"net/netip"
	"strings"
	"testing"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/dns/dnstest"
)

func hints(rdata []byte) string {
	var list []string
	for octets := range dns.AddressHints(rdata) {
		a, ok := netip.AddrFromSlice(octets)
		if !ok {
			return "malformed"
		}
		list = append(list, a.String())
	}
	return strings.Join(list, " ")
}

func TestAddressHints(t *testing.T) {
	for text, want := range map[string]string{
		"1 . alpn=h2":                 "",
		"1 a.test. ipv4hint=10.0.0.1": "10.0.0.1",
		"1 . alpn=h2 ipv4hint=10.0.0.1,10.0.0.2 ech=AAAA ipv6hint=fd00::1,::1": "10.0.0.1 10.0.0.2 fd00::1 ::1",
		"0 a.test.": "",
	} {
		set := dnstest.MustRRset("a.test. 60 HTTPS " + text)
		if got := hints(set.RDatas.First()); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
	whole := []byte("\x00\x01\x00" + "\x00\x04\x00\x05\x0a\x00\x00\x01\x0b" + "\x00\x06\x00\x10" + strings.Repeat("\x01", 16))
	for n := range whole {
		if got := hints(whole[:n]); got != "" && got != "10.0.0.1" {
			t.Errorf("%d octets: %q", n, got)
		}
	}
}

// FuzzAddressHints: whatever the octets, hints are addresses within them.
func FuzzAddressHints(f *testing.F) {
	f.Add([]byte("\x00\x01\x00\x00\x04\x00\x05\x0a\x00\x00\x01\x0b\x00\x06\x00\x10" + strings.Repeat("\x01", 16)))
	f.Add([]byte("\x00\x01\x01a\x00\x00\x04\xff\xff\x0a"))
	f.Fuzz(func(t *testing.T, rdata []byte) {
		total := 0
		for octets := range dns.AddressHints(rdata) {
			if len(octets) != 4 && len(octets) != 16 {
				t.Fatalf("hint of %d octets", len(octets))
			}
			total += len(octets)
		}
		if total > len(rdata) {
			t.Fatalf("%d octets of hints in %d", total, len(rdata))
		}
	})
}
