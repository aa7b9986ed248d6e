// Package internal_test keeps the shape of the source tree: who may import whom, and what a package must not be.
package internal_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "knot-resolver/"

// pkg is a package of the module: what its files import, tests apart.
type pkg struct {
	dir     string // relative to the module
	name    string
	doc     bool
	imports map[string]string // path and one file that imports it
	lines   map[string]int    // by file
}

// load parses all files of the module that are not tests, under whatever build constraint.
func load(t *testing.T) map[string]*pkg {
	t.Helper()
	all := make(map[string]*pkg)
	err := filepath.WalkDir("..", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && file != ".." && (strings.HasPrefix(d.Name(), ".") || strings.HasPrefix(d.Name(), "_") || d.Name() == "testdata") {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		return add(all, file)
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 20 {
		t.Fatalf("only %d packages found", len(all))
	}
	return all
}

// add adds one file to its package.
func add(all map[string]*pkg, file string) error {
	source, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	f, err := parser.ParseFile(token.NewFileSet(), file, source, parser.ImportsOnly|parser.ParseComments)
	if err != nil {
		return err
	}
	rel := filepath.ToSlash(strings.TrimPrefix(file, ".."+string(filepath.Separator)))
	p := all[path.Dir(rel)]
	if p == nil {
		p = &pkg{dir: path.Dir(rel), imports: map[string]string{}, lines: map[string]int{}}
		all[p.dir] = p
	}
	p.name = f.Name.Name
	p.doc = p.doc || documented(f)
	p.lines[rel] = bytes.Count(source, []byte("\n"))
	for _, spec := range f.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return err
		}
		p.imports[imported] = rel
	}
	return nil
}

func documented(f *ast.File) bool { return f.Doc != nil && strings.TrimSpace(f.Doc.Text()) != "" }

// matches says whether a directory is one of a list; "x/..." stands for x and everything below.
func matches(dir string, list ...string) bool {
	return slices.ContainsFunc(list, func(pattern string) bool {
		base, tree := strings.CutSuffix(pattern, "/...")
		return dir == base || tree && (base == "." || strings.HasPrefix(dir, base+"/"))
	})
}

// only lists packages that may import nothing of the module but what is named here, with the reason.
var only = []struct {
	from   string
	may    []string
	reason string
}{
	{"internal/limits", nil, "bounds are for everybody, so they know nobody"},
	{"internal/dns", []string{"internal/limits"}, "the wire format is the leaf everything else stands on"},
	{"internal/dnssec", []string{"internal/dns", "internal/limits"}, "validation is pure: values in, verdict out"},
	{"internal/cache/...", []string{"internal/dns", "internal/limits", "internal/cache/..."}, "the cache stores what it is told and asks nobody"},
	{"internal/policy/...", []string{"internal/dns", "internal/limits", "internal/policy/..."}, "a verdict depends on rules and question alone"},
	{"internal/admit", []string{"internal/dns", "internal/limits", "internal/kru"}, "admission comes before everything, so it needs nothing but counters"},
	{"internal/kru", nil, "counters count for anybody"},
	{"internal/upstream", []string{"internal/dns", "internal/limits"}, "talking to servers is no resolution"},
	{"internal/server/...", []string{"internal/dns", "internal/limits", "internal/server/..."}, "listeners move bytes and never decide"},
	{"internal/dns64", []string{"internal/dns"}, "making addresses is arithmetic; the worker does the look-ups"},
	{"internal/renumber", []string{"internal/dns"}, "rewriting addresses depends on rules and answer alone"},
	{"internal/rebind", []string{"internal/dns", "internal/dns64"}, "whether an address is private depends on it and on options alone"},
	{"internal/filelock", nil, "a lock knows nobody"},
	{"internal/prefill", []string{"internal/dns", "internal/dnssec", "internal/cache", "internal/limits", "internal/filelock"}, "what is loaded is checked and stored; the engine finds it in the cache"},
	{"internal/predict", []string{"internal/dns", "internal/limits"}, "what will be asked depends on what was asked; asking is for the worker"},
	{"internal/transfer", []string{"internal/limits"}, "copying zones is no resolution"},
	{"internal/explain", []string{"internal/dns"}, "a trace is data; kresctl reads it without the resolver"},
	{"internal/iterate", []string{"internal/dns", "internal/dns64", "internal/dnssec", "internal/limits", "internal/cache", "internal/upstream", "internal/explain", "internal/rebind"},
		"resolution knows its tools, not the daemon around it"},
}

func TestAllowedImports(t *testing.T) {
	for _, p := range load(t) {
		for _, rule := range only {
			if !matches(p.dir, rule.from) {
				continue
			}
			for imported, file := range p.imports {
				dir, ours := strings.CutPrefix(imported, module)
				if ours && !matches(dir, rule.may...) {
					t.Errorf("%s imports %s: %s", file, dir, rule.reason)
				}
			}
		}
	}
}

