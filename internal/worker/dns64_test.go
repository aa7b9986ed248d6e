package worker

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/dns64"
	"knot-resolver/internal/policy/compile"
	"knot-resolver/internal/server"
	"knot-resolver/internal/testnet"
)

// describe is an answer on one line: RCODE, AD, EDE codes, records with their types but signatures.
func describe(m *miekg.Msg) string {
	out := miekg.RcodeToString[m.Rcode]
	if m.AuthenticatedData {
		out += " AD"
	}
	for _, e := range testnet.ExtendedErrors(m) {
		out += fmt.Sprintf(" EDE %d", e)
	}
	for _, rr := range m.Answer {
		if rr.Header().Rrtype != miekg.TypeRRSIG {
			out += " " + strings.TrimPrefix(rr.String(), rr.Header().String())
		}
	}
	return out
}

// withDNS64 is a worker in the miniature internet behind a NAT64.
func withDNS64(t *testing.T, world *testnet.World, o dns64.Options) *Worker {
	w := newWorker(t, world)
	if o.Prefixes == nil {
		o.Prefixes = []netip.Prefix{dns64.WellKnown()}
	}
	o.ReverseTTL = 60
	w.options.DNS64 = dns64.New(o)
	return w
}

func TestDNS64(t *testing.T) {
	prefixes := func(list ...string) (all []netip.Prefix) {
		for _, p := range list {
			all = append(all, netip.MustParsePrefix(p))
		}
		return all
	}
	usual := dns64.Options{Exclude: []netip.Prefix{dns64.Mapped()}}
	excluding := dns64.Options{Exclude: prefixes("2001:db8::/32")}
	for _, c := range []struct {
		name, typ string
		cd        bool
		o         dns64.Options
		want      string
	}{
		{"www.example.se.", "AAAA", false, usual, "NOERROR AD 2001:db8::80"},
		{"mail.example.se.", "AAAA", false, usual, "NOERROR AD EDE 29 64:ff9b::c000:219"},
		{"mail.example.se.", "AAAA", true, usual, "NOERROR"},
		{"mail.example.se.", "AAAA", false, dns64.Options{Prefixes: prefixes("64:ff9b::/96", "2001:db8:64::/48")},
			"NOERROR AD EDE 29 64:ff9b::c000:219 2001:db8:64:c000:2:1900::"},
		{"www.insecure.se.", "AAAA", false, usual, "NOERROR EDE 29 64:ff9b::cb00:711e"},
		{"www.old.example.cz.", "AAAA", false, usual, "NOERROR AD EDE 29 new.example.cz. www.new.example.cz. 64:ff9b::c633:6451"},
		{"nothing.example.se.", "AAAA", false, usual, "NXDOMAIN AD"},
		{"b.c.example.se.", "AAAA", false, usual, "NOERROR AD"},
		{"www.expired.se.", "AAAA", false, usual, "SERVFAIL EDE 7"},
		{"www.example.se.", "A", false, usual, "NOERROR AD 192.0.2.80"},
		{"www.example.se.", "AAAA", false, excluding, "NOERROR AD EDE 29 64:ff9b::c000:250"},
		{"www.example.se.", "AAAA", false, dns64.Options{Ignore: []dns.Name{dns.MustName("example.se")}}, "NOERROR AD EDE 29 64:ff9b::c000:250"},
		{"ipv4only.arpa.", "AAAA", false, usual, "NOERROR EDE 29 64:ff9b::c000:aa 64:ff9b::c000:ab"},
		{"ipv4only.arpa.", "A", false, usual, "NOERROR 192.0.0.170 192.0.0.171"},
		{"x.ipv4only.arpa.", "A", false, usual, "NXDOMAIN"},
	} {
		t.Run(c.name+" "+c.typ, func(t *testing.T) {
			world, err := testnet.New()
			if err != nil {
				t.Fatal(err)
			}
			w := withDNS64(t, world, c.o)
			q := query(c.name, c.typ)
			q.CheckingDisabled = c.cd
			for _, when := range []string{"resolved", "cached", "repeated"} {
				if got := describe(ask(t, w, q, server.UDP)); got != c.want && (got != c.want+" EDE 29" || when == "resolved") { // a denial may be synthesised, too
					t.Errorf("%s: %s, want %s", when, got, c.want)
				}
			}
			if strings.HasSuffix(c.name, "ipv4only.arpa.") {
				for _, s := range world.Servers() {
					if n := len(s.Queries()); n > 0 {
						t.Errorf("%v was asked %d times", s.IP(), n)
					}
				}
			}
		})
	}
}

// TestDNS64Reverse asks for the names of addresses that the NAT64 made.
func TestDNS64Reverse(t *testing.T) {
	world, err := testnet.New()
	if err != nil {
		t.Fatal(err)
	}
	w := withDNS64(t, world, dns64.Options{})
	name := dns.ReverseName(netip.MustParseAddr("64:ff9b::192.0.0.170")).String()
	for range 2 {
		m := ask(t, w, query(name, "PTR"), server.UDP)
		if got := describe(m); got != "NOERROR EDE 29 170.0.0.192.in-addr.arpa. ipv4only.arpa." || m.Answer[0].Header().Ttl != 60 {
			t.Errorf("%s\n%v", got, m)
		}
	}
	q := query(name, "PTR")
	q.CheckingDisabled = true
	if m := ask(t, w, q, server.UDP); len(m.Answer) > 0 {
		t.Errorf("with CD: %v", m)
	}
}

