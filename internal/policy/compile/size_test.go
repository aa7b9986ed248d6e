package compile

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"knot-resolver/internal/policy/ruledb"
)

// blockList writes a zone like public lists: every name with its wildcard.
func blockList(t testing.TB, names int) string {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "rpz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	fmt.Fprintln(w, "$TTL 60\n@ SOA localhost. root.localhost. 1 1 1 1 1")
	for i := range names {
		fmt.Fprintf(w, "host%d.tracker%d.example CNAME .\n*.host%d.tracker%d.example CNAME .\n", i, i%1000, i, i%1000)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return f.Name()
}

func BenchmarkCompile100k(b *testing.B) {
	in := Input{RPZ: []RPZ{{File: blockList(b, 50_000), Pointer: "/p"}}}
	b.ReportAllocs()
	for b.Loop() {
		w, err := ruledb.Store{Dir: b.TempDir()}.Create()
		if err != nil {
			b.Fatal(err)
		}
		if _, err := Compile(in, w); err != nil {
			b.Fatal(err)
		}
	}
}
