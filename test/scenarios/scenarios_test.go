package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestShared plays the scenarios of the peers, if they are there, and the own ones.
func TestShared(t *testing.T) {
	const shared = "../../../shared/scenarios"
	o := options{known: "known.txt", paths: []string{"own"}}
	for _, dialect := range []string{"deckard", "unbound"} {
		folder := filepath.Join(shared, dialect)
		if _, err := os.Stat(folder); err != nil {
			t.Logf("the peers' scenarios are not played: %v", err)
			continue
		}
		o.paths = append(o.paths, folder)
	}
	var report strings.Builder
	ok, err := o.run(t, &report)
	if err != nil {
		t.Fatal(err)
	}
	if !ok {
		t.Error("failures are not the known ones\n" + report.String())
	}
}