// TestDNS64TTL: what is made lives no longer than the denial it is made because of.
func TestDNS64TTL(t *testing.T) {
	world, err := testnet.New()
	if err != nil {
		t.Fatal(err)
	}
	w := withDNS64(t, world, dns64.Options{})
	denial := ask(t, newWorker(t, world), query("mail.example.se.", "AAAA"), server.UDP)
	a := ask(t, w, query("mail.example.se.", "A"), server.UDP)
	made := ask(t, w, query("mail.example.se.", "AAAA"), server.UDP)
	soa := uint32(0)
	for _, rr := range denial.Ns {
		if rr.Header().Rrtype == miekg.TypeSOA {
			soa = rr.Header().Ttl
		}
	}
	want := min(soa, a.Answer[0].Header().Ttl)
	if got := made.Answer[0].Header().Ttl; got > want || got+2 < want || soa == 0 {
		t.Errorf("TTL %d, want %d: SOA %d, A %d", got, want, soa, a.Answer[0].Header().Ttl)
	}
}

// TestDNS64BogusA: a denial of AAAA records that validates does not help A records that do not (RFC 6147 section 5.5).
func TestDNS64BogusA(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world, err := testnet.New()
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range world.Servers() {
			s.SetQuirk(func(_ string, q, right *miekg.Msg) *miekg.Msg {
				if right == nil || q.Question[0].Qtype != miekg.TypeA {
					return right
				}
				for _, rr := range right.Answer {
					if a, ok := rr.(*miekg.A); ok && strings.EqualFold(a.Hdr.Name, "mail.example.se.") {
						forged := *a
						forged.A = []byte{192, 0, 2, 66}
						right.Answer = []miekg.RR{&forged, right.Answer[len(right.Answer)-1]}
					}
				}
				return right
			})
		}
		w := withDNS64(t, world, dns64.Options{})
		for range 2 {
			if got := describe(ask(t, w, query("mail.example.se.", "AAAA"), server.UDP)); got != "SERVFAIL EDE 6" {
				t.Error(got)
			}
		}
		synctest.Wait()
	})
}

// TestDNS64View: clients of a view may be left out, whoever asked first.
func TestDNS64View(t *testing.T) {
	world, err := testnet.New()
	if err != nil {
		t.Fatal(err)
	}
	w := withDNS64(t, world, dns64.Options{})
	w.SetRules(compiled(t, compile.Input{Views: []compile.View{view("10.1.0.0/16", func(v *compile.View) { v.DNS64 = false })}}))
	for range 3 {
		for client, want := range map[string]string{"10.1.0.1": "NOERROR AD", "10.2.0.1": "NOERROR AD EDE 29 64:ff9b::c000:219"} {
			if got := describe(askAs(t, w, client, query("mail.example.se.", "AAAA"), server.UDP)); got != want {
				t.Errorf("%s: %s, want %s", client, got, want)
			}
		}
	}
	if got := describe(askAs(t, w, "10.1.0.1", query("ipv4only.arpa.", "A"), server.UDP)); got != "NXDOMAIN AD" {
		t.Errorf("ipv4only.arpa of the world: %s", got)
	}
}

// TestDNS64UnansweredAAAA: servers that fail for AAAA have none, unless the zone is signed, or they refuse.
func TestDNS64UnansweredAAAA(t *testing.T) {
	for _, c := range []struct {
		name  string
		rcode int
		want  string
	}{
		{"www.insecure.se.", miekg.RcodeServerFailure, "NOERROR EDE 29 64:ff9b::cb00:711e"},
		{"www.insecure.se.", miekg.RcodeNotImplemented, "NOERROR EDE 29 64:ff9b::cb00:711e"},
		{"www.insecure.se.", miekg.RcodeRefused, "SERVFAIL EDE 22"},
		{"mail.example.se.", miekg.RcodeServerFailure, "SERVFAIL EDE 22"},
	} {
		world, err := testnet.New()
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range world.Servers() {
			s.SetQuirk(func(_ string, q, right *miekg.Msg) *miekg.Msg {
				if right != nil && q.Question[0].Qtype == miekg.TypeAAAA && strings.EqualFold(q.Question[0].Name, c.name) {
					return new(miekg.Msg).SetRcode(q, c.rcode)
				}
				return right
			})
		}
		w := withDNS64(t, world, dns64.Options{})
		if got := describe(ask(t, w, query(c.name, "AAAA"), server.UDP)); got != c.want {
			t.Errorf("%s, %s: %s, want %s", c.name, miekg.RcodeToString[c.rcode], got, c.want)
		}
	}
}
