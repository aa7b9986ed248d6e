package iterate

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/cache"
	"knot-resolver/internal/cache/mem"
	"knot-resolver/internal/dns"
	"knot-resolver/internal/dns/dnstest"
	"knot-resolver/internal/dnssec"
	"knot-resolver/internal/limits"
)

// chained are the names of z.test with the types they have. sub is an unsigned and signed a
// signed delegation; w exists only because of what is below it.
var chained = []struct{ name, types string }{
	{"z.test.", "NS SOA RRSIG"},
	{"a.z.test.", "A RRSIG"},
	{"m.z.test.", "A RRSIG"},
	{"signed.z.test.", "NS DS RRSIG"},
	{"sub.z.test.", "NS"},
	{"*.w.z.test.", "A RRSIG"},
}

// nsecs are the records of the chain of z.test.
func nsecs() (sets []dns.RRset) {
	for i, n := range chained {
		sets = append(sets, dnstest.MustRRset(fmt.Sprintf("%s 300 IN NSEC %s %s NSEC", n.name, chained[(i+1)%len(chained)].name, n.types)))
	}
	return sets
}

// nsec3s are those of the same zone with NSEC3.
func nsec3s(flags int, salt string) (sets []dns.RRset) {
	byHash := map[string]string{hashed("w.z.test.", salt): ""}
	order := []string{hashed("w.z.test.", salt)}
	for _, n := range chained {
		h := hashed(n.name, salt)
		byHash[h] = n.types
		order = append(order, h)
	}
	slices.Sort(order)
	for i, h := range order {
		sets = append(sets, dnstest.MustRRset(fmt.Sprintf("%s.z.test. 300 IN NSEC3 1 %d 1 %s %s %s", h, flags, salt, order[(i+1)%len(order)], byHash[h])))
	}
	return sets
}

func hashed(name, salt string) string {
	return strings.ToLower(miekg.HashName(name, miekg.SHA1, 1, strings.TrimPrefix(salt, "-")))
}

// denier is an engine that knows the signed zone z.test, its SOA and its wildcard, and nobody to ask.
func denier(negative ...dns.Name) *Engine {
	store := mem.New(mem.Options{Size: 1 << 20, Merge: cache.Replaces})
	e := New(Options{
		Cache:     cache.New(store, cache.Options{TTLMax: 24 * time.Hour}),
		Validator: dnssec.New(dnssec.Options{}), Negative: negative,
		Anchors: []dnssec.Anchor{dnssec.RootAnchor()},
	})
	now := time.Now()
	ds := dnstest.MustRRset("z.test. 3600 IN DS 1 13 2 " + strings.Repeat("ab", 32))
	e.Cache.PutDelegation(&cache.Delegation{Zone: dns.MustName("z.test"), Rank: cache.Secure, DS: ds, Expires: now.Add(time.Hour)}, now)
	for _, text := range []string{"z.test. 900 IN SOA ns.z.test. x. 1 2 3 4 200", "*.w.z.test. 250 IN A 192.0.2.7"} {
		set := dnstest.MustRRset(text)
		entry := cache.Entry{Kind: cache.Positive, Rank: cache.Secure, TTL: set.TTL, EDE: dns.NoEDE, Answer: set}
		e.Cache.PutAnswer(set.Owner, set.Type, &entry, now)
	}
	return e
}

func (e *Engine) say(name string, t dns.Type) string {
	out, ok := e.FromCache(Question{Name: dns.MustName(name), Type: t})
	switch {
	case !ok:
		return "unknown"
	case out.RCode != dns.RCodeNoError:
		return out.RCode.String()
	case len(out.Answer) == 0:
		return "NODATA"
	}
	return "answer " + out.Answer[0].Owner.String()
}

