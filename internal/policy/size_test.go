package policy_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/policy"
	"knot-resolver/internal/policy/compile"
	"knot-resolver/internal/policy/ruledb"
)

// million is a list in the shape of public ones, every name with its wildcard: a million rules in a generation on disk.
func million(b *testing.B) (ruledb.Store, uint64) {
	b.Helper()
	const names = 500_000
	var text strings.Builder
	for i := range names {
		fmt.Fprintf(&text, "host%d.tracker%d.example CNAME .\n*.host%d.tracker%d.example CNAME .\n", i, i%5000, i, i%5000)
	}
	store := ruledb.Store{Dir: b.TempDir()}
	w, err := store.Create()
	if err != nil {
		b.Fatal(err)
	}
	if _, err := compile.Compile(compile.Input{RPZ: []compile.RPZ{{File: "list", Text: text.String()}}}, w); err != nil {
		b.Fatal(err)
	}
	return store, w.Number()
}

// BenchmarkMillion looks names up at random among a million rules, and opens them.
func BenchmarkMillion(b *testing.B) {
	store, generation := million(b)
	rules, err := policy.Load(store, generation)
	if err != nil {
		b.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	names := map[string][]dns.Name{}
	for range 1 << 16 {
		i := r.IntN(500_000)
		names["hit"] = append(names["hit"], dns.MustName(fmt.Sprintf("host%d.tracker%d.example", i, i%5000)))
		names["below"] = append(names["below"], dns.MustName(fmt.Sprintf("www.host%d.tracker%d.example", i, i%5000)))
		names["miss"] = append(names["miss"], dns.MustName(fmt.Sprintf("www.host%d.ordinary%d.example", i, i%5000)))
	}
	for _, what := range []string{"hit", "below", "miss"} {
		b.Run(what, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				name := names[what][i%(1<<16)]
				if rules.Lookup(policy.Query{Name: name, Type: dns.TypeA}, true).Found != (what != "miss") {
					b.Fatal(name)
				}
			}
		})
	}
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			if _, err := policy.Load(store, generation); err != nil {
				b.Fatal(err)
			}
		}
	})
}
