package process

import (
	"net"
	"strings"
	"testing"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/testnet"
)

// TestDNS64 asks a system behind a NAT64 of /48, then changes its prefix.
func TestDNS64(t *testing.T) {
	t.Parallel()
	_, o := internet(t)
	s := start(t, options{workers: 2, extra: o.extra + "dns64: {enable: true, prefix: '2001:db8:64::/48', reverse-ttl: 30s}\n"})
	for range 3 { // resolved, from the cache, repeated
		if got := s.outcome("mail.example.se", miekg.TypeAAAA); got != "NOERROR EDE 29 2001:db8:64:c000:2:1900::" {
			t.Error(got)
		}
		got := s.outcome("ipv4only.arpa", miekg.TypeAAAA) // in any order
		if !strings.HasPrefix(got, "NOERROR EDE 29 ") || !strings.Contains(got, " 2001:db8:64:c000:0:aa00::") || !strings.Contains(got, " 2001:db8:64:c000:0:ab00::") {
			t.Error(got)
		}
	}
	if got := s.outcome("www.example.se", miekg.TypeAAAA); got != "NOERROR 2001:db8::80" {
		t.Error(got)
	}
	s.configure(2, port, o.extra+"dns64: {enable: true}\n")
	s.must("reload")
	if got := s.outcome("mail.example.se", miekg.TypeAAAA); got != "NOERROR EDE 29 64:ff9b::c000:219" {
		t.Error(got)
	}
}

// TestRenumberedAndRepeated asks twice, the second time answered by the first cache, and then without the rule.
func TestRenumberedAndRepeated(t *testing.T) {
	t.Parallel()
	_, o := internet(t)
	rule := strings.Replace(o.extra, "do-ipv6: false", "do-ipv6: false\n  address-renumbering: [{source: 192.0.2.0/24, destination: 10.1.2.0}]", 1)
	s := start(t, options{workers: 1, extra: rule})
	for range 3 {
		m := s.resolve("www.example.se.")
		if got := s.outcome("www.example.se", miekg.TypeA); got != "NOERROR EDE 4 10.1.2.80" || m.AuthenticatedData || m.IsEdns0() == nil {
			t.Errorf("%s\n%v", got, m)
		}
	}
	s.configure(1, port, o.extra)
	s.must("reload")
	if m := s.resolve("www.example.se."); !m.AuthenticatedData || len(testnet.ExtendedErrors(m)) > 0 {
		t.Errorf("without the rule: %v", m)
	}
}

// TestRebinding resolves a name with a private address, then switches protection on: the answer in the cache is refused, too.
func TestRebinding(t *testing.T) {
	t.Parallel()
	world, o := internet(t)
	for _, server := range world.Servers() {
		server.SetQuirk(func(_ string, _, right *miekg.Msg) *miekg.Msg {
			if right != nil {
				for _, rr := range right.Answer {
					if a, ok := rr.(*miekg.A); ok && strings.EqualFold(a.Hdr.Name, "www.insecure.se.") {
						a.A = net.IPv4(10, 9, 9, 9)
					}
				}
			}
			return right
		})
	}
	s := start(t, options{workers: 1, extra: o.extra})
	for option, want := range map[string]string{
		"":                             "NOERROR 10.9.9.9",
		", rebinding-protection: true": "REFUSED EDE 18",
		", rebinding-protection: true, rebinding-allow-names: [insecure.se]": "NOERROR 10.9.9.9",
		", rebinding-protection: true, rebinding-action: strip":              "NOERROR EDE 18",
	} {
		s.configure(1, port, strings.Replace(o.extra, ", query-loopback: true", ", query-loopback: true"+option, 1))
		s.must("reload")
		for range 3 {
			if got := s.outcome("www.insecure.se", miekg.TypeA); got != want {
				t.Errorf("%q: %s, want %s", option, got, want)
			}
		}
	}
	if out := s.must("explain", "www.example.se", "A"); !strings.Contains(out, "192.0.2.80") {
		t.Errorf("another name:\n%s", out)
	}
}
