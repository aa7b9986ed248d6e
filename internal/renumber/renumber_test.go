package renumber

import (
	"net/netip"
	"reflect"
	"testing"

	"knot-resolver/internal/dns/dnstest"
)

func rule(source, destination string, exact bool) Rule {
	return Rule{netip.MustParsePrefix(source), netip.MustParseAddr(destination), exact}
}

func rules() Rules {
	return Rules{
		rule("192.0.2.0/25", "10.0.0.0", false), rule("192.0.2.0/24", "10.1.1.1", true), rule("198.51.100.0/20", "172.16.0.0", false),
		rule("2001:db8::/36", "fd00:1:2000::", false), rule("203.0.113.7/32", "10.9.9.9", false), rule("0.0.0.0/32", "0.0.0.0", true),
	}
}

func TestAddress(t *testing.T) {
	for from, want := range map[string]string{
		"192.0.2.127":         "10.0.0.127",
		"192.0.2.128":         "10.1.1.1",
		"198.51.103.5":        "172.16.7.5",
		"2001:db8:fff::1":     "fd00:1:2fff::1",
		"203.0.113.7":         "10.9.9.9",
		"203.0.113.8":         "",
		"2001:db8:1000::1":    "",
		"::ffff:192.0.2.1":    "",
		"2001:db8::192.0.2.1": "fd00:1:2000::192.0.2.1",
	} {
		got, ok := rules().Address(netip.MustParseAddr(from))
		if ok != (want != "") || ok && got != netip.MustParseAddr(want) {
			t.Errorf("%s: %v %v, want %s", from, got, ok, want)
		}
	}
}

func TestAnswer(t *testing.T) {
	const sig = " 13 2 60 20300101000000 20200101000000 1 test. AAAA\n"
	const before = `a.test. 60 CNAME b.test.
		a.test. 60 RRSIG CNAME` + sig + `b.test. 60 A 192.0.2.1
		b.test. 60 A 192.0.2.200
		b.test. 60 A 192.0.2.201
		b.test. 60 A 203.0.113.8
		b.test. 60 RRSIG A` + sig + `c.test. 60 HTTPS 1 . alpn=h2 ipv4hint=192.0.2.2,203.0.113.8 ipv6hint=2001:db8::5
		c.test. 60 RRSIG HTTPS` + sig + `d.test. 60 AAAA 2001:db9::1
		d.test. 60 RRSIG AAAA` + sig
	const after = `a.test. 60 CNAME b.test.
		a.test. 60 RRSIG CNAME` + sig + `b.test. 60 A 10.0.0.1
		b.test. 60 A 10.1.1.1
		b.test. 60 A 203.0.113.8
		c.test. 60 HTTPS 1 . alpn=h2 ipv4hint=10.0.0.2,203.0.113.8 ipv6hint=fd00:1:2000::5
		d.test. 60 AAAA 2001:db9::1
		d.test. 60 RRSIG AAAA` + sig
	sets := dnstest.Text(before)
	got, changed := rules().Answer(sets)
	if want := dnstest.Text(after); !changed || !reflect.DeepEqual(got, want) {
		t.Errorf("%v: %+v, want %+v", changed, got, want)
	}
	if !reflect.DeepEqual(sets, dnstest.Text(before)) {
		t.Errorf("what was given is now %+v", sets)
	}
	if _, changed := rules().Answer(sets[:1]); changed {
		t.Error("an alias changed")
	}
}
