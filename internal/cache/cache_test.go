package cache_test

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"knot-resolver/internal/cache"
	"knot-resolver/internal/cache/mem"
	"knot-resolver/internal/dns"
	"knot-resolver/internal/dns/dnstest"
	"knot-resolver/internal/limits"
)

func newCache() *cache.Cache {
	return cache.New(mem.New(mem.Options{Size: 1 << 20, Merge: cache.Replaces}), cache.Options{TTLMin: 5 * time.Second, TTLMax: 24 * time.Hour})
}

func name(text string) dns.Name { return dns.MustName(text) }

// put stores an answer of 300 seconds for a question.
func put(c *cache.Cache, owner string, t dns.Type, k cache.Kind, r cache.Rank) {
	e := cache.Entry{Kind: k, Rank: r, TTL: 300, EDE: dns.NoEDE}
	if k == cache.Positive {
		rdata := map[dns.Type]string{dns.TypeA: "192.0.2.1", dns.TypeAAAA: "2001:db8::1", dns.TypeCNAME: "target.test.", dns.TypeDNAME: "target.test.", dns.TypeNS: "ns.test."}[t]
		e.Answer = dnstest.MustRRset(owner + ". 300 IN " + t.String() + " " + rdata)
	}
	c.PutAnswer(name(owner), t, &e, time.Now())
}

func describe(e cache.Entry, ok bool) string {
	if !ok {
		return "nothing"
	}
	return [...]string{"", "positive", "nodata", "nxdomain", "failure"}[e.Kind] + " " + strings.ToLower(e.Answer.Type.String())
}

func TestAnswer(t *testing.T) {
	c := newCache()
	put(c, "both.test", dns.TypeA, cache.Positive, cache.Insecure)
	put(c, "both.test", dns.TypeCNAME, cache.Positive, cache.Insecure)
	put(c, "alias.test", dns.TypeCNAME, cache.Positive, cache.Insecure)
	put(c, "noalias.test", dns.TypeCNAME, cache.NoData, cache.Insecure)
	put(c, "nodata.test", dns.TypeA, cache.NoData, cache.Insecure)
	put(c, "nx.test", dns.TypeA, cache.NXDomain, cache.Insecure)
	put(c, "nx-secure.test", dns.TypeA, cache.NXDomain, cache.Secure)
	put(c, "dname.test", dns.TypeDNAME, cache.Positive, cache.Secure)
	put(c, "dname-insecure.test", dns.TypeDNAME, cache.Positive, cache.Insecure)
	put(c, "below.cut.dname.test", dns.TypeA, cache.Positive, cache.Insecure)
	c.PutDelegation(&cache.Delegation{Zone: name("cut.nx-secure.test"), Rank: cache.Insecure, Expires: time.Now().Add(time.Hour)}, time.Now())
	for _, q := range []struct {
		name string
		typ  dns.Type
		want string
	}{
		{"both.test", dns.TypeA, "positive a"},
		{"both.test", dns.TypeAAAA, "positive cname"},
		{"alias.test", dns.TypeA, "positive cname"},
		{"alias.test", dns.TypeDS, "nothing"},
		{"alias.test", dns.TypeANY, "nothing"},
		{"noalias.test", dns.TypeA, "nothing"},
		{"noalias.test", dns.TypeCNAME, "nodata type0"},
		{"nodata.test", dns.TypeA, "nodata type0"},
		{"nodata.test", dns.TypeAAAA, "nothing"},
		{"nx.test", dns.TypeA, "nxdomain type0"},
		{"nx.test", dns.TypeMX, "nxdomain type0"},
		{"below.nx.test", dns.TypeA, "nothing"}, // anybody may say NXDOMAIN to an empty non-terminal
		{"a.b.nx-secure.test", dns.TypeA, "nxdomain type0"},
		{"xnx-secure.test", dns.TypeA, "nothing"},
		{"cut.nx-secure.test", dns.TypeA, "nothing"},
		{"a.cut.nx-secure.test", dns.TypeA, "nothing"},
		{"a.dname.test", dns.TypeA, "positive dname"},
		{"dname.test", dns.TypeA, "nothing"},
		{"dname.test", dns.TypeDNAME, "positive dname"},
		{"a.dname-insecure.test", dns.TypeA, "nothing"},
		{".", dns.TypeA, "nothing"},
	} {
		if got := describe(c.Answer(name(q.name), q.typ, cache.Insecure, time.Now())); got != q.want {
			t.Errorf("%s %v: %s, want %s", q.name, q.typ, got, q.want)
		}
	}
}

