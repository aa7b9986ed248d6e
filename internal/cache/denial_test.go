package cache_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"knot-resolver/internal/cache"
	"knot-resolver/internal/dns"
	"knot-resolver/internal/dns/dnstest"
)

// TestNSEC finds the record at or before a name, within its zone only.
func TestNSEC(t *testing.T) {
	c := newCache()
	now := time.Now()
	for zone, lines := range map[string]string{
		"b.test":   "c.b.test. 300 IN NSEC x.b.test. A\nx.b.test. 300 IN NSEC b.test. A",
		"c.b.test": "c.b.test. 300 IN NSEC m.c.b.test. NS SOA",
		"a.test":   "a.test. 300 IN NSEC a.test. NS SOA",
	} {
		for _, set := range dnstest.Text(lines) {
			c.PutNSEC(name(zone), &set, set.TTL, now)
		}
	}
	for _, q := range []struct{ zone, name, want string }{
		{"b.test", "c.b.test", "c.b.test."},
		{"b.test", "d.b.test", "c.b.test."},
		{"b.test", "z.c.b.test", "c.b.test."},
		{"b.test", "z.z.b.test", "x.b.test."},
		{"b.test", "b.b.test", ""}, // what is before belongs to a.test
		{"b.test", "b.test", ""},
		{"c.b.test", "z.c.b.test", "c.b.test."},
		{"a.test", "z.a.test", "a.test."},
		{"d.test", "x.d.test", ""},
	} {
		got := ""
		c.View(func(v *cache.View) {
			if set, ok := v.NSEC(name(q.zone), name(q.name), now); ok {
				got = set.Owner.String()
			}
		})
		if got != q.want {
			t.Errorf("%s in %s: %q, want %q", q.name, q.zone, got, q.want)
		}
	}
}

// TestNSEC3 finds the record at or before a hash on the ring of its chain.
func TestNSEC3(t *testing.T) {
	c := newCache()
	now := time.Now()
	chain := cache.Chain{NSEC3: true, Iterations: 1, Salt: []byte{0xab}}
	other := cache.Chain{NSEC3: true, Iterations: 1}
	hash := func(first byte) []byte { return append([]byte{first}, make([]byte, 19)...) }
	for _, first := range []byte{0x20, 0x60} {
		set := dnstest.MustRRset(strings.Repeat(string('0'+rune(first>>4)), 32) + ".b.test. 300 IN NSEC3 1 0 1 AB " + strings.Repeat("0", 32) + " A")
		c.PutNSEC3(name("b.test"), &chain, hash(first), &set, set.TTL, now)
	}
	for _, q := range []struct {
		chain cache.Chain
		hash  byte
		want  string
	}{{chain, 0x20, "2"}, {chain, 0x30, "2"}, {chain, 0x60, "6"}, {chain, 0xff, "6"}, {chain, 0x10, "6"}, {other, 0x30, ""}} {
		got := ""
		c.View(func(v *cache.View) {
			if set, ok := v.NSEC3(name("b.test"), &q.chain, hash(q.hash), now); ok {
				got = set.Owner.FirstLabel()[:1]
			}
		})
		if got != q.want {
			t.Errorf("%x: %q, want %q", q.hash, got, q.want)
		}
	}
	c.View(func(v *cache.View) {
		if got, ok := v.Chain(name("b.test"), now); !ok || !got.NSEC3 || got.Iterations != 1 || string(got.Salt) != "\xab" {
			t.Errorf("chain %+v %v", got, ok)
		}
	})
}

// TestDenialLife: records age, end, and are written again only when half of their life is over.
func TestDenialLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCache()
		set := dnstest.MustRRset("a.b.test. 300 IN NSEC x.b.test. A")
		ttl := func() uint32 {
			var found dns.RRset
			c.View(func(v *cache.View) { found, _ = v.NSEC(name("b.test"), name("c.b.test"), time.Now()) })
			return found.TTL
		}
		for _, step := range []struct {
			wait time.Duration
			put  bool
			want uint32
		}{{0, true, 300}, {100 * time.Second, false, 200}, {0, true, 200}, {100 * time.Second, true, 300}, {299 * time.Second, false, 1}, {time.Second, false, 0}} {
			time.Sleep(step.wait)
			if step.put {
				c.PutNSEC(name("b.test"), &set, set.TTL, time.Now())
			}
			if got := ttl(); got != step.want {
				t.Errorf("TTL %d, want %d", got, step.want)
			}
		}
		c.View(func(v *cache.View) {
			if _, ok := v.Chain(name("b.test"), time.Now()); ok {
				t.Error("the chain outlives its records")
			}
		})
	})
}
