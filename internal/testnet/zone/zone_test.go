package zone

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

const text = `
@         300 SOA ns hostmaster 1 7200 3600 1209600 300
@         NS    ns
ns        A     192.0.2.1
www       A     192.0.2.2
www       TXT   "text"
alias     CNAME www
out       CNAME www.example.org.
chain     CNAME alias
down      CNAME x.plain
a.b.c     A     192.0.2.3
*.wild    A     192.0.2.4
old       DNAME www
secure    NS    ns.secure
secure    DS    1 13 2 0000000000000000000000000000000000000000000000000000000000000000
ns.secure A     192.0.2.5
plain     NS    ns.plain
ns.plain  A     192.0.2.6
only.here NS    ns.example.org.
`

func newZone(t *testing.T, denial Denial, keys ...*Key) *Zone {
	t.Helper()
	now := time.Now()
	z, err := New(Config{
		Origin: "test.", Text: text, Keys: keys, Denial: denial,
		Inception: now.Add(-time.Hour), Expiration: now.Add(time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func key(alg uint8) *Key { return NewKey("test.", "zone", alg, FlagsKSK) }

func query(name string, qtype uint16) *dns.Msg {
	return new(dns.Msg).SetQuestion(name, qtype).SetEdns0(1232, true)
}

// digest is a reply in short: rcode, AA, and the types in each section.
func digest(m *dns.Msg) string {
	var b strings.Builder
	fmt.Fprint(&b, dns.RcodeToString[m.Rcode])
	if m.Authoritative {
		b.WriteString(" aa")
	}
	for _, section := range [][]dns.RR{m.Answer, m.Ns, m.Extra} {
		var types []string
		for _, rr := range section {
			h := rr.Header()
			switch h.Rrtype {
			case dns.TypeRRSIG, dns.TypeOPT:
			default:
				types = append(types, dns.TypeToString[h.Rrtype])
			}
		}
		slices.Sort(types)
		b.WriteString(" | " + strings.Join(types, " "))
	}
	return b.String()
}

func TestReply(t *testing.T) {
	zones := map[string]*Zone{
		"nsec":   newZone(t, NSEC, key(dns.ECDSAP256SHA256)),
		"nsec3":  newZone(t, NSEC3, key(dns.ECDSAP256SHA256)),
		"optout": newZone(t, NSEC3OptOut, key(dns.ECDSAP256SHA256)),
		"plain":  newZone(t, NSEC),
	}
	for _, c := range []struct {
		zone, name string
		qtype      uint16
		want       string
	}{
		{"plain", "www.test.", dns.TypeA, "NOERROR aa | A |  | "},
		{"plain", "www.test.", dns.TypeMX, "NOERROR aa |  | SOA | "},
		{"plain", "none.test.", dns.TypeA, "NXDOMAIN aa |  | SOA | "},
		{"plain", "test.", dns.TypeNS, "NOERROR aa | NS |  | A"},
		{"plain", "test.", dns.TypeANY, "NOERROR aa | NS |  | A"},
		{"plain", "x.plain.test.", dns.TypeA, "NOERROR |  | NS | A"},
		{"plain", "x.only.here.test.", dns.TypeA, "NOERROR |  | NS | "},
		{"plain", "other.", dns.TypeA, "REFUSED |  |  | "},
		{"nsec", "www.test.", dns.TypeA, "NOERROR aa | A |  | "},
		{"nsec", "www.test.", dns.TypeMX, "NOERROR aa |  | NSEC SOA | "},
		{"nsec", "b.c.test.", dns.TypeA, "NOERROR aa |  | NSEC SOA | "},
		{"nsec", "none.test.", dns.TypeA, "NXDOMAIN aa |  | NSEC NSEC SOA | "},
		{"nsec", "chain.test.", dns.TypeA, "NOERROR aa | A CNAME CNAME |  | "},
		{"nsec", "chain.test.", dns.TypeCNAME, "NOERROR aa | CNAME |  | "},
		{"nsec", "chain.test.", dns.TypeMX, "NOERROR aa | CNAME CNAME | NSEC SOA | "},
		{"nsec", "out.test.", dns.TypeA, "NOERROR aa | CNAME |  | "},
		{"nsec", "down.test.", dns.TypeA, "NOERROR aa | CNAME |  | "},
		{"nsec", "x.wild.test.", dns.TypeA, "NOERROR aa | A | NSEC | "},
		{"nsec", "x.wild.test.", dns.TypeMX, "NOERROR aa |  | NSEC SOA | "},
		{"nsec", "x.old.test.", dns.TypeA, "NXDOMAIN aa | CNAME DNAME | NSEC SOA | "},
		{"nsec", "old.test.", dns.TypeDNAME, "NOERROR aa | DNAME |  | "},
		{"nsec", "x.secure.test.", dns.TypeA, "NOERROR |  | DS NS | A"},
		{"nsec", "secure.test.", dns.TypeNS, "NOERROR |  | DS NS | A"},
		{"nsec", "secure.test.", dns.TypeDS, "NOERROR aa | DS |  | "},
		{"nsec", "plain.test.", dns.TypeDS, "NOERROR aa |  | NSEC SOA | "},
		{"nsec", "x.plain.test.", dns.TypeA, "NOERROR |  | NS NSEC | A"},
		{"nsec", "ns.plain.test.", dns.TypeA, "NOERROR |  | NS NSEC | A"},
		{"nsec", "www.test.", dns.TypeNSEC, "NOERROR aa | NSEC |  | "},
		{"nsec3", "www.test.", dns.TypeMX, "NOERROR aa |  | NSEC3 SOA | "},
		{"nsec3", "b.c.test.", dns.TypeA, "NOERROR aa |  | NSEC3 SOA | "},
		{"nsec3", "plain.test.", dns.TypeDS, "NOERROR aa |  | NSEC3 SOA | "},
		{"nsec3", "x.plain.test.", dns.TypeA, "NOERROR |  | NS NSEC3 | A"},
		{"nsec3", "x.wild.test.", dns.TypeA, "NOERROR aa | A | NSEC3 | "},
		{"nsec3", "test.", dns.TypeNSEC3PARAM, "NOERROR aa | NSEC3PARAM |  | "},
		{"optout", "x.secure.test.", dns.TypeA, "NOERROR |  | DS NS | A"},
	} {
		m := Reply([]*Zone{zones[c.zone]}, query(c.name, c.qtype))
		if got := digest(m); got != c.want {
			t.Errorf("%s: %s %s: got  %s\nwant %s", c.zone, c.name, dns.TypeToString[c.qtype], got, c.want)
		}
	}
}

func TestReplyWithoutDO(t *testing.T) {
	z := newZone(t, NSEC, key(dns.ECDSAP256SHA256))
	for _, name := range []string{"www.test.", "none.test.", "x.secure.test.", "x.plain.test.", "x.wild.test."} {
		m := Reply([]*Zone{z}, new(dns.Msg).SetQuestion(name, dns.TypeA))
		for _, rr := range slices.Concat(m.Answer, m.Ns, m.Extra) {
			switch rr.Header().Rrtype {
			case dns.TypeRRSIG, dns.TypeNSEC, dns.TypeDS, dns.TypeOPT:
				t.Errorf("%s: %s", name, rr)
			}
		}
	}
}

func TestReplyToOddQueries(t *testing.T) {
	z := []*Zone{newZone(t, NSEC)}
	notify := query("test.", dns.TypeSOA)
	notify.Opcode = dns.OpcodeNotify
	empty := query("test.", dns.TypeSOA)
	empty.Question = nil
	version := query("test.", dns.TypeSOA)
	version.IsEdns0().SetVersion(1)
	chaos := query("version.bind.", dns.TypeTXT)
	chaos.Question[0].Qclass = dns.ClassCHAOS
	for want, q := range map[int]*dns.Msg{
		dns.RcodeNotImplemented: notify, dns.RcodeFormatError: empty,
		dns.RcodeBadVers: version, dns.RcodeRefused: chaos,
	} {
		if m := Reply(z, q); m.Rcode != want {
			t.Errorf("got %s, want %s", dns.RcodeToString[m.Rcode], dns.RcodeToString[want])
		}
	}
}

func TestLongDNAME(t *testing.T) {
	z, err := New(Config{Origin: "t.", Text: "@ SOA ns h 1 1 1 1 1\nd DNAME " + strings.Repeat("x.", 60) + "t.\n"})
	if err != nil {
		t.Fatal(err)
	}
	m := Reply([]*Zone{z}, query(strings.Repeat("yyyyyyy.", 20)+"d.t.", dns.TypeA))
	if m.Rcode != dns.RcodeYXDomain || len(m.Answer) != 1 {
		t.Error(m)
	}
}

// TestParentAndChild asks a server that has both sides of a cut.
func TestParentAndChild(t *testing.T) {
	up := newZone(t, NSEC, key(dns.ECDSAP256SHA256))
	down, err := New(Config{Origin: "secure.test.", Text: "@ SOA ns h 1 1 1 1 1\n@ NS ns\nwww A 192.0.2.7\n"})
	if err != nil {
		t.Fatal(err)
	}
	both := []*Zone{down, up}
	for _, c := range []struct {
		zones []*Zone
		name  string
		qtype uint16
		want  string
	}{
		{both, "www.secure.test.", dns.TypeA, "NOERROR aa | A |  | "},
		{both, "secure.test.", dns.TypeDS, "NOERROR aa | DS |  | "},
		{both, "secure.test.", dns.TypeNS, "NOERROR aa | NS |  | "},
		{both[:1], "secure.test.", dns.TypeDS, "NOERROR aa |  | SOA | "},
	} {
		if got := digest(Reply(c.zones, query(c.name, c.qtype))); got != c.want {
			t.Errorf("%s %s: got %s, want %s", c.name, dns.TypeToString[c.qtype], got, c.want)
		}
	}
}

func TestFit(t *testing.T) {
	q := query("www.test.", dns.TypeA)
	m := Reply([]*Zone{newZone(t, NSEC, key(dns.RSASHA256))}, q)
	whole, err := Fit(m, UDPLimit(q))
	if err != nil || m.Truncated {
		t.Fatal(err)
	}
	cut, err := Fit(m, len(whole)-1)
	if err != nil {
		t.Fatal(err)
	}
	short := new(dns.Msg)
	if err := short.Unpack(cut); err != nil {
		t.Fatal(err)
	}
	if !short.Truncated || len(short.Answer) > 0 || short.IsEdns0() == nil || len(short.Question) != 1 {
		t.Error(short)
	}
	if got := UDPLimit(new(dns.Msg).SetQuestion(".", dns.TypeNS)); got != 512 {
		t.Errorf("limit without EDNS is %d", got)
	}
}

func TestNewFails(t *testing.T) {
	for _, bad := range []string{"", "@ SOA ns h 1 1 1 1 1\nwww.other. A 192.0.2.1", "@ SOA nonsense"} {
		if _, err := New(Config{Origin: "test.", Text: bad}); err == nil {
			t.Errorf("no error from %q", bad)
		}
	}
}
