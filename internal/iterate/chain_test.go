package iterate

import (
	"strings"
	"testing"
	"time"

	"knot-resolver/internal/cache"
	"knot-resolver/internal/dns"
	"knot-resolver/internal/dns/dnstest"
)

func TestChain(t *testing.T) {
	for _, c := range []struct {
		name, record string
		asked        dns.Type
		next         string // where it leads, empty: nowhere
		answer       int    // sets in the answer
	}{
		{"a.test", "a.test. 60 IN A 192.0.2.1", dns.TypeA, "", 1},
		{"a.test", "a.test. 60 IN CNAME B.test.", dns.TypeA, "b.test.", 1},
		{"a.test", "a.test. 60 IN CNAME b.test.", dns.TypeCNAME, "", 1},
		{"a.test", "a.test. 60 IN CNAME b.test.", dns.TypeANY, "", 1},
		{"x.a.test", "a.test. 60 IN DNAME b.test.", dns.TypeA, "x.b.test.", 2},
		{"x.a.test", "a.test. 60 IN DNAME .", dns.TypeA, "x.", 2},
		{"x.y.a.test", "a.test. 60 IN DNAME b.test.", dns.TypeCNAME, "", 2}, // the CNAME is the answer
		{"a.test", "a.test. 60 IN DNAME b.test.", dns.TypeDNAME, "", 1},
	} {
		set := dnstest.MustRRset(c.record)
		e := &cache.Entry{Kind: cache.Positive, Rank: cache.Secure, EDE: dns.NoEDE, Answer: set}
		found := newCollector()
		next, alias, err := chain(e, dns.MustName(c.name), c.asked, found)
		if err != nil || alias != (c.next != "") || alias && next.String() != c.next || len(found.Answer) != c.answer || !found.Secure {
			t.Errorf("%s %v of %s: %v %v, %d sets, %v", c.name, c.asked, c.record, next, alias, len(found.Answer), err)
		}
		if c.answer == 2 {
			cname := found.Answer[1]
			if target, _ := dns.Target(cname.RDatas.First()); cname.Owner != dns.MustName(c.name) || c.next != "" && target.String() != c.next || len(cname.Sigs) > 0 {
				t.Errorf("%s: CNAME %+v", c.name, cname)
			}
		}
	}
}

// TestSubstitutedLength is PX-04: a DNAME may make a name of 255 octets, and no longer one.
func TestSubstitutedLength(t *testing.T) {
	long := strings.Repeat(strings.Repeat("a", 63)+".", 3)
	set := dnstest.MustRRset("d.test. 60 IN DNAME " + strings.Repeat("b", 59) + "." + long) // 253 octets in wire form
	e := &cache.Entry{Kind: cache.Positive, Rank: cache.Secure, EDE: dns.NoEDE, Answer: set}
	if next, alias, err := chain(e, dns.MustName("x.d.test"), dns.TypeA, newCollector()); err != nil || !alias || len(next) != dns.MaxNameLength {
		t.Errorf("%d octets, %v", len(next), err)
	}
	_, _, err := chain(e, dns.MustName("xy.d.test"), dns.TypeA, newCollector())
	if f := asFailure(err); err == nil || f.RCode != dns.RCodeYXDomain || f.Reason == "" {
		t.Errorf("%v", err)
	}
}

func TestCollectedRanks(t *testing.T) {
	secure := cache.Entry{Kind: cache.Positive, Rank: cache.Secure, EDE: dns.NoEDE}
	for name, c := range map[string]struct {
		second cache.Entry
		secure bool
	}{
		"secure":      {secure, true},
		"insecure":    {cache.Entry{Kind: cache.Positive, Rank: cache.Insecure, EDE: dns.EDEUnsupportedKeyAlg, Reason: "why"}, false},
		"unvalidated": {cache.Entry{Kind: cache.Positive, Rank: cache.Unvalidated, EDE: dns.NoEDE}, false},
		"opt-out":     {cache.Entry{Kind: cache.NXDomain, Rank: cache.Secure, OptOut: true, EDE: dns.NoEDE}, false},
	} {
		found := newCollector()
		found.add(&secure)
		found.add(&c.second)
		if found.Secure != c.secure || found.EDE != c.second.EDE || found.Reason != c.second.Reason || (found.RCode == dns.RCodeNXDomain) != (c.second.Kind == cache.NXDomain) {
			t.Errorf("%s: %+v", name, found.Outcome)
		}
	}
}

func TestAged(t *testing.T) {
	e := cache.Entry{TTL: 60, Answer: dns.RRset{TTL: 60}, Authority: []dns.RRset{{TTL: 30}, {TTL: 10}}}
	got := aged(e, 40)
	if got.Answer.TTL != 40 || got.Authority[0].TTL != 10 || got.Authority[1].TTL != 0 {
		t.Errorf("%+v", got)
	}
}

// A DNAME that makes a name too long is told with its record, from the cache as well.
func TestTooLongFromCache(t *testing.T) {
	play(t, internet(t, silent), func(t *testing.T, s *scene) {
		set := dnstest.MustRRset("d.victim. 60 IN DNAME " + strings.Repeat(strings.Repeat("b", 60)+".", 4))
		s.engine.Cache.PutAnswer(set.Owner, set.Type, &cache.Entry{Kind: cache.Positive, Rank: cache.Secure, TTL: 60, EDE: dns.NoEDE, Answer: set}, time.Now())
		out, ok := s.engine.FromCache(Question{Name: dns.MustName("much.longer.d.victim"), Type: dns.TypeA})
		if !ok || out.RCode != dns.RCodeYXDomain || len(out.Answer) != 1 || out.Answer[0].Type != dns.TypeDNAME {
			t.Errorf("%t: %v, %d sets", ok, out.RCode, len(out.Answer))
		}
	})
}
