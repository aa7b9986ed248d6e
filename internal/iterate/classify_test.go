package iterate

import (
	"fmt"
	"strings"
	"testing"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/upstream"
)

// message makes a response out of zone-file lines; "--" goes on to the next section.
func message(t testing.TB, flags string, text string) *miekg.Msg {
	t.Helper()
	m := new(miekg.Msg)
	m.Response = true
	for flag := range strings.FieldsSeq(flags) {
		if rcode, ok := miekg.StringToRcode[flag]; ok {
			m.Rcode = rcode
		}
		m.Authoritative = m.Authoritative || flag == "aa"
	}
	sections := []*[]miekg.RR{&m.Answer, &m.Ns, &m.Extra}
	for line := range strings.SplitSeq(text, "\n") {
		switch line = strings.TrimSpace(line); line {
		case "":
		case "--":
			sections = sections[1:]
		default:
			rr, err := miekg.NewRR(line)
			if err != nil {
				t.Fatal(err)
			}
			*sections[0] = append(*sections[0], rr)
		}
	}
	return m
}

// reading returns how a response to www.zone.test is read by somebody who asked a server of zone.test.
func reading(t *testing.T, flags, text string, typ dns.Type) *response {
	t.Helper()
	raw, err := message(t, flags, text).Pack()
	if err != nil {
		t.Fatal(err)
	}
	reply := new(upstream.Reply)
	if err := reply.Msg.Parse(raw); err != nil {
		t.Fatal(err)
	}
	return read(reply, dns.MustName("zone.test"), dns.MustName("www.zone.test"), typ, false)
}

func TestClassify(t *testing.T) {
	const soa = "\nzone.test. 60 SOA ns.test. x.test. 1 2 3 4 5\n"
	for _, c := range []struct {
		name, flags, text string
		want              class
	}{
		{"answer", "aa", "www.zone.test. 60 A 192.0.2.1", answered},
		{"answer in capitals", "aa", "WWW.Zone.Test. 60 A 192.0.2.1", answered},
		{"answer without AA", "", "www.zone.test. 60 A 192.0.2.1", answered},
		{"CNAME", "aa", "www.zone.test. 60 CNAME a.test.", aliased},
		{"CNAME without AA", "", "www.zone.test. 60 CNAME a.test.", aliased},
		{"CNAME and its target's NXDOMAIN", "aa NXDOMAIN", "www.zone.test. 60 CNAME a.zone.test.\n--" + soa, aliased},
		{"DNAME", "aa", "zone.test. 60 DNAME a.test.", aliased},
		{"DNAME at the name itself", "aa", "www.zone.test. 60 DNAME a.test.", noData},
		{"DNAME that makes the name too long", "aa YXDOMAIN", "zone.test. 60 DNAME a.test.", aliased},
		{"YXDOMAIN and nothing else", "aa YXDOMAIN", "", errored},
		{"another type", "aa", "www.zone.test. 60 AAAA 2001:db8::1", noData},
		{"NODATA", "aa", "--" + soa, noData},
		{"NODATA without AA", "", "--" + soa, noData},
		{"NODATA without SOA", "aa", "", noData},
		{"nothing at all", "", "", lame},
		{"SOA of a zone above", "", "--\ntest. 60 SOA ns.test. x.test. 1 2 3 4 5", lame},
		{"SOA of a zone beside", "", "--\na.zone.test. 60 SOA ns.test. x.test. 1 2 3 4 5", lame},
		{"SOA of a zone between", "", "--\nwww.zone.test. 60 SOA ns.test. x.test. 1 2 3 4 5", noData},
		{"NXDOMAIN", "aa NXDOMAIN", "--" + soa, nxDomain},
		{"NXDOMAIN without AA", "NXDOMAIN", "--" + soa, nxDomain},
		{"NXDOMAIN without SOA", "aa NXDOMAIN", "", nxDomain},
		{"NXDOMAIN without either", "NXDOMAIN", "", lame},
		{"referral", "", "--\nwww.zone.test. 60 NS ns.www.zone.test.\n--\nns.www.zone.test. 60 A 192.0.2.1", referral},
		{"referral with AA", "aa", "--\nwww.zone.test. 60 NS ns.test.", referral},
		{"referral beside the name", "", "--\na.zone.test. 60 NS ns.test.", lame},
		{"referral below the name", "", "--\na.www.zone.test. 60 NS ns.test.", lame},
		{"referral to the same zone", "", "--\nzone.test. 60 NS ns.test.", lame},
		{"own NS set with AA", "aa", "--\nzone.test. 60 NS ns.test.", noData},
		{"referral to the parent", "", "--\ntest. 60 NS ns.test.", lame},
		{"referral to the root", "", "--\n. 60 NS ns.test.", lame},
		{"SERVFAIL", "SERVFAIL", "", errored},
		{"REFUSED", "REFUSED", "", errored},
		{"SERVFAIL with an answer", "aa SERVFAIL", "www.zone.test. 60 A 192.0.2.1", errored},
		{"a record of somebody else", "aa", "www.victim.test. 60 A 192.0.2.1\n--" + soa, noData},
		{"too many records", "aa", many("www.zone.test. 60 A 10.0.%d.%d\n", 300), malformed},
	} {
		if got := reading(t, c.flags, c.text, dns.TypeA); got.class != c.want {
			t.Errorf("%s: %v, want %v", c.name, got.class, c.want)
		}
	}
}

// many repeats a line with a count in two octets.
func many(line string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, line, i>>8, i&255)
	}
	return b.String()
}

// TestRecordsOutside is BW-01: only records of the zone asked are kept.
func TestRecordsOutside(t *testing.T) {
	r := reading(t, "aa", `
		www.zone.test. 60 A 192.0.2.1
		www.victim.test. 60 A 192.0.2.66
		xzone.test. 60 A 192.0.2.66
		--
		victim.test. 60 NS ns.attacker.test.
		test. 60 NS ns.attacker.test.
		--
		www.victim.test. 60 A 192.0.2.66`, dns.TypeA)
	if len(r.answer) != 1 || len(r.authority) != 0 {
		t.Errorf("answer %v, authority %v", r.answer, r.authority)
	}
}
