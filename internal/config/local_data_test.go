package config

import (
	"slices"
	"testing"
)

func TestFilesOfLocalData(t *testing.T) {
	doc, err := Parse([]byte("local-data: {addresses-files: [a], rules: [{file: b}, {name: x, subtree: empty}], rpz: [{file: /c}]}"), "test.yaml")
	if err != nil {
		t.Fatal(err)
	}
	opts := corpusOptions()
	opts.Env = func(string) string { return "" }
	cfg, err := doc.WithBase("/base").Normalise(opts)
	if err != nil {
		t.Fatal(err)
	}
	if got := cfg.LocalData.Files(); !slices.Equal(got, []string{"/base/a", "/base/b", "/c"}) {
		t.Errorf("%v", got)
	}
}
