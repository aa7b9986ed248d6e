package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"knot-resolver/internal/limits"
)

// writeFiles creates files from alternating names and contents.
func writeFiles(t *testing.T, dir string, namesAndTexts ...string) []string {
	t.Helper()
	var names []string
	for i := 0; i < len(namesAndTexts); i += 2 {
		name := filepath.Join(dir, namesAndTexts[i])
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(namesAndTexts[i+1]), 0o644); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	return names
}

func TestLoadMerges(t *testing.T) {
	files := writeFiles(t, t.TempDir(),
		"a.yaml", "cache: {ttl-max: 1h, garbage-collector: {release: 5}}\nworkers: 2\n",
		"b.json", `{"cache": {"garbage-collector": {"threshold": 70}}}`,
		"c.yaml", "")
	doc, err := Load(files)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"cache":{"ttl-max":"1h","garbage-collector":{"release":5,"threshold":70}},"workers":2}`
	if got := string(doc.JSON()); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestLoadConflicts(t *testing.T) {
	files := writeFiles(t, t.TempDir(),
		"a.yaml", "workers: 2\ncache: {ttl-max: 1h}\ndnssec: {trust-anchors: [a]}\n",
		"b.yaml", "workers: 2\ncache: 5\ndnssec: {trust-anchors: [b]}\n")
	_, err := Load(files)
	errs, ok := err.(Errors)
	if !ok {
		t.Fatalf("got %v", err)
	}
	var got []string
	for _, e := range errs {
		if e.File != files[1] || !strings.Contains(e.Message, "already given in "+files[0]) {
			t.Errorf("wrong place: %v", e)
		}
		got = append(got, e.Pointer)
	}
	if s := strings.Join(got, " "); s != "/workers /cache /dnssec/trust-anchors" {
		t.Errorf("conflicts at %s", s)
	}
}

func TestLoadFails(t *testing.T) {
	if _, err := Load([]string{filepath.Join(t.TempDir(), "missing.yaml")}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
	if _, err := Load(nil); err == nil {
		t.Error("no file: no error")
	}
	files := writeFiles(t, t.TempDir(), "a.yaml", "a: [\n", "b.yaml", "b: [\n")
	if errs, ok := func() (Errors, bool) { _, err := Load(files); e, ok := err.(Errors); return e, ok }(); !ok || len(errs) != 2 {
		t.Errorf("mistakes of both files are not reported: %v", errs)
	}
}

func TestRelativePathsAndWarnings(t *testing.T) {
	dir := t.TempDir()
	files := writeFiles(t, dir, "first/a.yaml", "rundir: run\n", "second/b.yaml", "cache: {storage: /abs/../cache}\n")
	doc, err := Load(files)
	if err != nil {
		t.Fatal(err)
	}
	var warnings []string
	cfg, err := doc.Normalise(ValidateOptions{Warn: func(e Error) { warnings = append(warnings, e.Error()) }})
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(dir, "first/run"); cfg.Rundir != want {
		t.Errorf("rundir %s, want %s", cfg.Rundir, want)
	}
	if cfg.Cache.Storage != "/cache" {
		t.Errorf("storage %s", cfg.Cache.Storage)
	}
	all := strings.Join(warnings, "\n")
	for _, want := range []string{"another directory", "not directly in the rundir"} {
		if !strings.Contains(all, want) {
			t.Errorf("no warning with %q in %s", want, all)
		}
	}
}

// TestStrict checks that paths are looked at in strict mode and only there.
func TestStrict(t *testing.T) {
	dir := t.TempDir()
	files := writeFiles(t, dir, "hints", "", "config.yaml", `
rundir: run
management: {unix-socket: run/api.sock}
cache: {storage: hints}
options: {root-hints: missing}
dnssec: {trust-anchors-files: [{file: run, read-only: true}]}
`)
	if err := os.Mkdir(filepath.Join(dir, "run"), 0o755); err != nil {
		t.Fatal(err)
	}
	doc, err := Load(files[1:])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := doc.Normalise(ValidateOptions{}); err != nil {
		t.Errorf("not strict: %v", err)
	}
	_, err = doc.Normalise(ValidateOptions{Strict: true})
	errs, ok := err.(Errors)
	if !ok {
		t.Fatalf("strict: %v", err)
	}
	for i, want := range []string{"hints is not a directory", "missing does not exist", "run is not a regular file"} {
		if i >= len(errs) || !strings.Contains(errs[i].Message, want) {
			t.Fatalf("strict: no %q in %v", want, errs)
		}
	}
	if len(errs) != 3 {
		t.Errorf("strict: %v", errs)
	}
}

// TestAnchorDirectory checks that the directory of an anchor file is looked at when the file is to be kept up to date.
func TestAnchorDirectory(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("everything is writable for root")
	}
	dir := t.TempDir()
	files := writeFiles(t, dir, "root.keys", "", "config.yaml", `
rundir: .
management: {unix-socket: api.sock}
cache: {storage: .}
dnssec: {trust-anchors-files: [{file: root.keys}, {file: root.keys, read-only: true}]}
`)
	doc, err := Load(files[1:])
	if err != nil {
		t.Fatal(err)
	}
	for mode, mistakes := range map[os.FileMode]int{0o755: 0, 0o555: 1} {
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		_, err := doc.Normalise(ValidateOptions{Strict: true})
		errs, _ := err.(Errors)
		errs = slices.DeleteFunc(errs, func(e Error) bool { return !strings.HasPrefix(e.Pointer, "/dnssec") })
		if len(errs) != mistakes || mistakes > 0 && errs[0].Pointer != "/dnssec/trust-anchors-files/0/file" {
			t.Errorf("mode %o: %v", mode, errs)
		}
	}
	os.Chmod(dir, 0o755)
}

// TestStrictDefaults checks that a default that cannot work is a mistake too,
// without a place.
func TestStrictDefaults(t *testing.T) {
	schema := &branch{}
	schema.insert(Option{Path: "dir", Type: writableDir(), Default: filepath.Join(t.TempDir(), "missing")})
	c := checker{strict: true}
	c.section(schema, "", &node{kind: kindMap})
	if len(c.errs) != 1 || c.errs[0].Pointer != "/dir" || c.errs[0].Line != 0 {
		t.Errorf("got %v", c.errs)
	}
}

// Of many mistakes so many are described as a person can read.
func TestManyMistakes(t *testing.T) {
	var text strings.Builder
	for i := range 10000 {
		fmt.Fprintf(&text, "key%d: 1\n", i)
	}
	doc, err := Parse([]byte(text.String()), "f")
	if err != nil {
		t.Fatal(err)
	}
	_, err = doc.Validate(ValidateOptions{})
	errs, _ := err.(Errors)
	if len(errs) != limits.ConfigErrors || !strings.HasSuffix(err.Error(), fmt.Sprintf("; and %d mistakes more", 10000-limits.ConfigErrors)) {
		t.Errorf("%d mistakes, the last: %v", len(errs), errs[len(errs)-1])
	}
}
