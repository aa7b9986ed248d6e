package process

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait of these tests; none of them needs a fraction of it.
const patience = 20 * time.Second

// system is a whole resolver below a directory of its own.
type system struct {
	t       *testing.T
	dir     string
	config  string // file
	addr    string // serves DNS
	kind    string // of supervisor
	program string // knot-resolver itself
	env     []string
	under   []string // what runs the program, if anything does
	cmd     *exec.Cmd
	exited  chan struct{} // closed after the process tree's root has ended
	lines   chan string   // log lines, read or not

	rate     int  // of generators in questions per second; 0: what they are used to
	bySocket bool // kresctl is told the socket: the file is broken

	mu  sync.Mutex
	log []string
}

// options of a system; the zero value is fine.
type options struct {
	supervisor string // kind
	workers    int
	extra      string // YAML
}

// start brings a system up and tears it down at the end of the test.
func start(t *testing.T, o options) *system {
	t.Helper()
	s := prepare(t, o)
	s.launch(o.supervisor)
	s.waitLog("everything started")
	return s
}

// prepare makes the directories and the configuration.
func prepare(t *testing.T, o options) *system {
	t.Helper()
	dir, err := os.MkdirTemp("", "kr") // t.TempDir is too long for a Unix socket
	if err != nil {
		t.Fatal(err)
	}
	s := &system{t: t, dir: dir, config: filepath.Join(dir, "config.yaml"), program: filepath.Join(binaries, "knot-resolver")}
	s.addr = fmt.Sprintf("127.%d.%d.%d", 1+rand.IntN(250), rand.IntN(250), 1+rand.IntN(250))
	for _, sub := range []string{"run", "cache"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	s.configure(max(o.workers, 1), 5300, o.extra)
	t.Cleanup(s.cleanup)
	return s
}

func (s *system) path(name string) string { return filepath.Join(s.dir, name) }

// configure writes the configuration file.
func (s *system) configure(workers, port int, extra string) {
	s.t.Helper()
	text := fmt.Sprintf(`
rundir: run
workers: %d
management:
  unix-socket: run/kres-api.sock
cache:
  storage: cache
logging:
  level: info
network:
  listen:
    - interface: %s
      port: %d
%s
`, workers, s.addr, port, extra)
	if err := os.WriteFile(s.config, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// launch runs the cold start.
func (s *system) launch(supervisor string) {
	s.t.Helper()
	s.kind = supervisor
	args := []string{"-c", s.config}
	if supervisor != "" {
		args = append(args, "--supervisor", supervisor)
	}
	args = slices.Concat(s.under, []string{s.program}, args)
	s.cmd = exec.Command(args[0], args[1:]...)
	s.cmd.Env = append(os.Environ(), s.env...)
	s.exited, s.lines = make(chan struct{}), make(chan string, 10000)
	r, w := io.Pipe()
	s.cmd.Stdout, s.cmd.Stderr = w, w
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		s.readLog(r)
	}()
	go func() {
		defer close(s.exited)
		s.cmd.Wait()
		w.Close()
		<-read
	}()
}

func (s *system) readLog(r io.Reader) {
	for scan := bufio.NewScanner(r); scan.Scan(); {
		s.mu.Lock()
		s.log = append(s.log, scan.Text())
		s.mu.Unlock()
		s.lines <- scan.Text()
	}
	close(s.lines)
}

// logged returns the log so far.
func (s *system) logged() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.log, "\n")
}

// waitLog waits for a log line with the text.
func (s *system) waitLog(text string) string {
	s.t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case line, ok := <-s.lines:
			if !ok {
				s.t.Fatalf("ended without logging %q", text)
			}
			if strings.Contains(line, text) {
				return line
			}
		case <-deadline:
			s.t.Fatalf("no log line with %q", text)
		}
	}
}

