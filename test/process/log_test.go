package process

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	miekg "github.com/miekg/dns"
)

// The level of all processes changes without any of the workers being replaced.
func TestLogLevelLive(t *testing.T) {
	both(t, func(t *testing.T, kind string) {
		s := start(t, options{supervisor: kind, workers: 2})
		workers := s.workers()
		s.must("config", "set", "-p", "/logging/level", `"crit"`)
		s.must("config", "set", "-p", "/workers", "1") // an info line of the manager, and none of these workers
		s.must("config", "set", "-p", "/workers", "2")
		if log := s.logged(); strings.Contains(log, "/workers") {
			t.Error("still logs at level info")
		}
		workers = s.workers()
		s.must("config", "set", "-p", "/logging", `{"level": "crit", "groups": ["manager"]}`)
		s.must("reload", "--force")
		s.waitLog("/logging")
		workers = s.workers()
		s.must("config", "set", "-p", "/logging", `{"level": "debug", "target": "stderr"}`)
		s.ask("udp", port, time.Second)
		if now := s.workers(); !slices.Equal(now, workers) {
			t.Errorf("workers %v, then %v", workers, now)
		}
		s.waitLog("Usage: ") // of cache-gc
	})
}

// FT-55: nobody reads the log of the whole system. Queries are answered as before.
func TestFT55LogPipeStalled(t *testing.T) {
	t.Parallel()
	world, o := internet(t)
	defer world.Close()
	s := prepare(t, o)
	text, err := os.ReadFile(s.config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.config, []byte(strings.Replace(string(text), "level: info", "level: debug", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd := exec.Command(filepath.Join(binaries, "knot-resolver"), "-c", s.config)
	cmd.Stdout, cmd.Stderr = w, w
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	defer func() { cmd.Process.Kill(); <-ended }()
	s.eventually("it serves", func() bool { return s.ask("udp", port, time.Second) })
	for i := range 3000 { // some lines each: far more than pipes and queues hold
		if m := s.resolve(fmt.Sprintf("no%d.example.se.", i)); m.Rcode != miekg.RcodeNameError {
			t.Fatalf("query %d: %v", i, m)
		}
	}
	if _, errs, status := s.ctl("stop"); status != 0 {
		t.Errorf("stop: %s", errs)
	}
	s.eventually("it ends", func() bool {
		select {
		case <-ended:
			return true
		default:
			return false
		}
	})
}
