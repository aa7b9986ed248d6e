package policy_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/policy"
	"knot-resolver/internal/policy/compile"
)

func open(t testing.TB, in compile.Input) *policy.Rules {
	t.Helper()
	rules, _, err := compile.Rules(in)
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

func addrs(list ...string) (out []netip.Addr) {
	for _, s := range list {
		out = append(out, netip.MustParseAddr(s))
	}
	return out
}

// describe renders an answer on one line: kind, TTL, and the records or the SOA's owner.
func describe(rules *policy.Rules, question string) string {
	name, typ, _ := strings.Cut(question, " ")
	qtype, ok := dns.ParseType(typ)
	if !ok {
		panic("type " + typ)
	}
	qname := dns.MustName(name)
	res := rules.Lookup(policy.Query{Name: qname, Type: qtype}, true)
	if !res.Found {
		return "-"
	}
	if res.Kind != policy.Answer {
		if res.SOA.Type != dns.TypeSOA || res.SOA.RDatas.Count() != 1 || res.RRset != nil {
			return "malformed negative answer"
		}
		kinds := map[policy.Kind]string{policy.NoData: "NODATA", policy.NXDomain: "NXDOMAIN", policy.Drop: "DROP", policy.Refused: "REFUSED",
			policy.Pass: "PASS", policy.TCPOnly: "TCP"}
		out := fmt.Sprintf("%s %d %s", kinds[res.Kind], res.SOA.TTL, res.SOA.Owner)
		if res.EDE != dns.NoEDE {
			out += fmt.Sprintf(" EDE %d", res.EDE)
		}
		return out
	}
	out := fmt.Sprint(res.RRset.TTL)
	switch t := res.RRset.Type; {
	case (res.EDE == dns.EDEForged) != (res.List > 0):
		return "records with an error"
	case t == dns.TypeDNAME && qname.Below(res.RRset.Owner):
		out += fmt.Sprintf(" %v DNAME", res.RRset.Owner)
	case res.RRset.Owner != qname:
		return "records of another name"
	case t == dns.TypeCNAME && qtype != t:
		out += " CNAME"
	case t != qtype:
		return "records of another type"
	}
	for rdata := range res.RRset.RDatas.All() {
		out += " " + rdataText(res.RRset.Type, rdata)
	}
	return out
}

func rdataText(t dns.Type, rdata []byte) string {
	if ip, ok := dns.AddrOf(t, rdata); ok {
		return ip.String()
	}
	if t == dns.TypeSOA {
		soa, err := dns.ParseSOA(rdata)
		return fmt.Sprint(soa.Serial, err)
	}
	if t == dns.TypeTXT {
		return string(rdata[1:])
	}
	target, err := dns.Target(rdata)
	if err != nil {
		return err.Error()
	}
	return target.String()
}

func TestSpecialUseNames(t *testing.T) {
	rules := open(t, compile.Input{NoData: true})
	loopback6 := "1." + strings.Repeat("0.", 31) + "ip6.arpa"
	for question, want := range map[string]string{
		"localhost A":                   "3600 127.0.0.1",
		"localhost AAAA":                "3600 ::1",
		"localhost NS":                  "3600 localhost.",
		"localhost SOA":                 "3600 1 <nil>",
		"localhost MX":                  "NODATA 3600 localhost.",
		"localhost DS":                  "-",
		"localhost CNAME":               "NODATA 3600 localhost.",
		"a.b.localhost A":               "3600 127.0.0.1",
		"a.b.localhost AAAA":            "3600 ::1",
		"a.b.localhost NS":              "NODATA 3600 localhost.",
		"a.b.localhost SOA":             "NODATA 3600 localhost.",
		"a.b.localhost MX":              "NODATA 3600 localhost.",
		"notlocalhost A":                "-",
		"1.0.0.127.in-addr.arpa PTR":    "3600 localhost.",
		"1.0.0.127.in-addr.arpa A":      "NODATA 3600 1.0.0.127.in-addr.arpa.",
		"2.0.0.127.in-addr.arpa PTR":    "NXDOMAIN 3600 127.in-addr.arpa.",
		loopback6 + " PTR":              "3600 localhost.",
		loopback6 + " A":                "NODATA 3600 " + loopback6 + ".",
		"10.in-addr.arpa SOA":           "3600 1 <nil>",
		"10.in-addr.arpa NS":            "3600 10.in-addr.arpa.",
		"10.in-addr.arpa DS":            "-",
		"10.in-addr.arpa PTR":           "NODATA 3600 10.in-addr.arpa.",
		"1.1.1.10.in-addr.arpa PTR":     "NXDOMAIN 3600 10.in-addr.arpa.",
		"1.10.in-addr.arpa DS":          "NXDOMAIN 3600 10.in-addr.arpa.",
		"1.15.172.in-addr.arpa PTR":     "-",
		"1.16.172.in-addr.arpa PTR":     "NXDOMAIN 3600 16.172.in-addr.arpa.",
		"1.31.172.in-addr.arpa PTR":     "NXDOMAIN 3600 31.172.in-addr.arpa.",
		"1.32.172.in-addr.arpa PTR":     "-",
		"1.63.100.in-addr.arpa PTR":     "-",
		"1.64.100.in-addr.arpa PTR":     "NXDOMAIN 3600 64.100.in-addr.arpa.",
		"1.127.100.in-addr.arpa PTR":    "NXDOMAIN 3600 127.100.in-addr.arpa.",
		"x.8.b.d.0.1.0.0.2.ip6.arpa NS": "NXDOMAIN 3600 8.b.d.0.1.0.0.2.ip6.arpa.",
		"x.c.f.ip6.arpa PTR":            "-",
		"x.d.f.ip6.arpa PTR":            "NXDOMAIN 3600 d.f.ip6.arpa.",
		"home.arpa A":                   "NODATA 3600 home.arpa.",
		"printer.home.arpa A":           "NXDOMAIN 3600 home.arpa.",
		"service.arpa A":                "NODATA 3600 service.arpa.",
		"x.default.service.arpa A":      "NXDOMAIN 3600 default.service.arpa.",
		"resolver.arpa SOA":             "3600 1 <nil>",
		"_dns.resolver.arpa SVCB":       "NODATA 3600 resolver.arpa.",
		"invalid A":                     "NXDOMAIN 3600 invalid.",
		"invalid SOA":                   "NXDOMAIN 3600 invalid.",
		"invalid DS":                    "-",
		"www.onion A":                   "NXDOMAIN 3600 onion.",
		"example.com A":                 "-",
		"alt A":                         "-",
		"ipv4only.arpa A":               "-",
		". NS":                          "-",
		". DS":                          "-",
		"com. A":                        "-",
	} {
		if got := describe(rules, question); got != want {
			t.Errorf("%s: %s, want %s", question, got, want)
		}
	}
}

func TestAddresses(t *testing.T) {
	in := compile.Input{NoData: true, TTL: 60, Addresses: []compile.Address{
		{Name: "Host.Example", Addrs: addrs("192.0.2.1", "2001:db9::1", "192.0.2.1")},
		{Name: "host.example.", Addrs: addrs("192.0.2.2"), TTL: 30},
		{Name: "alias.example", Addrs: addrs("192.0.2.1")},
		{Name: "deep.test", Addrs: addrs("10.0.0.1")},
		{Name: "localhost", Addrs: addrs("127.0.0.2")},
	}}
	want := map[string]string{
		"host.example A":             "30 192.0.2.1 192.0.2.2",
		"host.example AAAA":          "60 2001:db9::1",
		"host.example MX":            "NODATA 30 host.example.",
		"host.example CNAME":         "NODATA 30 host.example.",
		"host.example DS":            "-",
		"www.host.example A":         "-",
		"example A":                  "-",
		"1.2.0.192.in-addr.arpa PTR": "60 host.example. alias.example.",
		"2.2.0.192.in-addr.arpa PTR": "30 host.example.",
		"2.2.0.192.in-addr.arpa TXT": "NODATA 30 2.2.0.192.in-addr.arpa.",
		"3.2.0.192.in-addr.arpa PTR": "NXDOMAIN 3600 2.0.192.in-addr.arpa.",
		"deep.test A":                "60 10.0.0.1",
		"other.test A":               "NXDOMAIN 3600 test.",
		"1.0.0.10.in-addr.arpa PTR":  "60 deep.test.",
		"localhost A":                "60 127.0.0.2",
		"x.localhost A":              "60 127.0.0.2",
		"1.0.0.127.in-addr.arpa PTR": "3600 localhost.",
		"2.0.0.127.in-addr.arpa PTR": "60 localhost.",
		dns.ReverseName(addrs("2001:db9::1")[0]).String() + " PTR": "60 host.example.",
	}
	check := func() {
		t.Helper()
		rules := open(t, in)
		for question, want := range want {
			if got := describe(rules, question); got != want {
				t.Errorf("%s: %s, want %s", question, got, want)
			}
		}
	}
	check()
	in.NoData = false
	want["host.example MX"] = "-"
	want["host.example CNAME"] = "-"
	want["2.2.0.192.in-addr.arpa TXT"] = "NXDOMAIN 3600 2.0.192.in-addr.arpa."
	check()
}

func TestLookupNamesItsRule(t *testing.T) {
	rules := open(t, compile.Input{Addresses: []compile.Address{{Name: "a.example", Addrs: addrs("192.0.2.1")}}})
	for _, c := range []struct{ name, rule, owner string }{
		{"a.example", "/local-data/addresses", "a.example."},
		{"x.y.localhost", "special-use name", "localhost."},
		{"x.invalid", "special-use name", "invalid."},
	} {
		res := rules.Lookup(policy.Query{Name: dns.MustName(c.name), Type: dns.TypeA}, true)
		ok := res.Found
		if !ok || res.Rule != c.rule || res.Owner.String() != c.owner {
			t.Errorf("%s: rule %q of %v", c.name, res.Rule, res.Owner)
		}
	}
}

// Most questions no rule is about: passing them on costs no allocation.
func TestLookupAllocations(t *testing.T) {
	rules := open(t, compile.Input{NoData: true})
	name := dns.MustName("www.some.ordinary.example.com")
	if n := testing.AllocsPerRun(1000, func() {
		if rules.Lookup(policy.Query{Name: name, Type: dns.TypeA}, true).Found {
			t.Error("found")
		}
	}); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

func BenchmarkLookupMiss(b *testing.B) {
	rules := open(b, compile.Input{NoData: true})
	name := dns.MustName("www.some.ordinary.example.com")
	b.ReportAllocs()
	for b.Loop() {
		rules.Lookup(policy.Query{Name: name, Type: dns.TypeA}, true)
	}
}
