package dnssec

import (
	"testing"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/limits"
)

// question is one thing a proof is asked for.
type question struct {
	what   string // NameError, NoData, NoDS, WildcardAnswer
	name   string
	qtype  dns.Type
	labels int
}

func (q question) ask(p *Proof) Denial {
	name := dns.MustName(q.name)
	switch q.what {
	case "NameError":
		return p.NameError(name)
	case "NoData":
		return p.NoData(name, q.qtype)
	case "NoDS":
		return p.NoDS(name)
	}
	return p.WildcardAnswer(name, q.labels)
}

type denialCase struct {
	name    string
	records []Verified
	ask     question
	want    State
	encl    string // closest encloser
	cut     bool
}

func runDenials(t *testing.T, zone string, cases []denialCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			d := c.ask.ask(New(Options{}).NewProof(dns.MustName(zone), c.records, new(limits.Budget)))
			if d.State != c.want {
				t.Fatalf("got %v (%v: %s), want %v", d.State, d.EDE, d.Reason, c.want)
			}
			if d.State == Bogus {
				if d.EDE != dns.EDENSECMissing && d.EDE != dns.EDEBogus {
					t.Errorf("EDE %v", d.EDE)
				}
				return
			}
			if d.Cut != c.cut || c.encl != "" && d.ClosestEncloser != dns.MustName(c.encl) {
				t.Errorf("got %+v, want closest encloser %s, cut %v", d, c.encl, c.cut)
			}
			if d.OptOut != (d.State == Insecure) {
				t.Errorf("opt-out %v with %v", d.OptOut, d.State)
			}
		})
	}
}

func exampleNSEC() *denialZone {
	return newNSECZone("example.",
		"example. NS SOA MX DNSKEY",
		"a.example. NS DS", // signed delegation
		"ai.example. A AAAA",
		"alias.example. CNAME",
		"b.example. NS", // unsigned delegation
		"d.example. DNAME",
		"ns.ent.example. A", // ent.example. is empty
		"*.w.example. MX",
		"x.w.example. MX",
		"x.y.w.example. MX",
		"*.cname.example. CNAME",
		"z.example. A")
}

func TestNSECDenials(t *testing.T) {
	z := exampleNSEC()
	all := z.verified()
	runDenials(t, "example.", []denialCase{
		{"name error", z.only("b.example.", "example."), question{what: "NameError", name: "c.example."}, Secure, "example.", false},
		{"name error without the wildcard's denial", z.only("b.example."), question{what: "NameError", name: "c.example."}, Bogus, "", false},
		{"name error for the wildcard's denial only", z.only("example."), question{what: "NameError", name: "c.example."}, Bogus, "", false},
		{"name error at the end of the zone", z.only("z.example.", "example."), question{what: "NameError", name: "zz.example."}, Secure, "example.", false},
		{"name error far below", z.only("ai.example."), question{what: "NameError", name: "q.r.ai.example."}, Secure, "ai.example.", false},
		{"name error of an existing name", all, question{what: "NameError", name: "ai.example."}, Bogus, "", false},
		{"name error of the apex", all, question{what: "NameError", name: "example."}, Bogus, "", false},
		{"name error of an empty non-terminal", all, question{what: "NameError", name: "ent.example."}, Bogus, "", false},
		{"name error where a wildcard matches", all, question{what: "NameError", name: "q.w.example."}, Bogus, "", false},
		{"name error below a name that hides the wildcard", all, question{what: "NameError", name: "q.x.w.example."}, Secure, "x.w.example.", false},
		{"name error below a delegation", all, question{what: "NameError", name: "www.b.example."}, Bogus, "", false},
		{"name error below a DNAME", all, question{what: "NameError", name: "www.d.example."}, Bogus, "", false},

		{"no data", z.only("ai.example."), question{what: "NoData", name: "ai.example.", qtype: dns.TypeMX}, Secure, "", false},
		{"no data of a type that is there", z.only("ai.example."), question{what: "NoData", name: "ai.example.", qtype: dns.TypeA}, Bogus, "", false},
		{"no data at an alias", z.only("alias.example."), question{what: "NoData", name: "alias.example.", qtype: dns.TypeA}, Bogus, "", false},
		{"no data of an empty non-terminal", z.only("d.example."), question{what: "NoData", name: "ent.example.", qtype: dns.TypeA}, Secure, "", false},
		{"no data by a wildcard", z.only("x.y.w.example.", "*.w.example."), question{what: "NoData", name: "yy.w.example.", qtype: dns.TypeA}, Secure, "w.example.", false},
		{"no data by a wildcard that has the type", all, question{what: "NoData", name: "yy.w.example.", qtype: dns.TypeMX}, Bogus, "", false},
		{"no data by a wildcard alias", all, question{what: "NoData", name: "q.cname.example.", qtype: dns.TypeA}, Bogus, "", false},
		{"no data by a wildcard that does not apply", all, question{what: "NoData", name: "q.x.w.example.", qtype: dns.TypeA}, Bogus, "", false},
		{"no data of a wildcard itself", all, question{what: "NoData", name: "*.w.example.", qtype: dns.TypeA}, Secure, "", false},
		{"no data without the name's denial", z.only("*.w.example."), question{what: "NoData", name: "yy.w.example.", qtype: dns.TypeA}, Bogus, "", false},
		{"no data for any type", all, question{what: "NoData", name: "ai.example.", qtype: dns.TypeANY}, Bogus, "", false},
		{"no data at the apex", all, question{what: "NoData", name: "example.", qtype: dns.TypeA}, Secure, "", false},
		{"no data from the parent's side", all, question{what: "NoData", name: "b.example.", qtype: dns.TypeA}, Bogus, "", false},
		{"no DS at a host", all, question{what: "NoData", name: "ai.example.", qtype: dns.TypeDS}, Secure, "", false},
		{"no DS at an unsigned delegation", all, question{what: "NoData", name: "b.example.", qtype: dns.TypeDS}, Secure, "", true},
		{"no DS from the child's apex", all, question{what: "NoData", name: "example.", qtype: dns.TypeDS}, Bogus, "", false},

		{"unsigned delegation", z.only("b.example."), question{what: "NoDS", name: "b.example."}, Secure, "", true},
		{"signed delegation", all, question{what: "NoDS", name: "a.example."}, Bogus, "", false},
		{"a host is no delegation", all, question{what: "NoDS", name: "ai.example."}, Bogus, "", false},
		{"an absent name is no delegation", all, question{what: "NoDS", name: "c.example."}, Bogus, "", false},
		{"the zone itself is no delegation", all, question{what: "NoDS", name: "example."}, Bogus, "", false},
		{"below a signed delegation (DL-12)", all, question{what: "NoDS", name: "sub.a.example."}, Bogus, "", false},

		{"wildcard answer", z.only("x.y.w.example."), question{what: "WildcardAnswer", name: "yy.w.example.", labels: 2}, Secure, "w.example.", false},
		{"wildcard answer without denial", z.only("*.w.example."), question{what: "WildcardAnswer", name: "yy.w.example.", labels: 2}, Bogus, "", false},
		{"wildcard answer for an existing name", all, question{what: "WildcardAnswer", name: "x.w.example.", labels: 2}, Bogus, "", false},
		{"wildcard answer for an empty non-terminal", all, question{what: "WildcardAnswer", name: "y.w.example.", labels: 2}, Bogus, "", false},
		{"wildcard answer below a closer name", all, question{what: "WildcardAnswer", name: "q.x.w.example.", labels: 2}, Bogus, "", false},
		{"wildcard answer from above the zone", all, question{what: "WildcardAnswer", name: "c.example.", labels: 0}, Bogus, "", false},
		{"wildcard answer with all labels", all, question{what: "WildcardAnswer", name: "c.example.", labels: 2}, Bogus, "", false},

		{"nothing", nil, question{what: "NameError", name: "c.example."}, Bogus, "", false},
	})
}

