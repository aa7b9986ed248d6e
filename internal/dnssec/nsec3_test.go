package dnssec

import (
	"encoding/base32"
	"fmt"
	"slices"
	"strings"
	"testing"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/limits"
)

func exampleNSEC3(optOut bool) *denialZone {
	lines := []string{
		"example. NS SOA MX DNSKEY NSEC3PARAM",
		"a.example. NS DS",
		"ai.example. A AAAA",
		"alias.example. CNAME",
		"d.example. DNAME",
		"ent.example.",
		"ns.ent.example. A",
		"w.example.",
		"*.w.example. MX",
		"x.w.example. MX",
		"y.w.example.",
		"x.y.w.example. MX",
	}
	if !optOut {
		lines = append(lines, "b.example. NS")
	}
	return newNSEC3Zone("example.", 12, "aabbccdd", optOut, lines...)
}

func TestNSEC3Denials(t *testing.T) {
	all := exampleNSEC3(false).verified()
	runDenials(t, "example.", []denialCase{
		{"name error", all, question{what: "NameError", name: "c.example."}, Secure, "example.", false},
		{"name error far below", all, question{what: "NameError", name: "q.r.ai.example."}, Secure, "ai.example.", false},
		{"name error of an existing name", all, question{what: "NameError", name: "ai.example."}, Bogus, "", false},
		{"name error of the apex", all, question{what: "NameError", name: "example."}, Bogus, "", false},
		{"name error of an empty non-terminal", all, question{what: "NameError", name: "ent.example."}, Bogus, "", false},
		{"name error where a wildcard matches", all, question{what: "NameError", name: "q.w.example."}, Bogus, "", false},
		{"name error below a name that hides the wildcard", all, question{what: "NameError", name: "q.x.w.example."}, Secure, "x.w.example.", false},
		{"name error below a delegation", all, question{what: "NameError", name: "www.b.example."}, Bogus, "", false},
		{"name error below a DNAME", all, question{what: "NameError", name: "www.d.example."}, Bogus, "", false},

		{"no data", all, question{what: "NoData", name: "ai.example.", qtype: dns.TypeMX}, Secure, "", false},
		{"no data of a type that is there", all, question{what: "NoData", name: "ai.example.", qtype: dns.TypeA}, Bogus, "", false},
		{"no data at an alias", all, question{what: "NoData", name: "alias.example.", qtype: dns.TypeA}, Bogus, "", false},
		{"no data of an empty non-terminal", all, question{what: "NoData", name: "ent.example.", qtype: dns.TypeA}, Secure, "", false},
		{"no data by a wildcard", all, question{what: "NoData", name: "yy.w.example.", qtype: dns.TypeA}, Secure, "w.example.", false},
		{"no data by a wildcard that has the type", all, question{what: "NoData", name: "yy.w.example.", qtype: dns.TypeMX}, Bogus, "", false},
		{"no data by a wildcard that does not apply", all, question{what: "NoData", name: "q.x.w.example.", qtype: dns.TypeA}, Bogus, "", false},
		{"no data from the parent's side", all, question{what: "NoData", name: "b.example.", qtype: dns.TypeA}, Bogus, "", false},
		{"no data at an absent name", all, question{what: "NoData", name: "c.example.", qtype: dns.TypeA}, Bogus, "", false},
		{"no DS at a host", all, question{what: "NoData", name: "ai.example.", qtype: dns.TypeDS}, Secure, "", false},
		{"no DS at an unsigned delegation", all, question{what: "NoData", name: "b.example.", qtype: dns.TypeDS}, Secure, "", true},
		{"no DS from the child's apex", all, question{what: "NoData", name: "example.", qtype: dns.TypeDS}, Bogus, "", false},

		{"unsigned delegation", all, question{what: "NoDS", name: "b.example."}, Secure, "", true},
		{"signed delegation", all, question{what: "NoDS", name: "a.example."}, Bogus, "", false},
		{"a host is no delegation", all, question{what: "NoDS", name: "ai.example."}, Bogus, "", false},
		{"an absent name is no delegation", all, question{what: "NoDS", name: "c.example."}, Bogus, "", false},
		{"below a signed delegation (DL-12)", all, question{what: "NoDS", name: "sub.a.example."}, Bogus, "", false},

		{"wildcard answer", all, question{what: "WildcardAnswer", name: "yy.w.example.", labels: 2}, Secure, "w.example.", false},
		{"wildcard answer for an existing name", all, question{what: "WildcardAnswer", name: "x.w.example.", labels: 2}, Bogus, "", false},
		{"wildcard answer for an empty non-terminal", all, question{what: "WildcardAnswer", name: "y.w.example.", labels: 2}, Bogus, "", false},
		{"wildcard answer below a closer name", all, question{what: "WildcardAnswer", name: "q.x.w.example.", labels: 2}, Bogus, "", false},
	})
}