// TestCheckingDisabled is BW-14: what came in unvalidated is for those only who asked for that.
func TestCheckingDisabled(t *testing.T) {
	c, now := newCache(), time.Now()
	put(c, "forged.test", dns.TypeA, cache.Positive, cache.Unvalidated)
	put(c, "denied.test", dns.TypeA, cache.NXDomain, cache.Unvalidated)
	put(c, "renamed.test", dns.TypeDNAME, cache.Positive, cache.Unvalidated)
	put(c, "good.test", dns.TypeA, cache.Positive, cache.Secure)
	put(c, "good.test", dns.TypeA, cache.NoData, cache.Unvalidated)
	c.PutDelegation(&cache.Delegation{Zone: name("cut.test"), Rank: cache.Unvalidated, Expires: now.Add(time.Hour)}, now)
	for q, want := range map[string][2]string{ // without and with checking
		"forged.test":    {"positive a", "nothing"},
		"denied.test":    {"nxdomain type0", "nothing"},
		"a.denied.test":  {"nothing", "nothing"},
		"a.renamed.test": {"nothing", "nothing"},
		"good.test":      {"positive a", "positive a"},
	} {
		for i, rank := range []cache.Rank{cache.Unvalidated, cache.Insecure} {
			if got := describe(c.Answer(name(q), dns.TypeA, rank, now)); got != want[i] {
				t.Errorf("%s with rank %d: %s, want %s", q, rank, got, want[i])
			}
		}
	}
	if d, ok := c.Cut(name("a.cut.test"), cache.Insecure, now); ok {
		t.Errorf("cut %v", d.Zone)
	}
	if _, ok := c.Cut(name("a.cut.test"), cache.Unvalidated, now); !ok {
		t.Error("no cut")
	}
}

func TestCut(t *testing.T) {
	c, now := newCache(), time.Now()
	for zone, ttl := range map[string]time.Duration{"test": time.Hour, "a.test": time.Hour, "old.a.test": -time.Second, "xa.test": time.Hour} {
		d := &cache.Delegation{Zone: name(zone), Rank: cache.Insecure, Expires: now.Add(ttl), Servers: []cache.NS{{Name: name("ns." + zone), Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.1")}}}}
		c.PutDelegation(d, now)
	}
	for q, want := range map[string]string{"test": "test.", "b.test": "test.", "a.test": "a.test.", "x.y.a.test": "a.test.", "b.old.a.test": "a.test.", "other": "", ".": ""} {
		d, ok := c.Cut(name(q), cache.Insecure, now)
		if ok != (want != "") || ok && (d.Zone.String() != want || d.Servers[0].Name != name("ns."+want)) {
			t.Errorf("%s: %v %v, want %s", q, d.Zone, ok, want)
		}
	}
}

func TestTTLBounds(t *testing.T) {
	for _, q := range []struct {
		kind      cache.Kind
		ttl, want uint32
	}{
		{cache.Positive, 0, 5}, {cache.Positive, 300, 300}, {cache.Positive, 1 << 30, 86400},
		{cache.NoData, 0, 5}, {cache.NoData, 1 << 30, limits.NegativeTTL}, {cache.NXDomain, 1 << 30, limits.NegativeTTL},
	} {
		c := newCache()
		e := cache.Entry{Kind: q.kind, Rank: cache.Insecure, TTL: q.ttl, EDE: dns.NoEDE, Answer: dnstest.MustRRset("a.test. 1000000 IN A 192.0.2.1")}
		e.Authority = []dns.RRset{dnstest.MustRRset("test. 1000000 IN NS a.test.")}
		c.PutAnswer(name("a.test"), dns.TypeA, &e, time.Now())
		got, ok := c.Answer(name("a.test"), dns.TypeA, cache.Insecure, time.Now())
		if !ok || got.TTL != q.want || got.Answer.TTL > q.want || got.Authority[0].TTL > q.want {
			t.Errorf("kind %d of %d s: %+v", q.kind, q.ttl, got)
		}
	}
}

func TestExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache()
		put(c, "a.test", dns.TypeA, cache.Positive, cache.Secure)
		c.PutFailure(name("b.test"), dns.TypeA, dns.EDENetworkError, "no answer", 5, time.Now())
		failed := func() bool { _, ok := c.Failure(name("b.test"), dns.TypeA, time.Now()); return ok }
		known := func() bool { _, ok := c.Answer(name("a.test"), dns.TypeA, cache.Insecure, time.Now()); return ok }
		if !known() || !failed() {
			t.Error("not stored")
		}
		if _, ok := c.Failure(name("b.test"), dns.TypeAAAA, time.Now()); ok {
			t.Error("another type failed, too")
		}
		time.Sleep(5 * time.Second)
		if failed() || !known() {
			t.Error("after 5 s")
		}
		time.Sleep(294 * time.Second)
		if !known() {
			t.Error("after 299 s")
		}
		time.Sleep(time.Second)
		if known() {
			t.Error("after 300 s")
		}
	})
}

