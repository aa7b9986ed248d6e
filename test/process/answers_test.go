package process

import (
	"strings"
	"testing"

	miekg "github.com/miekg/dns"
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