var resolution = []string{"internal/dns", "internal/dnssec", "internal/cache/...", "internal/iterate", "internal/upstream", "internal/worker", "internal/policy/...", "internal/admit", "internal/dns64", "internal/rebind", "internal/renumber", "internal/prefill", "internal/predict", "internal/transfer", "resolver"}

// forbidden lists edges that must not be, each with its reason.
var forbidden = []struct {
	from, to, except []string
	reason           string
}{
	{[]string{"internal/...", "resolver", "test/..."}, []string{"app"}, nil, "app builds everything, so nobody may depend on it"},
	{[]string{"internal/manager/...", "internal/supervisor/...", "internal/config/...", "internal/control/..."}, resolution, nil,
		"who controls the resolver must survive whatever a DNS message does to it"},
	{[]string{"internal/kresctl/..."}, resolution, nil, "the client talks to the manager and to nobody else"},
	{[]string{"internal/..."}, []string{"internal/worker"}, []string{"internal/testnet/rpl"}, "the worker joins the parts; a part that knows it makes a circle"},
	{[]string{"internal/...", "app", "resolver"}, []string{"internal/testnet/...", "internal/dns/dnstest", "internal/cache/mem/storetest"},
		[]string{"internal/testnet/...", "internal/dns/dnstest", "internal/cache/mem/storetest"}, "test worlds are not for the product"},
	{[]string{"resolver"}, []string{"internal/cache/lmdb", "internal/manager/...", "internal/config/...", "internal/server/...", "internal/worker"}, nil,
		"the library needs no cgo, no daemon and no configuration"},
	{[]string{"internal/config/..."}, []string{"internal/manager/...", "internal/supervisor/...", "internal/control/..."}, nil,
		"configuration is read by all and reads nobody"},
	{[]string{"internal/supervisor/..."}, []string{"internal/manager/...", "internal/config/..."}, nil, "the supervisor parses no user input"},
}

func TestForbiddenImports(t *testing.T) {
	for _, p := range load(t) {
		for _, rule := range forbidden {
			if !matches(p.dir, rule.from...) || matches(p.dir, rule.except...) {
				continue
			}
			for imported, file := range p.imports {
				if dir, ours := strings.CutPrefix(imported, module); ours && matches(dir, rule.to...) && dir != p.dir {
					t.Errorf("%s imports %s: %s", file, dir, rule.reason)
				}
			}
		}
	}
}

// TestControllersStayApart follows imports to the end: no code that reads DNS messages is even linked in where the system is controlled.
func TestControllersStayApart(t *testing.T) {
	all := load(t)
	var follow func(p *pkg, way string, seen map[string]bool)
	follow = func(p *pkg, way string, seen map[string]bool) {
		for imported := range p.imports {
			dir, ours := strings.CutPrefix(imported, module)
			if !ours || seen[dir] {
				continue
			}
			seen[dir] = true
			if matches(dir, resolution...) {
				t.Errorf("%s -> %s", way, dir)
				continue
			}
			follow(all[dir], way+" -> "+dir, seen)
		}
	}
	for _, p := range all {
		if matches(p.dir, "internal/manager/...", "internal/supervisor/...", "internal/config/...", "internal/control/...") {
			follow(p, p.dir, map[string]bool{})
		}
	}
}

func TestMatches(t *testing.T) {
	for _, c := range []struct {
		dir, pattern string
		want         bool
	}{
		{"internal/dns", "internal/dns", true}, {"internal/dns/dnstest", "internal/dns", false}, {"internal/dnssec", "internal/dns", false},
		{"internal/cache", "internal/cache/...", true}, {"internal/cache/mem", "internal/cache/...", true}, {"internal/cacheless", "internal/cache/...", false},
		{"internal/x", "internal/...", true}, {"app", "app", true}, {"app", "internal/...", false},
	} {
		if got := matches(c.dir, c.pattern); got != c.want {
			t.Errorf("%s in %s: %v", c.dir, c.pattern, got)
		}
	}
}

// banned lists imports from outside that nobody in the product may have.
var banned = map[string]string{
	"math/rand": "ids, ports and choices must not be guessed",
	"log":       "logging is log/slog, and injected",
	"flag":      "options are the manager's; libraries have no flags",
	"plugin":    "one static binary",
}

func TestBannedImports(t *testing.T) {
	for _, p := range load(t) {
		for imported, reason := range banned {
			if file, ok := p.imports[imported]; ok && !matches(p.dir, "test/...") {
				t.Errorf("%s imports %s: %s", file, imported, reason)
			}
		}
	}
}

func TestPackages(t *testing.T) {
	for _, p := range load(t) {
		if slices.Contains([]string{"util", "utils", "common", "helpers", "types", "misc"}, p.name) {
			t.Errorf("%s: package %s says nothing about what it holds", p.dir, p.name)
		}
		if !p.doc {
			t.Errorf("%s has no package comment", p.dir)
		}
		for _, file := range slices.Sorted(maps.Keys(p.lines)) {
			if n := p.lines[file]; n > 800 {
				t.Errorf("%s has %d lines: two subjects?", file, n)
			}
		}
	}
}