func TestClear(t *testing.T) {
	for _, q := range []struct {
		name  string
		exact bool
		typ   dns.Type
		limit int
		want  string // what is left
	}{
		{"a.test", false, 0, 0, "ab.test/A test/A"},
		{"a.test", true, 0, 0, "ab.test/A b.a.test/A test/A"},
		{"a.test", true, dns.TypeA, 0, "a.test/AAAA ab.test/A b.a.test/A test/A"},
		{"a.test", true, dns.TypeNS, 0, "a.test/A a.test/AAAA ab.test/A b.a.test/A test/A"},
		{"test", false, 0, 0, ""},
		{".", false, 0, 0, ""},
		{".", true, 0, 0, "a.test/A a.test/AAAA ab.test/A b.a.test/A test/A"},
		{"a.test", false, 0, 1, "a.test/AAAA ab.test/A b.a.test/A test/A"},
	} {
		c := newCache()
		stored := []string{"a.test/A", "a.test/AAAA", "ab.test/A", "b.a.test/A", "test/A"}
		for _, s := range stored {
			owner, text, _ := strings.Cut(s, "/")
			typ, _ := dns.ParseType(text)
			put(c, owner, typ, cache.Positive, cache.Insecure)
		}
		removed, err := c.Clear(name(q.name), q.exact, q.typ, q.limit)
		var left []string
		for _, s := range stored {
			owner, text, _ := strings.Cut(s, "/")
			typ, _ := dns.ParseType(text)
			if _, ok := c.Answer(name(owner), typ, cache.Insecure, time.Now()); ok {
				left = append(left, s)
			}
		}
		if got := strings.Join(left, " "); got != q.want || err != nil || removed != len(stored)-len(left) {
			t.Errorf("%+v: left %s, removed %d, %v", q, got, removed, err)
		}
	}
}

// TestLongestNames stores under names of 255 octets, also such whose octets take two in the key.
func TestLongestNames(t *testing.T) {
	c := newCache()
	for _, label := range []string{"a", `\000`} {
		text := strings.Repeat(strings.Repeat(label, 63)+".", 3) + strings.Repeat(label, 61)
		e := cache.Entry{Kind: cache.NoData, Rank: cache.Secure, TTL: 60, EDE: dns.NoEDE}
		c.PutAnswer(name(text), dns.TypeA, &e, time.Now())
		if _, ok := c.Answer(name(text), dns.TypeA, cache.Insecure, time.Now()); !ok {
			t.Errorf("labels of %s: nothing", label)
		}
	}
}

// TestReadersOfDamage puts rubbish at the keys of a name.
func TestReadersOfDamage(t *testing.T) {
	c := newCache()
	put(c, "a.test", dns.TypeA, cache.Positive, cache.Secure)
	var keys [][]byte
	_ = c.Store().View(func(r cache.Reader) error {
		for k := range r.Range(nil) {
			keys = append(keys, append([]byte(nil), k...))
		}
		return nil
	})
	_ = c.Store().Update(func(w cache.Writer) error {
		for i, k := range keys {
			if err := w.Put(k, fmt.Append(nil, "rubbish", i)); err != nil {
				return err
			}
		}
		return nil
	})
	if _, ok := c.Answer(name("a.test"), dns.TypeA, cache.Unvalidated, time.Now()); ok || len(keys) != 1 {
		t.Errorf("rubbish at %q is an answer", keys)
	}
	put(c, "a.test", dns.TypeA, cache.Positive, cache.Unvalidated)
	if _, ok := c.Answer(name("a.test"), dns.TypeA, cache.Unvalidated, time.Now()); !ok {
		t.Error("rubbish is not replaced")
	}
}