// An empty wildcard (*.example. with only names below it) leads to NODATA, too.
func TestNSECEmptyWildcard(t *testing.T) {
	z := newNSECZone("example.", "example. NS SOA", "a.*.example. A", "n.example. A")
	runDenials(t, "example.", []denialCase{
		{"no data", z.verified(), question{what: "NoData", name: "m.example.", qtype: dns.TypeA}, Secure, "example.", false},
		{"name error", z.verified(), question{what: "NameError", name: "m.example."}, Bogus, "", false},
	})
}

// Records that signers make on the fly deny one name or type only (RFC 4470, RFC 9824).
func TestNSECMinimalRanges(t *testing.T) {
	white := []Verified{verifiedText(`b\255.example. 300 IN NSEC c\000.example. RRSIG NSEC`), verifiedText(`\).example. 300 IN NSEC +.example. RRSIG NSEC`)}
	black := []Verified{verifiedText(`c.example. 300 IN NSEC \000.c.example. RRSIG NSEC TYPE128`)}
	only := []Verified{verifiedText(`c.example. 300 IN NSEC \000.c.example. RRSIG NSEC`)}
	runDenials(t, "example.", []denialCase{
		{"white lies", white, question{what: "NameError", name: "c.example."}, Secure, "example.", false},
		{"white lies say nothing of a neighbour", white, question{what: "NameError", name: "d.example."}, Bogus, "", false},
		{"black lies", black, question{what: "NoData", name: "c.example.", qtype: dns.TypeA}, Secure, "", false},
		{"black lies are no name error", black, question{what: "NameError", name: "c.example."}, Bogus, "", false},
		{"nothing but a denial", only, question{what: "NoData", name: "c.example.", qtype: dns.TypeANY}, Secure, "", false},
	})
}

func TestNSECRoot(t *testing.T) {
	z := newNSECZone(".", ". NS SOA DNSKEY", "aaa. NS DS", "com. NS DS", "zw. NS")
	runDenials(t, ".", []denialCase{
		{"name error", z.only("com.", "."), question{what: "NameError", name: "www.local."}, Secure, ".", false},
		{"no DS at the root", z.only("."), question{what: "NoData", name: ".", qtype: dns.TypeDS}, Secure, "", false},
		{"unsigned", z.only("zw."), question{what: "NoDS", name: "zw."}, Secure, "", true},
		{"below a signed one", z.verified(), question{what: "NameError", name: "nic.com."}, Bogus, "", false},
	})
}
