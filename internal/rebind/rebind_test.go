package rebind

import (
	"net/netip"
	"testing"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/dns/dnstest"
)

func TestCheck(t *testing.T) {
	usual := New(Options{})
	excepting := New(Options{Names: []dns.Name{dns.MustName("corp.test")}, Public: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd12::/16")}})
	for _, c := range []struct {
		guard        *Guard
		record, want string
	}{
		{usual, "a.test. A 192.0.2.1", ""},
		{usual, "a.test. A 10.1.2.3", "10.1.2.3"},
		{usual, "a.test. A 127.0.0.1", "127.0.0.1"},
		{usual, "a.test. A 0.0.0.0", "0.0.0.0"},
		{usual, "a.test. A 100.127.255.255", "100.127.255.255"},
		{usual, "a.test. A 100.128.0.0", ""},
		{usual, "a.test. A 172.15.255.255", ""},
		{usual, "a.test. AAAA ::", "::"},
		{usual, "a.test. AAAA ::1", "::1"},
		{usual, "a.test. AAAA ::2", ""},
		{usual, "a.test. AAAA fdff::1", "fdff::1"},
		{usual, "a.test. AAAA fe80::1", "fe80::1"},
		{usual, "a.test. AAAA ::ffff:10.0.0.1", "::ffff:10.0.0.1"},
		{usual, "a.test. AAAA 64:ff9b::192.168.0.1", "64:ff9b::c0a8:1"},
		{usual, "a.test. AAAA 64:ff9b::192.0.2.1", ""},
		{usual, "a.test. HTTPS 1 . alpn=h2", ""},
		{usual, "a.test. HTTPS 1 . ipv4hint=192.0.2.1,10.0.0.1", "10.0.0.1"},
		{usual, "_x.a.test. SVCB 1 b. ipv6hint=fd00::1", "fd00::1"},
		{usual, "a.test. TXT 10.0.0.1", ""},
		{excepting, "a.corp.test. A 10.0.0.1", ""},
		{excepting, "corp.test. HTTPS 1 . ipv4hint=10.0.0.1", ""},
		{excepting, "xcorp.test. A 10.0.0.1", "10.0.0.1"},
		{excepting, "a.test. A 10.1.0.1", ""},
		{excepting, "a.test. A 10.2.0.1", "10.2.0.1"},
		{excepting, "a.test. AAAA fd12::1", ""},
		{New(Options{Private: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}}), "a.test. A 10.0.0.1", ""},
	} {
		set := dnstest.MustRRset("$TTL 60\n" + c.record)
		got := ""
		if a, private := c.guard.Check(&set); private {
			got = a.String()
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.record, got, c.want)
		}
	}
}

func TestWithout(t *testing.T) {
	set := dnstest.MustRRset("$TTL 60\na.test. A 10.0.0.1\na.test. A 192.0.2.1\na.test. A 10.0.0.2\na.test. RRSIG A 13 2 60 20300101000000 20200101000000 1 test. AAAA")
	before := string(set.RDatas)
	kept := New(Options{}).Without(&set)
	if want := dnstest.MustRRset("a.test. 60 A 192.0.2.1"); string(kept.RDatas) != string(want.RDatas) || len(kept.Sigs) > 0 || kept.Owner != set.Owner {
		t.Errorf("%+v", kept)
	}
	if string(set.RDatas) != before || len(set.Sigs) == 0 {
		t.Errorf("the set given is now %+v", set)
	}
}

func TestCheckAllocates(t *testing.T) {
	g := New(Options{Names: []dns.Name{dns.MustName("corp.test")}})
	set := dnstest.MustRRset("$TTL 60\na.test. AAAA 2001:db8::1\na.test. AAAA 2001:db8::2")
	if n := testing.AllocsPerRun(100, func() { g.Check(&set) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
