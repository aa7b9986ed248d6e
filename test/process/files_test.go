package process

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// A file that the configuration names is read again when another one is renamed
// onto it. One that cannot be used leaves everything as it was.
func TestChangedFiles(t *testing.T) {
	t.Parallel()
	s := prepare(t, options{})
	hints := func(text string) {
		t.Helper()
		if err := os.WriteFile(s.path("hints.new"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(s.path("hints.new"), s.path("hints")); err != nil {
			t.Fatal(err)
		}
	}
	const good = ". 1 NS a.\na. 1 A 192.0.2.1\n"
	hints(good)
	s.configure(2, port, "options: {root-hints: hints}")
	s.launch("")
	s.waitLog("everything started")
	before := s.workers()
	udp, tcp := s.load("udp", port), s.load("tcp", port)

	hints("this is no zone file (")
	s.waitLog("changed files are not used")
	if now := s.workers(); !slices.Equal(now, before) {
		t.Errorf("workers %v, then %v", before, now)
	}
	for range 3 { // one change, as it comes in a burst
		hints(good + "; " + time.Now().String())
	}
	s.waitLog("change applied")
	if now := s.workers(); len(now) != 2 || slices.Contains(now, before[0]) || slices.Contains(now, before[1]) {
		t.Errorf("workers %v, then %v", before, now)
	}
	lossless(t, udp)
	lossless(t, tcp)
	if got := s.must("config", "history"); strings.Count(got, "\n") != 2 || !strings.Contains(got, "2  ") || !strings.Contains(got, "changed files") {
		t.Errorf("history:\n%s", got)
	}
}

// A policy file that changes reaches the workers that are there.
func TestChangedPolicyFile(t *testing.T) {
	t.Parallel()
	s := prepare(t, options{})
	hosts := func(address string) {
		t.Helper()
		if err := os.WriteFile(s.path("hosts"), []byte(address+" a.example\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	hosts("192.0.2.1")
	s.configure(2, port, "local-data: {addresses-files: [hosts]}")
	s.launch("")
	s.waitLog("everything started")
	before := s.workers()
	if got := s.address("a.example."); got != "192.0.2.1" {
		t.Errorf("at first: %q", got)
	}
	hosts("192.0.2.2")
	s.eventually("the new address", func() bool { return s.address("a.example.") == "192.0.2.2" })
	hosts("300.0.2.2")
	s.waitLog("changed files are not used")
	hosts("192.0.2.3")
	s.eventually("another address", func() bool { return s.address("a.example.") == "192.0.2.3" })
	if now := s.workers(); !slices.Equal(now, before) {
		t.Errorf("workers %v, then %v", before, now)
	}
}
