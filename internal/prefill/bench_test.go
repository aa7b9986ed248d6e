package prefill

import (
	"fmt"
	"strings"
	"testing"
	"time"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/cache"
	"knot-resolver/internal/cache/mem"
	"knot-resolver/internal/dns"
	"knot-resolver/internal/dnssec"
	"knot-resolver/internal/testnet/zone"
)

// rootSized is a signed zone with as many delegations as the root zone has, six servers each with two addresses.
func rootSized(b *testing.B) (text string, trust Trust) {
	const delegations = 1450
	var lines strings.Builder
	lines.WriteString("@ 86400 SOA a. b. 1 1800 900 604800 86400\n@ NS a.\n" + zone.DigestText)
	for i := range delegations {
		for n := range 6 {
			fmt.Fprintf(&lines, "t%d 172800 NS n%d.t%d.\nn%d.t%d 172800 A 192.0.2.1\nn%d.t%d 172800 AAAA 2001:db8::%d\n", i, n, i, n, i, n, i, n)
		}
		fmt.Fprintf(&lines, "t%d 86400 DS 1 13 2 %064d\n", i, i)
	}
	key := zone.NewKey(".", "zone", miekg.ECDSAP256SHA256, zone.FlagsKSK)
	z, err := zone.New(zone.Config{Origin: ".", Text: lines.String(), Keys: []*zone.Key{key}, Inception: time.Now().Add(-time.Hour), Expiration: time.Now().Add(time.Hour)})
	if err != nil {
		b.Fatal(err)
	}
	z.Digest()
	anchors, err := dnssec.ParseAnchors(key.DS(miekg.SHA256).String())
	if err != nil {
		b.Fatal(err)
	}
	return z.Text(), Trust{Validator: dnssec.New(dnssec.Options{}), Anchor: anchors[0], Signed: true}
}

func BenchmarkRoot(b *testing.B) {
	text, trust := rootSized(b)
	b.ReportAllocs()
	for b.Loop() {
		z, err := Read(strings.NewReader(text), "root", dns.Root)
		if err != nil {
			b.Fatal(err)
		}
		c, err := z.Check(trust, time.Now())
		if err != nil {
			b.Fatal(err)
		}
		to := cache.New(mem.New(mem.Options{Size: 64 << 20, Merge: cache.Replaces}), cache.Options{TTLMin: time.Second, TTLMax: 24 * time.Hour})
		if err := c.Store(to, time.Now()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(text))/1e6, "MB")
}