var denials = []struct {
	name string
	typ  dns.Type
	want string
}{
	{"b.z.test", dns.TypeA, "NXDOMAIN"},
	{"x.b.z.test", dns.TypeA, "NXDOMAIN"},
	{"zz.z.test", dns.TypeMX, "NXDOMAIN"},
	{"x.a.z.test", dns.TypeA, "NXDOMAIN"},
	{"a.z.test", dns.TypeAAAA, "NODATA"},
	{"a.z.test", dns.TypeA, "unknown"},     // it exists
	{"a.z.test", dns.TypeRRSIG, "unknown"}, // says nothing about RRSIG
	{"a.z.test", dns.TypeANY, "unknown"},   // nor about everything
	{"w.z.test", dns.TypeA, "NODATA"},      // exists because of what is below
	{"x.w.z.test", dns.TypeA, "answer x.w.z.test."},
	{"x.y.w.z.test", dns.TypeA, "answer x.y.w.z.test."},
	{"x.w.z.test", dns.TypeAAAA, "NODATA"},
	{"sub.z.test", dns.TypeA, "unknown"}, // for the child to say
	{"x.sub.z.test", dns.TypeA, "unknown"},
	{"x.y.sub.z.test", dns.TypeA, "unknown"},
	{"signed.z.test", dns.TypeA, "unknown"},
	{"x.signed.z.test", dns.TypeA, "unknown"},
	{"b.z.test", dns.TypeDS, "NXDOMAIN"},
	{"sub.z.test", dns.TypeDS, "NODATA"}, // an unsigned delegation, as its parent says
	{"signed.z.test", dns.TypeDS, "unknown"},
	{"x.sub.z.test", dns.TypeDS, "unknown"},
	{"z.test", dns.TypeAAAA, "NODATA"},
	{"z.test", dns.TypeNS, "unknown"},
	{"b.y.test", dns.TypeA, "unknown"},
	{"bz.test", dns.TypeA, "unknown"},
}

// TestSynthesis answers from a complete chain of either kind.
func TestSynthesis(t *testing.T) {
	for kind, sets := range map[string][]dns.RRset{"NSEC": nsecs(), "NSEC3": nsec3s(0, "-"), "NSEC3 with salt": nsec3s(0, "ABCD")} {
		synctest.Test(t, func(t *testing.T) {
			e := denier()
			if !e.keepDenials(dns.MustName("z.test"), sets, 3600, time.Now()) {
				t.Fatal(kind + ": not kept")
			}
			for _, q := range denials {
				if got := e.say(q.name, q.typ); got != q.want {
					t.Errorf("%s: %s %v: %s, want %s", kind, q.name, q.typ, got, q.want)
				}
			}
			time.Sleep(150 * time.Second)
			out, _ := e.FromCache(Question{Name: dns.MustName("b.z.test"), Type: dns.TypeA})
			if len(out.Authority) < 2 {
				t.Fatalf("%s: authority after 150 s: %v", kind, out.Authority)
			}
			for _, set := range out.Authority[1:] {
				if set.TTL != 150 {
					t.Errorf("%s: TTL %d of %v %v after 150 s", kind, set.TTL, set.Owner, set.Type)
				}
			}
			time.Sleep(151 * time.Second)
			for _, q := range denials {
				if got := e.say(q.name, q.typ); got != "unknown" {
					t.Errorf("%s: %s %v: %s after the records ran out", kind, q.name, q.typ, got)
				}
			}
		})
	}
}

// TestDenialsEndWithTheSOA: records that say they live longer than the denial they came with deny other names no longer than
// that, even when the SOA is known anew (RFC 9077). What is told of them is their own TTL.
func TestDenialsEndWithTheSOA(t *testing.T) {
	for kind, sets := range map[string][]dns.RRset{"NSEC": nsecs(), "NSEC3": nsec3s(0, "-")} {
		synctest.Test(t, func(t *testing.T) {
			e := denier()
			e.keepDenials(dns.MustName("z.test"), sets, 100, time.Now())
			time.Sleep(99 * time.Second)
			out, _ := e.FromCache(Question{Name: dns.MustName("b.z.test"), Type: dns.TypeA})
			if len(out.Authority) < 2 || out.Authority[1].TTL != 201 {
				t.Errorf("%s: after 99 s: %v", kind, out.Authority)
			}
			time.Sleep(2 * time.Second)
			if got := e.say("b.z.test", dns.TypeA); got != "unknown" {
				t.Errorf("%s: %s after 101 s", kind, got)
			}
		})
	}
}