// DL-11: an opt-out span shows that there may be unsigned delegations, and nothing is Secure that rests on it.
func TestNSEC3OptOut(t *testing.T) {
	all := exampleNSEC3(true).verified()
	runDenials(t, "example.", []denialCase{
		{"unsigned delegation in the span", all, question{what: "NoDS", name: "b.example."}, Insecure, "example.", true},
		{"below the zone's names", all, question{what: "NoDS", name: "sub.ai.example."}, Insecure, "ai.example.", true},
		{"signed delegation stays signed", all, question{what: "NoDS", name: "a.example."}, Bogus, "", false},
		{"below a signed delegation", all, question{what: "NoDS", name: "sub.a.example."}, Bogus, "", false},
		{"host with its own NSEC3", all, question{what: "NoDS", name: "ai.example."}, Bogus, "", false},
		{"name error", all, question{what: "NameError", name: "c.example."}, Insecure, "example.", false},
		{"no DS", all, question{what: "NoData", name: "b.example.", qtype: dns.TypeDS}, Insecure, "example.", true},
		{"no DS where a wildcard alias is", newNSEC3Zone("example.", 0, "", true, "example. NS SOA", "*.example. CNAME").verified(),
			question{what: "NoData", name: "b.example.", qtype: dns.TypeDS}, Insecure, "example.", true},
		{"no data at the empty name above an unsigned delegation", all, question{what: "NoData", name: "e.example.", qtype: dns.TypeA}, Insecure, "example.", false},
		{"no data with its own NSEC3", all, question{what: "NoData", name: "ai.example.", qtype: dns.TypeMX}, Secure, "", false},
		{"wildcard answer", all, question{what: "WildcardAnswer", name: "yy.w.example.", labels: 2}, Insecure, "w.example.", false},
	})
}

// Every record of a proof is needed.
func TestNSEC3ProofNeedsAll(t *testing.T) {
	z := exampleNSEC3(false)
	name := dns.MustName("c.example.")
	prove := func(records []Verified) Denial {
		return New(Options{}).NewProof("\x07example\x00", records, new(limits.Budget)).NameError(name)
	}
	needed := z.verified()
	for i := 0; i < len(needed); { // leave out what can be left out
		rest := slices.Delete(slices.Clone(needed), i, i+1)
		if prove(rest).State == Secure {
			needed = rest
		} else {
			i++
		}
	}
	wantState(t, prove(needed).Verdict, Secure)
	if len(needed) < 2 || len(needed) > 3 {
		t.Fatalf("%d records", len(needed))
	}
	for i := range needed {
		d := prove(slices.Delete(slices.Clone(needed), i, i+1))
		wantBogus(t, d.Verdict, dns.EDENSECMissing, "no NSEC or NSEC3 of example. shows that c.example. does not exist")
	}
}

// A single record covers all hashes but its own (RFC 5155 section 3.1.7).
func TestNSEC3SingleRecord(t *testing.T) {
	z := newNSEC3Zone("example.", 0, "", false, "example. NS SOA DNSKEY")
	runDenials(t, "example.", []denialCase{
		{"name error", z.verified(), question{what: "NameError", name: "c.example."}, Secure, "example.", false},
		{"apex", z.verified(), question{what: "NameError", name: "example."}, Bogus, "", false},
		{"no data at the apex", z.verified(), question{what: "NoData", name: "example.", qtype: dns.TypeA}, Secure, "", false},
	})
}

