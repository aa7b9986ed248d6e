package config

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"knot-resolver/internal/limits"
)

func mustParse(t testing.TB, text string) *Document {
	t.Helper()
	doc, err := Parse([]byte(text), "test.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestScalars(t *testing.T) {
	for text, want := range map[string]string{
		"yes": "true", "On": "true", "TRUE": "true", "off": "false", "No": "false",
		"y": `"y"`, "n": `"n"`, `"yes"`: `"yes"`, "'off'": `"off"`, "!!str yes": `"yes"`,
		"": "null", "~": "null", "NULL": "null", `""`: `""`,
		"12": "12", "-1": "-1", "0": "0", "012": `"012"`, "0o14": `"0o14"`, "0x1f": `"0x1f"`, "1_000": `"1_000"`,
		"1:30": `"1:30"`, "1.5": "1.5", "1e3": "1e3", ".5": `".5"`, ".inf": `".inf"`, "::1": `"::1"`,
		"2001-01-01": `"2001-01-01"`, "1s": `"1s"`,
	} {
		if got := string(mustParse(t, "hostname: "+text).JSONAt("/hostname")); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}

func TestGet(t *testing.T) {
	doc := mustParse(t, "a: {b/c: [1, {d~: x}]}\n")
	for pointer, want := range map[string]string{
		"":              `{"a":{"b/c":[1,{"d~":"x"}]}}`,
		"/":             `{"a":{"b/c":[1,{"d~":"x"}]}}`,
		"/a/b~1c/0":     `1`,
		"/a/b~1c/1/":    `{"d~":"x"}`,
		"/a/b~1c/1/d~0": `"x"`,
		"/a/b~1c/01":    "", "/a/b~1c/2": "", "/a/b": "", "a": "", "/a/b~1c/0/0": "",
	} {
		if got := string(doc.JSONAt(pointer)); got != want {
			t.Errorf("%q: got %s, want %s", pointer, got, want)
		}
		if _, ok := doc.Get(pointer); ok != (want != "") {
			t.Errorf("%q: found = %v", pointer, ok)
		}
	}
}

func TestKeyOrderKept(t *testing.T) {
	const text = `{"workers":1,"cache":{"ttl-max":"1d","storage":"x"},"nsid":"é"}`
	if got := string(mustParse(t, text).JSON()); got != text {
		t.Errorf("got %s, want %s", got, text)
	}
}

// TestAliasBomb checks that a small file cannot become a big tree.
func TestAliasBomb(t *testing.T) {
	var b strings.Builder
	b.WriteString("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := range 9 {
		from, to := string(rune('0'+i)), string(rune('1'+i))
		b.WriteString("a" + to + ": &a" + to + " [" + strings.Repeat("*a"+from+", ", 10) + "]\n")
	}
	_, err := Parse([]byte(b.String()), "bomb.yaml")
	if err == nil || !strings.Contains(err.Error(), "aliases stand for more") {
		t.Fatalf("got %v", err)
	}
}

func TestDepth(t *testing.T) {
	deep := strings.Repeat("[", limits.ConfigDepth) + strings.Repeat("]", limits.ConfigDepth)
	for _, text := range []string{`{"a": ` + deep + `}`, "a: " + deep} {
		if _, err := Parse([]byte(text), "x"); err != nil {
			t.Errorf("depth at the limit: %v", err)
		}
	}
	deep = "[" + deep + "]"
	for _, text := range []string{`{"a": ` + deep + `}`, "a: " + deep} {
		if _, err := Parse([]byte(text), "x"); err == nil || !strings.Contains(err.Error(), "nested deeper") {
			t.Errorf("depth beyond the limit: %v", err)
		}
	}
}

// FuzzParse checks that nothing outside can make parsing or validation fail in
// another way than with errors, and that the raw tree survives JSON.
func FuzzParse(f *testing.F) {
	for _, folder := range []string{"bad", "good"} {
		for _, file := range corpusFiles(f, folder) {
			data, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	opts := corpusOptions()
	f.Fuzz(func(t *testing.T, data []byte) {
		doc, err := Parse(data, "fuzz")
		if err != nil {
			if errs, ok := err.(Errors); !ok || len(errs) == 0 {
				t.Fatalf("not Errors: %v", err)
			}
			return
		}
		again, err := Parse(doc.JSON(), "fuzz")
		if err != nil {
			t.Fatalf("own JSON: %v\n%s", err, doc.JSON())
		}
		if !bytes.Equal(doc.JSON(), again.JSON()) {
			t.Fatalf("changed by a round trip:\n%s\n%s", doc.JSON(), again.JSON())
		}
		if _, err := doc.Normalise(opts); err != nil {
			if errs, ok := err.(Errors); !ok || len(errs) == 0 {
				t.Fatalf("not Errors: %v", err)
			}
		}
	})
}
