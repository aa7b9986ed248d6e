package process

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// snapshot is what must be the same before and after a change that is refused.
func (s *system) snapshot() string {
	s.t.Helper()
	var names []string
	filepath.WalkDir(s.path("run"), func(name string, _ os.DirEntry, err error) error {
		if err == nil && !strings.HasPrefix(filepath.Base(name), "counters.json") {
			names = append(names, strings.TrimPrefix(name, s.dir))
		}
		return nil
	})
	pids := append(s.workers(), s.only("manager"), s.only("cache-gc"))
	return fmt.Sprintf("processes %v\nversions %s\nfiles %v", pids, s.must("config", "history"), names)
}

// descriptors counts the open files of a process that do not come and go with requests:
// its listening and datagram sockets are all sockets without a peer.
func descriptors(t *testing.T, pid int) (count int) {
	t.Helper()
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// refused checks that the configuration file as it is now is refused by a reload with a
// status, and that the answer says all of the wanted.
func (s *system) refused(name string, status int, wanted ...string) {
	s.t.Helper()
	_, errs, exit := s.ctl("reload")
	if exit != 1 || !strings.Contains(errs, fmt.Sprintf("status: %d", status)) {
		s.t.Errorf("%s: exit %d, expected status %d: %.500s", name, exit, status, errs)
	}
	for _, want := range wanted {
		if !strings.Contains(errs, want) {
			s.t.Errorf("%s: does not say %q: %.500s", name, want, errs)
		}
	}
}

var (
	pointers = regexp.MustCompile(`(?m): (\[/[^]]*\]) `)
	missing  = regexp.MustCompile(`(\S+) does not exist`)
)

// makeMissing makes the files that the configuration names: as long as one is missing, options
// are not checked together.
func (s *system) makeMissing() {
	s.t.Helper()
	_, errs, _ := s.ctl("reload")
	for _, found := range missing.FindAllStringSubmatch(errs, -1) {
		if filepath.Dir(found[1]) != s.dir {
			continue
		}
		if err := os.WriteFile(found[1], nil, 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
}

// FT-49: a running system refuses every configuration of the corpus of mistakes, with the
// pointers of all of them, and serves on as if nothing had happened.
func TestFT49InvalidFiles(t *testing.T) {
	t.Parallel()
	s := start(t, options{workers: 2})
	s.bySocket = true // the file does not say any more where the API is
	before, open := s.snapshot(), descriptors(t, s.only("manager"))
	load := s.generate(patience, mixedLocal)
	files, err := filepath.Glob("../config/bad/*.err")
	if err != nil || len(files) < 45 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		if strings.Contains(file, "environment") { // a mistake only there
			continue
		}
		text, err := os.ReadFile(strings.TrimSuffix(file, ".err"))
		if err != nil {
			t.Fatal(err)
		}
		said, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(s.config, text, 0o600); err != nil {
			t.Fatal(err)
		}
		s.makeMissing()
		wanted := []string{s.config + ":"}
		for _, found := range pointers.FindAllStringSubmatch(string(said), -1) {
			wanted = append(wanted, found[1])
		}
		s.refused(filepath.Base(file), 400, wanted...)
	}
	s.untouched(before, open)
	noneLost(t, fmt.Sprintf("%d invalid files", len(files)-1), load.stop(), 0)
}

// FT-49, FT-08: mistakes that only this machine can tell: in paths, addresses, the files of
// the policy, and in what only a worker tries. The cold start finds the same.
func TestFT49InvalidHere(t *testing.T) {
	t.Parallel()
	s := start(t, options{workers: 2})
	s.bySocket = true
	taken, err := net.Listen("tcp", net.JoinHostPort(s.addr, "21950"))
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for name, text := range map[string]string{
		"broken.zone": "this is no zone file (", "broken.hosts": "192.0.2.1 a.example\n300.0.2.1 b.example\n", "empty": "",
	} {
		if err := os.WriteFile(s.path(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(s.path("directory"), 0o700); err != nil {
		t.Fatal(err)
	}
	before, open := s.snapshot(), descriptors(t, s.only("manager"))
	load := s.generate(patience, mixedLocal)
	at := s.config + ":"
	for _, test := range []struct {
		name, extra string
		status      int
		wanted      []string
	}{
		{"path: missing file", "options: {root-hints: nowhere}", 400, []string{at, "/options/root-hints", s.path("nowhere")}},
		{"path: directory for a file", "options: {root-hints: directory}", 400, []string{at, "/options/root-hints", "regular file"}},
		{"path: missing hosts file", "local-data: {addresses-files: [nowhere]}", 400, []string{at, "/local-data/addresses-files/0"}},
		{"path: missing RPZ", "local-data: {rpz: [{file: nowhere}]}", 400, []string{at, "/local-data/rpz/0/file"}},
		{"path: missing anchors", "dnssec: {trust-anchors-files: [{file: nowhere}]}", 400, []string{at, "/dnssec/trust-anchors-files/0/file"}},
		{"address of nobody", "    - {interface: 192.0.2.1}", 500, []string{"192.0.2.1"}},
		{"address taken", "    - {interface: " + s.addr + ", port: 21950}", 500, []string{s.addr, "21950", "in use"}},
		{"interface of nobody", "    - {interface: nosuchdev0}", 500, []string{"nosuchdev0"}},
		{"policy: hosts file", "local-data: {addresses-files: [broken.hosts]}", 500, []string{s.path("broken.hosts"), "2"}},
		{"policy: file of a rule", "local-data: {rules: [{file: broken.hosts}]}", 500, []string{"/local-data/rules/0", s.path("broken.hosts")}},
		{"policy: records", "local-data: {records: \"a.example. A 300.0.0.1\"}", 500, []string{"local-data", "300.0.0.1"}},
		{"worker: hints", "options: {root-hints: broken.zone}", 500, []string{"canary", "root-hints"}},
		{"worker: hints without servers", "options: {root-hints: empty}", 500, []string{"canary", "root-hints"}},
		{"worker: anchors", "dnssec: {trust-anchors-files: [{file: broken.zone, read-only: true}]}", 500, []string{"canary", "broken.zone"}},
		{"restart: another socket", "socket: other", 409, []string{"/management/unix-socket"}},
	} {
		if s.configure(2, port, test.extra); test.status == 409 {
			s.edit("socket: other", "")
			s.edit("run/kres-api.sock", "run/other.sock")
		}
		s.refused(test.name, test.status, test.wanted...)
		if now := s.snapshot(); now != before {
			t.Fatalf("%s: was\n%s\nis\n%s", test.name, before, now)
		}
	}
	s.untouched(before, open)
	noneLost(t, "configurations that do not work here", load.stop(), 0)
	s.configure(2, port, "")
	s.must("reload")
}

// edit replaces a part of the configuration file.
func (s *system) edit(old, new string) {
	s.t.Helper()
	text, err := os.ReadFile(s.config)
	if err != nil {
		s.t.Fatal(err)
	}
	if !strings.Contains(string(text), old) {
		s.t.Fatalf("the configuration has no %q", old)
	}
	if err := os.WriteFile(s.config, []byte(strings.Replace(string(text), old, new, 1)), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// untouched checks that nothing has changed and nothing was left behind.
func (s *system) untouched(before string, open int) {
	s.t.Helper()
	if now := s.snapshot(); now != before {
		s.t.Errorf("was\n%s\nis\n%s", before, now)
	}
	s.eventually("as many open files as before", func() bool { return descriptors(s.t, s.only("manager")) <= open+1 })
	generations, err := os.ReadDir(s.path("run/ruledb"))
	if err != nil || len(generations) != 1 {
		s.t.Errorf("generations of the policy: %v, %v", generations, err)
	}
}

// mixedLocal are names that a worker answers without any server.
func mixedLocal(int) string { return "localhost." }
