package worker

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"

	"knot-resolver/internal/explain"
	"knot-resolver/internal/testnet"
)

var rewrite = flag.Bool("rewrite", false, "write docs/explain.md anew")

// explained are failures with different causes: what went wrong, and the words that must name it.
var explained = []struct{ name, story, cause string }{
	{"www.expired.se", "The zone's operator let the signatures run out", "expired"},
	{"www.future.se", "The signatures are for the future: a clock is wrong somewhere", "not valid"},
	{"www.badsig.se", "A record was changed after it had been signed", "is wrong"},
	{"www.badds.se", "The parent's DS is of another key", "DS"},
	{"www.nosig.se", "A record without its signature in a signed zone", "no RRSIG"},
	{"www.wrongkey.se", "Signed by a key that the zone does not have", "key"},
	{"nothing.noproof.se", "A denial without its proof", "no NSEC"},
	{"www.down.zz", "Nobody is at home at the server's address", "no server of down.zz. answers"},
	{"www.refused.zz", "The server does not know the zone it was given", "REFUSED"},
	{"www.lame.se", "The same for a server that serves other zones", "lame.se."},
}

// TestExplainNamesTheCause explains ten failures and keeps docs/explain.md, where they are shown, true.
func TestExplainNamesTheCause(t *testing.T) {
	var doc strings.Builder
	doc.WriteString(explainIntroduction)
	for _, c := range explained {
		synctest.Test(t, func(t *testing.T) {
			world, err := testnet.New()
			if err != nil {
				t.Fatal(err)
			}
			trace, err := newWorker(t, world).Explain(context.Background(), c.name, "A")
			if err != nil {
				t.Fatal(err)
			}
			if trace.RCode != "SERVFAIL" || !strings.Contains(trace.Reason, c.cause) {
				t.Errorf("%s: %s because %q, want SERVFAIL with %q", c.name, trace.RCode, trace.Reason, c.cause)
			}
			var text strings.Builder
			explain.Render(&text, trace)
			fmt.Fprintf(&doc, "\n## %s\n\n    $ kresctl explain %s\n%s", c.story, c.name, indented(text.String()))
		})
	}
	path := filepath.Join("..", "..", "docs", "explain.md")
	if *rewrite {
		if err := os.WriteFile(path, []byte(doc.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if have, err := os.ReadFile(path); err != nil || string(have) != doc.String() {
		t.Errorf("%s shows something else (%v); run with -rewrite\n%s", path, err, doc.String())
	}
}

const explainIntroduction = `# Why did it fail?

` + "`kresctl explain NAME [TYPE]`" + ` resolves a name live, without using cached answers and failures, and says what happened; with
` + "`--json`" + ` the same for programs. Clients see the code and the sentence after "because" as Extended DNS Error (RFC 8914).

Ten failures of the miniature internet, as explain tells them. SERVER stands for an address.
`

var (
	address = regexp.MustCompile(`127\.77\.\d+\.\d+:53`)
	octets  = regexp.MustCompile(`\d+ upstream bytes`) // depend on the server that was chosen
)

func indented(text string) string {
	var b strings.Builder
	for line := range strings.Lines(octets.ReplaceAllString(address.ReplaceAllString(text, "SERVER"), "N upstream bytes")) {
		if strings.TrimSpace(line) != "" {
			b.WriteString("    ")
		}
		b.WriteString(line)
	}
	return b.String()
}
