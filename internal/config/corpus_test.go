package config

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write the expected results of the corpus anew")

const corpus = "../../test/config"

// corpusFiles lists the configurations of one folder of the corpus.
func corpusFiles(t testing.TB, folder string) []string {
	t.Helper()
	var all []string
	for _, pattern := range []string{"*.yaml", "*.json"} {
		files, err := filepath.Glob(filepath.Join(corpus, folder, pattern))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, files...)
	}
	if len(all) == 0 {
		t.Fatalf("no files in %s/%s", corpus, folder)
	}
	return all
}

// corpusOptions is an environment that is the same on every machine.
func corpusOptions() ValidateOptions {
	return ValidateOptions{
		Env: func(name string) string {
			if name == targetVariable {
				return "nowhere"
			}
			return ""
		},
		CPUs: 4, Hostname: "machine.example",
	}
}

// normaliseCorpus reads a file as if it were in /etc/knot-resolver.
func normaliseCorpus(t *testing.T, file string, opts ValidateOptions) (*Config, error) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := Parse(data, filepath.Base(file))
	if err != nil {
		return nil, err
	}
	return doc.WithBase("/etc/knot-resolver").Normalise(opts)
}

// compare checks a result against the file it is kept in, or writes it there.
func compare(t *testing.T, file string, got []byte) {
	t.Helper()
	if *rewrite {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s:\ngot  %s\nwant %s", file, got, want)
	}
}

// TestBadCorpus checks what is said about mistakes. Each error has to lead to a
// place in the file.
func TestBadCorpus(t *testing.T) {
	for _, file := range corpusFiles(t, "bad") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			_, err := normaliseCorpus(t, file, corpusOptions())
			errs, ok := err.(Errors)
			if !ok || len(errs) == 0 {
				t.Fatalf("got error %v, want Errors", err)
			}
			environment := strings.Contains(file, "environment")
			for _, e := range errs {
				if e.File != filepath.Base(file) || (e.Line < 1 || e.Column < 1) && !environment {
					t.Errorf("no place in the file: %+v", e)
				}
			}
			compare(t, file+".err", []byte(err.Error()+"\n"))
		})
	}
}

// TestGoodCorpus checks the normalised form, and that it survives JSON.
func TestGoodCorpus(t *testing.T) {
	opts := corpusOptions()
	opts.Env = func(string) string { return "" }
	for _, file := range corpusFiles(t, "good") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			cfg, err := normaliseCorpus(t, file, opts)
			if err != nil {
				t.Fatal(err)
			}
			got, err := json.MarshalIndent(cfg, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			var back Config
			if err := json.Unmarshal(got, &back); err != nil {
				t.Fatal(err)
			}
			again, err := json.MarshalIndent(&back, "", "  ")
			if err != nil || !bytes.Equal(got, again) {
				t.Errorf("changed by a round trip through JSON (%v):\n%s", err, again)
			}
			compare(t, file+".normalised", append(got, '\n'))
		})
	}
}
