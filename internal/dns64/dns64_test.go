package dns64

import (
	"net/netip"
	"strings"
	"testing"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/dns/dnstest"
)

// TestEmbed has the examples of RFC 6052 section 2.4.
func TestEmbed(t *testing.T) {
	v4 := netip.MustParseAddr("192.0.2.33")
	for prefix, want := range map[string]string{
		"2001:db8::/32":              "2001:db8:c000:221::",
		"2001:db8:100::/40":          "2001:db8:1c0:2:21::",
		"2001:db8:122::/48":          "2001:db8:122:c000:2:2100::",
		"2001:db8:122:300::/56":      "2001:db8:122:3c0:0:221::",
		"2001:db8:122:344::/64":      "2001:db8:122:344:c0:2:2100::",
		"2001:db8:122:344::/96":      "2001:db8:122:344::192.0.2.33",
		"64:ff9b::/96":               "64:ff9b::192.0.2.33",
		"2001:db8:122:344:ffff::/96": "2001:db8:122:344:ffff::c000:221",
	} {
		p := netip.MustParsePrefix(prefix)
		got := Embed(p, v4)
		if got != netip.MustParseAddr(want) {
			t.Errorf("%v in %v: %v, want %v", v4, p, got, want)
		}
		if back, ok := Extract(p, got); !ok || back != v4 || !ValidLength(p.Bits()) {
			t.Errorf("out of %v: %v, %v", got, back, ok)
		}
		last := got.As16()
		last[0] ^= 1
		if back, ok := Extract(p, netip.AddrFrom16(last)); ok {
			t.Errorf("out of another prefix: %v", back)
		}
	}
	for bits := range 129 {
		if ValidLength(bits) != strings.Contains(" 32 40 48 56 64 96 ", " "+netip.PrefixFrom(netip.IPv6Unspecified(), bits).String()[len("::/"):]+" ") {
			t.Errorf("length %d", bits)
		}
	}
}

func synthesis() *Synthesis {
	return New(Options{Prefixes: []netip.Prefix{WellKnown(), netip.MustParsePrefix("2001:db8::/32")}, Exclude: []netip.Prefix{Mapped()},
		Ignore: []dns.Name{dns.MustName("v4.test")}, ReverseTTL: 77})
}

// describe lists the addresses of a set.
func describe(set dns.RRset) string {
	var list []string
	for rdata := range set.RDatas.All() {
		a, _ := dns.AddrOf(set.Type, rdata)
		list = append(list, a.String())
	}
	return strings.Join(list, " ")
}

func TestUsable(t *testing.T) {
	const sig = "\na.test. 60 IN RRSIG AAAA 13 2 60 20300101000000 20200101000000 1 test. AAAA"
	for text, want := range map[string]string{
		"a.test. 60 AAAA 2001:db8::1":                                       "2001:db8::1 signed",
		"a.test. 60 AAAA ::ffff:192.0.2.1\na.test. 60 AAAA 2001:db8::1":     "2001:db8::1",
		"a.test. 60 AAAA ::ffff:192.0.2.1\na.test. 60 AAAA ::ffff:10.0.0.1": "",
	} {
		set := dnstest.MustRRset(text + sig)
		before := describe(set)
		usable := synthesis().Usable(&set)
		got := describe(usable)
		if len(usable.Sigs) > 0 {
			got += " signed"
		}
		if got != want || describe(set) != before {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

func TestAAAA(t *testing.T) {
	a := dnstest.MustRRset("a.test. 60 A 192.0.2.1\na.test. 60 A 192.0.2.2\na.test. 60 RRSIG A 13 2 60 20300101000000 20200101000000 1 test. AAAA")
	const want = "64:ff9b::c000:201 64:ff9b::c000:202 2001:db8:c000:201:: 2001:db8:c000:202::"
	made := synthesis().AAAA(&a, 30)
	if describe(made) != want || made.TTL != 30 || made.Owner != a.Owner || made.Type != dns.TypeAAAA || len(made.Sigs) > 0 {
		t.Errorf("%+v: %s", made, describe(made))
	}
	if made := synthesis().AAAA(&a, LimitTTL); made.TTL != 60 {
		t.Errorf("TTL %d", made.TTL)
	}
	if got := Limit(dnstest.Text("b.test. 9 NSEC c.test. A\ntest. 20 SOA a. b. 1 2 3 4 5")); got != 20 {
		t.Errorf("limit %d", got)
	}
	if got := Limit(nil); got != LimitTTL {
		t.Errorf("limit %d without SOA", got)
	}
}

func TestIgnored(t *testing.T) {
	for name, want := range map[string]bool{"v4.test": true, "a.v4.test": true, "xv4.test": false, "test": false} {
		if synthesis().Ignored(dns.MustName(name)) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
}

func TestReverse(t *testing.T) {
	for ip, want := range map[string]string{
		"64:ff9b::192.0.2.1":       "1.2.0.192.in-addr.arpa.",
		"2001:db8:c000:201::1":     "1.2.0.192.in-addr.arpa.",
		"64:ff9b::1:192.0.2.1":     "",
		"2001:db9:c000:201::":      "",
		"2001:db8:0:0:ffff:ffff::": "0.0.0.0.in-addr.arpa.",
	} {
		name := dns.ReverseName(netip.MustParseAddr(ip))
		alias, target, ok := synthesis().Reverse(name)
		if ok != (want != "") || ok && (target.String() != want || alias.Owner != name || alias.TTL != 77 || alias.Type != dns.TypeCNAME || string(alias.RDatas.First()) != string(target)) {
			t.Errorf("%s: %v %+v", ip, target, alias)
		}
	}
	if _, _, ok := synthesis().Reverse(dns.MustName("ip6.arpa")); ok {
		t.Error("alias for ip6.arpa")
	}
}

func TestSpecial(t *testing.T) {
	const nxdomain, nodata, other = "NXDOMAIN", "NODATA", ""
	for _, c := range []struct {
		name string
		t    dns.Type
		want string
	}{
		{"ipv4only.arpa", dns.TypeA, "192.0.0.170 192.0.0.171"},
		{"ipv4only.arpa", dns.TypeAAAA, nodata},
		{"ipv4only.arpa", dns.TypeDS, nodata},
		{"x.ipv4only.arpa", dns.TypeA, nxdomain},
		{"170.0.0.192.in-addr.arpa", dns.TypePTR, "ipv4only.arpa."},
		{"171.0.0.192.in-addr.arpa", dns.TypePTR, "ipv4only.arpa."},
		{"171.0.0.192.in-addr.arpa", dns.TypeA, nodata},
		{"172.0.0.192.in-addr.arpa", dns.TypePTR, other},
		{"0.0.192.in-addr.arpa", dns.TypePTR, other},
		{"xipv4only.arpa", dns.TypeA, other},
		{"arpa", dns.TypeA, other},
	} {
		answer, soa, nx, ok := Special(dns.MustName(c.name), c.t)
		got := other
		switch {
		case !ok:
		case nx:
			got = nxdomain
		case len(answer.RDatas) == 0:
			got = nodata
		case c.t == dns.TypePTR:
			target, _ := dns.Target(answer.RDatas.First())
			got = target.String()
		default:
			got = describe(answer)
		}
		if got != c.want {
			t.Errorf("%s %v: %q, want %q", c.name, c.t, got, c.want)
		}
		if _, err := dns.ParseSOA(soa.RDatas.First()); (got == nxdomain || got == nodata) && (err != nil || !dns.MustName(c.name).Under(soa.Owner)) {
			t.Errorf("%s %v: SOA %+v: %v", c.name, c.t, soa, err)
		}
	}
}