// TestNoSynthesis: what must be left to the servers though all records are there.
func TestNoSynthesis(t *testing.T) {
	zone := dns.MustName("z.test")
	cut := func(e *Engine, name string, r cache.Rank) {
		e.Cache.PutDelegation(&cache.Delegation{Zone: dns.MustName(name), Rank: r, Expires: time.Now().Add(time.Hour),
			DS: dnstest.MustRRset(name + ". 3600 IN DS 1 13 2 " + strings.Repeat("ab", 32))}, time.Now())
	}
	for _, test := range []struct {
		what string
		e    *Engine
		prep func(e *Engine)
	}{
		{"a negative trust anchor at the zone", denier(zone), nil},
		{"a negative trust anchor above", denier(dns.MustName("test")), nil},
		{"a negative trust anchor at the name", denier(dns.MustName("b.z.test")), nil},
		{"an insecure cut at the name", denier(), func(e *Engine) { cut(e, "b.z.test", cache.Insecure) }},
		{"a secure cut at the name", denier(), func(e *Engine) { cut(e, "b.z.test", cache.Secure) }},
	} {
		e := test.e
		e.keepDenials(zone, nsecs(), 3600, time.Now())
		if test.prep != nil {
			test.prep(e)
		}
		if got := e.say("b.z.test", dns.TypeA); got != "unknown" {
			t.Errorf("%s: %s", test.what, got)
		}
	}
	e := denier()
	e.keepDenials(zone, nsecs(), 3600, time.Now())
	e.say("b.z.test", dns.TypeA)
	if out, ok := e.FromCache(Question{Name: dns.MustName("b.z.test"), Type: dns.TypeA, CheckingDisabled: true}); ok {
		t.Errorf("with checking disabled: %+v", out)
	}
}

// TestPartialChain: each record alone proves no more than it says.
func TestPartialChain(t *testing.T) {
	zone := dns.MustName("z.test")
	for kind, sets := range map[string][]dns.RRset{"NSEC": nsecs(), "NSEC3": nsec3s(0, "-")} {
		for i := range sets {
			e := denier()
			e.keepDenials(zone, sets[i:i+1], 3600, time.Now())
			for _, q := range denials {
				if got := e.say(q.name, q.typ); got != q.want && got != "unknown" {
					t.Errorf("%s: record %v alone: %s %v: %s, want %s", kind, sets[i].Owner, q.name, q.typ, got, q.want)
				}
			}
		}
	}
}

// TestDenialsNotKept lists records of no use for other names.
func TestDenialsNotKept(t *testing.T) {
	zone := dns.MustName("z.test")
	for what, sets := range map[string][]dns.RRset{
		"opt-out":       nsec3s(1, "-"),
		"big salt":      nsec3s(0, strings.Repeat("ab", limits.AggressiveSalt+1)),
		"minimal range": {dnstest.MustRRset(`b.z.test. 300 IN NSEC \000.b.z.test. RRSIG NSEC`)},
		"black lie":     {dnstest.MustRRset(`b.z.test. 300 IN NSEC b\000.z.test. RRSIG NSEC`)},
		"two records":   {dnstest.MustRRset("b.z.test. 300 IN NSEC c.z.test. A\nb.z.test. 300 IN NSEC d.z.test. A")},
		"no denial":     nil,
	} {
		e := denier()
		before := e.Cache.Store().Stats().Entries
		if e.keepDenials(zone, sets, 3600, time.Now()) {
			t.Errorf("%s: said to be kept", what)
		}
		if after := e.Cache.Store().Stats().Entries; after != before {
			t.Errorf("%s: %d entries more", what, after-before)
		}
	}
}
