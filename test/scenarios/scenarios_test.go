package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestShared plays the scenarios of the peers, if they are there, and the own ones.
func TestShared(t *testing.T) {
	o := options{known: "known.txt", paths: scenarios(t)}
	var report strings.Builder
	ok, err := o.run(t, &report)
	if err != nil {
		t.Fatal(err)
	}
	if !ok {
		t.Error("failures are not the known ones\n" + report.String())
	}
}

// told are scenarios whose answers the cache tells otherwise, with the reason.
var told = map[string]string{
	"val_deleg_nons": "the servers' answer is bogus, and a proof they have given denies the type",
}

// TestToldFromCache: who asks again at once hears the same, whatever comes from the cache then.
func TestToldFromCache(t *testing.T) {
	o := options{paths: scenarios(t)}
	files, err := o.files()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range o.play(t, files) {
		if known := told[p.name] != ""; known != (len(p.Differ) > 0) {
			t.Errorf("%s: known %t\n%s", p.name, known, strings.Join(p.Differ, "\n"))
		}
	}
}

// scenarios are the folders of the own scenarios and of those of the peers, if they are there.
func scenarios(t *testing.T) (folders []string) {
	t.Helper()
	const shared = "../../../shared/scenarios"
	folders = []string{"own"}
	for _, dialect := range []string{"deckard", "unbound"} {
		folder := filepath.Join(shared, dialect)
		if _, err := os.Stat(folder); err != nil {
			t.Logf("the peers' scenarios are not played: %v", err)
			continue
		}
		folders = append(folders, folder)
	}
	return folders
}