func (s *system) cleanup() {
	if s.cmd != nil {
		s.cmd.Process.Kill() // takes everything along, see TestFT06FT09SupervisorKilled
		<-s.exited
	}
	if s.t.Failed() {
		s.t.Log("log:\n" + s.logged())
	}
	os.RemoveAll(s.dir)
}

// waitExit returns the exit status of the process tree's root.
func (s *system) waitExit() int {
	s.t.Helper()
	select {
	case <-s.exited:
	case <-time.After(patience):
		s.t.Fatal("does not end")
	}
	return s.cmd.ProcessState.ExitCode()
}

// ctl runs kresctl.
func (s *system) ctl(args ...string) (stdout, stderr string, status int) {
	s.t.Helper()
	where := []string{"-c", s.config}
	if s.bySocket {
		where = []string{"-s", s.path("run/kres-api.sock")}
	}
	c := exec.Command(filepath.Join(binaries, "kresctl"), append(where, args...)...)
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	if err := c.Run(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		s.t.Fatal(err)
	}
	return out.String(), errs.String(), c.ProcessState.ExitCode()
}

// must runs kresctl, which has to succeed.
func (s *system) must(args ...string) string {
	s.t.Helper()
	out, errs, status := s.ctl(args...)
	if status != 0 {
		s.t.Fatalf("kresctl %v: status %d\n%s", args, status, errs)
	}
	return out
}

// workers returns the pids of the workers, ascending, as the API lists them.
func (s *system) workers() []int { s.t.Helper(); return s.pids("kresd") }

func (s *system) pids(kind string) (pids []int) {
	s.t.Helper()
	var list []struct{ PID int }
	if err := json.Unmarshal([]byte(s.must("pids", "--json", kind)), &list); err != nil {
		s.t.Fatal(err)
	}
	for _, p := range list {
		pids = append(pids, p.PID)
	}
	slices.Sort(pids)
	return pids
}

// role finds the pids of processes by the role in their command line.
func (s *system) role(role string) (pids []int) {
	for _, p := range s.tree() {
		if strings.Contains(p.args, " "+role+" ") {
			pids = append(pids, p.pid)
		}
	}
	return pids
}

type process struct {
	pid  int
	args string
}

// tree lists all processes that work below the directory.
func (s *system) tree() (list []process) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		s.t.Fatal(err)
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		args, _ := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline"))
		text := strings.ReplaceAll(string(args), "\x00", " ") + " "
		if strings.Contains(text, s.dir+"/") {
			list = append(list, process{pid, text})
		}
	}
	return list
}

// only returns the one process of a role.
func (s *system) only(role string) int {
	s.t.Helper()
	pids := s.role(role)
	if len(pids) != 1 {
		s.t.Fatalf("%d processes are %s: %v", len(pids), role, s.tree())
	}
	return pids[0]
}

// kill sends SIGKILL and waits until the process has gone.
func (s *system) kill(pid int) {
	s.t.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		s.t.Fatal(err)
	}
	s.eventually("process is gone", func() bool { return syscall.Kill(pid, 0) != nil })
}

// eventually waits until the condition holds.
func (s *system) eventually(what string, condition func() bool) {
	s.t.Helper()
	for end := time.Now().Add(patience); !condition(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("never came true: %s\n%v", what, s.tree())
		}
	}
}

// noTrace checks that nothing of the system is left.
func (s *system) noTrace() {
	s.t.Helper()
	s.eventually("no process is left", func() bool { return len(s.tree()) == 0 })
	left, err := os.ReadDir(s.path("run"))
	if err != nil {
		s.t.Fatal(err)
	}
	// The secret of cookies and shared counters are for the next start.
	left = slices.DeleteFunc(left, func(e os.DirEntry) bool {
		return slices.Contains([]string{"cookie-secret", "ratelimiting", "defer"}, e.Name())
	})
	if len(left) > 0 {
		s.t.Errorf("left in the run directory: %v", left)
	}
}