// Ranges end before the name they are said to cover: one off at either side is no proof.
func TestNSEC3Borders(t *testing.T) {
	for _, c := range []struct {
		from, to int
		want     State
	}{{-1, 1, Secure}, {0, 1, Bogus}, {-1, 0, Bogus}, {1, 2, Bogus}, {1, -1, Bogus}, {2, 1, Secure}, {-1, -2, Secure}} {
		t.Run(fmt.Sprint(c.from, c.to), func(t *testing.T) {
			cover := nsec3Set("example.", hashShift("c.example.", 0, "", c.from), hashShift("c.example.", 0, "", c.to), 0, "", false, "A")
			d := New(Options{}).NewProof("\x07example\x00", []Verified{cover}, new(limits.Budget)).WildcardAnswer("\x01c\x07example\x00", 1)
			wantState(t, d.Verdict, c.want)
		})
	}
}

// Hash algorithms and flags nobody knows are ignored (RFC 5155 sections 8.1 and 8.2); a zone with nothing else is insecure.
func TestNSEC3Unknown(t *testing.T) {
	v := New(Options{})
	prove := func(edit func(rdata []byte, i int)) Denial {
		sets := newNSEC3Zone("example.", 0, "", false, "example. NS SOA", "a.example. A", "b.example. A").verified()
		for i := range sets {
			edit(sets[i].Set.RDatas[2:], i)
		}
		return v.NewProof("\x07example\x00", sets, new(limits.Budget)).NameError("\x01q\x07example\x00")
	}
	wantState(t, prove(func([]byte, int) {}).Verdict, Secure)
	wantState(t, prove(func(rdata []byte, _ int) { rdata[0] = 2 }).Verdict, Insecure)
	wantBogus(t, prove(func(rdata []byte, _ int) { rdata[1] = 2 }).Verdict, dns.EDENSECMissing, "no NSEC")
	wantState(t, prove(func(rdata []byte, i int) { rdata[0] = byte(i + 1) }).Verdict, Bogus) // part of the chain is of use
	mixed := prove(func(rdata []byte, i int) { rdata[3] = byte(i) })                         // every record its own iterations
	wantBogus(t, mixed.Verdict, dns.EDENSECMissing, "no NSEC")
}

func TestNSEC3HashAgreesWithMiekg(t *testing.T) {
	for _, c := range []struct {
		name       string
		iterations uint16
		salt       string
	}{{"example.", 12, "aabbccdd"}, {"a.example.", 0, ""}, {"*.w.example.", 50, strings.Repeat("5a", 255)}, {".", 1, "00"}} {
		budget := new(limits.Budget)
		h := hasher{budget: budget, set: true, iterations: c.iterations, salt: unhex(c.salt)}
		sum, ok := h.hash(dns.MustName(c.name))
		if got, want := base32.HexEncoding.EncodeToString(sum[:]), miekg.HashName(c.name, miekg.SHA1, c.iterations, c.salt); !ok || got != want {
			t.Errorf("%s: got %s, want %s", c.name, got, want)
		}
		if want := (int(c.iterations) + 1) * (1 + (len(c.salt)/2+19)/64); budget.Spent(limits.KindNSEC3Blocks) != want {
			t.Errorf("%s: charged %s, want H=%d", c.name, spent(budget), want)
		}
		if _, again := h.hash(dns.MustName(c.name)); !again || budget.Spent(limits.KindNSEC3Blocks) > 51*5 {
			t.Errorf("%s: hashed twice", c.name)
		}
	}
}

func unhex(s string) []byte {
	out := make([]byte, len(s)/2)
	for i := range out {
		fmt.Sscanf(s[2*i:2*i+2], "%02x", &out[i])
	}
	return out
}
