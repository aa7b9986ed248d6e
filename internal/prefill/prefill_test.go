package prefill

import (
	"errors"
	"strings"
	"testing"
	"time"

	"knot-resolver/internal/cache"
	"knot-resolver/internal/cache/mem"
	"knot-resolver/internal/dns"
	"knot-resolver/internal/dnssec"
	"knot-resolver/internal/testnet"
)

// root is the root zone of the miniature internet, and what to validate it with.
func root(t *testing.T) (text string, trust Trust) {
	t.Helper()
	world, err := testnet.New()
	if err != nil {
		t.Fatal(err)
	}
	anchors, err := dnssec.ParseAnchors(world.TrustAnchor())
	if err != nil {
		t.Fatal(err)
	}
	return world.Zone(".").Text(), Trust{Validator: dnssec.New(dnssec.Options{}), Anchor: anchors[0], Signed: true}
}

func read(t *testing.T, text string) *Zone {
	t.Helper()
	z, err := Read(strings.NewReader(text), "test", dns.Root)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestCheck(t *testing.T) {
	text, trust := root(t)
	c, err := read(t, text).Check(trust, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	types := map[string]dns.Type{}
	for _, set := range c.Sets {
		if len(set.Sigs) == 0 || set.TTL == 0 {
			t.Errorf("%v %v: %+v", set.Owner, set.Type, set)
		}
		if set.Owner != dns.Root && set.Type != dns.TypeDS && set.Type != dns.TypeNSEC && set.Owner.String() != "attacker.invalid." {
			t.Errorf("%v %v belongs to another zone", set.Owner, set.Type)
		}
		types[set.Owner.String()+" "+set.Type.String()] = set.Type
	}
	for _, want := range []string{". SOA", ". NS", ". DNSKEY", ". NSEC", ". ZONEMD", "se. DS", "zz. NSEC", "se. NSEC"} {
		if _, ok := types[want]; !ok {
			t.Errorf("no %s", want)
		}
	}
	ranks := map[string]cache.Rank{}
	for _, d := range c.Delegations {
		ranks[d.Zone.String()] = d.Rank
		if len(d.Servers) == 0 || (d.Rank == cache.Secure) != (len(d.DS.RDatas) > 0) {
			t.Errorf("%+v", d)
		}
		if d.Zone.String() == "se." && (len(d.Servers) != 2 || len(d.Servers[0].Addrs) != 1) {
			t.Errorf("servers %+v", d.Servers)
		}
	}
	if c.Rank != cache.Secure || c.Serial != 1 || ranks["se."] != cache.Secure || ranks["zz."] != cache.Insecure || ranks["arpa."] != cache.Secure {
		t.Errorf("rank %d, serial %d, delegations %v", c.Rank, c.Serial, ranks)
	}
}

// TestCheckRefuses breaks the zone in many ways.
func TestCheckRefuses(t *testing.T) {
	text, trust := root(t)
	without := func(part string) string {
		var kept strings.Builder
		for line := range strings.Lines(text) {
			if !strings.Contains(line, part) {
				kept.WriteString(line)
			}
		}
		return kept.String()
	}
	later := time.Now().Add(365 * 24 * time.Hour)
	unsigned := trust
	unsigned.Signed = false
	stranger := trust
	stranger.Anchor = dnssec.RootAnchor()
	for name, c := range map[string]struct {
		text  string
		trust Trust
		now   time.Time
		want  string
	}{
		"other content":               {strings.Replace(text, "127.77.1.1", "127.77.1.9", 1), trust, time.Now(), "the content is not what its ZONEMD record says"},
		"one delegation less":         {without("zz.\t"), trust, time.Now(), "the content is not"},
		"without digest":              {without("\tZONEMD\t"), trust, time.Now(), "no ZONEMD record"},
		"another serial":              {strings.Replace(text, " 1 7200 ", " 2 7200 ", 1), trust, time.Now(), "no ZONEMD record of this serial"},
		"a scheme of the future":      {strings.Replace(text, "\tZONEMD\t1 1 1 ", "\tZONEMD\t1 2 1 ", 1), trust, time.Now(), "no ZONEMD record of this serial with scheme 1"},
		"a hash of the future":        {strings.Replace(text, "\tZONEMD\t1 1 1 ", "\tZONEMD\t1 1 9 ", 1), trust, time.Now(), "no ZONEMD record of this serial with scheme 1"},
		"signatures run out":          {text, trust, later, "expired"},
		"keys of another root":        {text, stranger, time.Now(), "DNSKEY"},
		"without digest and unsigned": {without("\tZONEMD\t"), unsigned, time.Now(), "no ZONEMD record"},
	} {
		content, err := read(t, c.text).Check(c.trust, c.now)
		if !errors.Is(err, ErrZone) || !strings.Contains(err.Error(), c.want) || content != nil {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if c, err := read(t, text).Check(unsigned, time.Now()); err != nil || c.Rank != cache.Insecure {
		t.Errorf("without anchor: %v", err)
	}
}

func TestReadRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                                      "not one SOA",
		"a. 60 A 192.0.2.1":                     "not one SOA",
		". 60 SOA a. b. 1 2 3 4 5\n. 60 CH A 1": "",
		"$INCLUDE /etc/passwd":                  "INCLUDE",
		". 60 A nonsense":                       "nonsense",
		". 60 SOA a. b. 1 2 3 4 5\n. 60 SOA a. b. 2 2 3 4 5": "not one SOA",
		strings.Repeat("$GENERATE 1-65535 a$ 60 TXT x\n", 4): "more than",
	} {
		if z, err := Read(strings.NewReader(text), "test", dns.Root); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, %v", text, z, err)
		}
	}
	if _, err := Read(strings.NewReader("test. 60 SOA a. b. 1 2 3 4 5\nother. 60 A 192.0.2.1"), "test", dns.MustName("test")); err == nil || !strings.Contains(err.Error(), "other.: not in the zone") {
		t.Errorf("record of another zone: %v", err)
	}
}

// TestExampleOfRFC8976 has the digest of its appendix A.1.
func TestExampleOfRFC8976(t *testing.T) {
	const text = `
example.      86400  IN  SOA     ns1 admin 2018031900 1800 900 604800 86400
              86400  IN  NS      ns1
              86400  IN  NS      ns2
              86400  IN  ZONEMD  2018031900 1 1 c68090d90a7aed716bc459f9340e3d7c1370d4d24b7e2fc3a1ddc0b9a87153b9a9713b3c9ae5cc27777f98b8e730044c
ns1           3600   IN  A       203.0.113.63
ns2           3600   IN  AAAA    2001:db8::63
`
	z, err := Read(strings.NewReader("$ORIGIN example.\n"+strings.Replace(text, "example. ", "@ ", 1)), "test", dns.MustName("example"))
	if err != nil {
		t.Fatal(err)
	}
	if err := z.CheckDigest(); err != nil {
		t.Error(err)
	}
}

func TestStore(t *testing.T) {
	text, trust := root(t)
	c, err := read(t, text).Check(trust, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	to := cache.New(mem.New(mem.Options{Size: 8 << 20, Merge: cache.Replaces}), cache.Options{TTLMin: time.Second, TTLMax: time.Hour})
	if err := c.Store(to, now); err != nil {
		t.Fatal(err)
	}
	if d, ok := to.Cut(dns.MustName("www.se"), cache.Secure, now); !ok || d.Zone.String() != "se." || d.Rank != cache.Secure || d.Expires.After(now.Add(time.Hour)) {
		t.Errorf("%+v", d)
	}
	if d, ok := to.Cut(dns.MustName("www.zz"), cache.Insecure, now); !ok || d.Zone.String() != "zz." || d.Rank != cache.Insecure {
		t.Errorf("%+v", d)
	}
	for _, typ := range []dns.Type{dns.TypeSOA, dns.TypeNS, dns.TypeDNSKEY} {
		if e, ok := to.Answer(dns.Root, typ, cache.Secure, now); !ok || e.Answer.Type != typ {
			t.Errorf("%v of the root: %+v", typ, e)
		}
	}
	if !c.Present(to, now) || c.Present(to, now.Add(2*time.Hour)) {
		t.Error("present, and not after its life")
	}
	to.View(func(v *cache.View) {
		if set, ok := v.NSEC(dns.Root, dns.MustName("nothing"), now); !ok {
			t.Errorf("no denial: %+v", set)
		}
	})
}

// FuzzRead: whatever the text, no panic, and what is read can be digested and split.
func FuzzRead(f *testing.F) {
	f.Add(". 60 SOA a. b. 1 2 3 4 5\na. 60 NS b.a.\nb.a. 60 A 192.0.2.1\na. 60 DS 1 13 2 ab")
	f.Add(". 60 SOA a. b. 1 2 3 4 5\n. 60 ZONEMD 1 1 1 00")
	f.Add(". 60 RRSIG SOA 13 0 60 20300101000000 20200101000000 1 . AAAA\n. 60 SOA a. b. 1 2 3 4 5")
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(strings.ToUpper(text), "$GENERATE") {
			return // slow, and bounded by limits.PrefillRecords
		}
		z, err := Read(strings.NewReader(text), "fuzz", dns.Root)
		if err != nil {
			return
		}
		_ = z.CheckDigest()
		own, cuts := z.split()
		if len(own)+len(cuts) > len(z.sets)+len(cuts) {
			t.Errorf("%d and %d of %d sets", len(own), len(cuts), len(z.sets))
		}
	})
}
