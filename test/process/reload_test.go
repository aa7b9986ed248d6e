package process

import (
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func needSupervisord(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("supervisord"); err != nil {
		t.Skip("supervisord is not installed")
	}
}

// A change of the workers' options replaces them without losing a question.
func TestReloadReplacesWorkers(t *testing.T) {
	both(t, func(t *testing.T, kind string) {
		s := start(t, options{supervisor: kind})
		before := s.workers()
		s.configure(2, port, "options: {minimize: false}")
		udp, tcp := s.load("udp", port), s.load("tcp", port)
		s.must("reload")
		lossless(t, udp)
		lossless(t, tcp)
		now := s.workers()
		if len(now) != 2 || slices.Contains(now, before[0]) {
			t.Errorf("workers %v, then %v", before, now)
		}
		if got := s.must("config", "get", "-p", "/options", "--json"); !strings.Contains(got, `"minimize": false`) {
			t.Errorf("options: %s", got)
		}

		s.configure(1, port+1, "")
		s.must("reload")
		if n := len(s.workers()); n != 1 {
			t.Errorf("%d workers", n)
		}
		s.serves(port + 1)
		if s.ask("tcp", port, time.Second) {
			t.Error("the old port still answers")
		}
	})
}

// Workers come and go without losing a question.
func TestReloadChangesNumberOfWorkers(t *testing.T) {
	both(t, func(t *testing.T, kind string) {
		s := start(t, options{supervisor: kind, workers: 3})
		udp, tcp := s.load("udp", port), s.load("tcp", port)
		for _, n := range []int{1, 2, 3, 1} {
			s.must("config", "set", "-p", "/workers", strconv.Itoa(n))
			if got := len(s.workers()); got != n {
				t.Errorf("%d workers, expected %d", got, n)
			}
		}
		lossless(t, udp)
		lossless(t, tcp)
	})
}

// A change of the policy reaches the workers that are there.
func TestReloadPolicy(t *testing.T) {
	t.Parallel()
	s := start(t, options{workers: 2})
	before := s.workers()
	s.configure(2, port, "local-data: {addresses: {a.example: 192.0.2.1}}")
	s.must("reload")
	if now := s.workers(); !slices.Equal(now, before) {
		t.Errorf("workers %v, then %v", before, now)
	}
	if rules, err := os.ReadDir(s.path("run/ruledb")); err != nil || len(rules) != 1 || rules[0].Name() != "2" {
		t.Errorf("generations: %v, %v", rules, err)
	}
	// A worker that starts anew gets the new generation, as does one of a new manager.
	s.kill(s.only("manager"))
	s.waitLog("running system taken over")
	s.serves(port)
}

func TestReloadOfBrokenFile(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	before := s.workers()
	s.configure(1, 99999, "optoins: {}")
	_, errs, status := s.ctl("-s", s.path("run/kres-api.sock"), "reload")
	if status != 2 { // -c and -s together
		t.Errorf("status %d: %s", status, errs)
	}
	_, errs, status = s.ctl("reload")
	if status != 1 || !strings.Contains(errs, "400") || !strings.Contains(errs, "99999") || !strings.Contains(errs, "optoins") {
		t.Errorf("status %d: %s", status, errs)
	}
	if now := s.workers(); !slices.Equal(now, before) {
		t.Errorf("workers %v, then %v", before, now)
	}
	s.serves(port)

	// Nor does a new manager fall over it.
	s.kill(s.only("manager"))
	s.waitLog("running system taken over")
	if out := s.must("config", "get", "--json"); strings.Contains(out, "optoins") {
		t.Errorf("running configuration: %s", out)
	}
}

// A valid configuration that cannot work leaves everything as it was.
func TestReloadThatFails(t *testing.T) {
	both(t, func(t *testing.T, kind string) {
		s := start(t, options{supervisor: kind})
		before := s.workers()
		good := s.addr
		s.addr = "192.0.2.1" // nobody has it
		s.configure(2, port, "")
		s.addr = good
		_, errs, status := s.ctl("reload")
		if status != 1 || !strings.Contains(errs, "500") || !strings.Contains(errs, "192.0.2.1") {
			t.Errorf("status %d: %s", status, errs)
		}
		if now := s.workers(); !slices.Equal(now, before) {
			t.Errorf("workers %v, then %v", before, now)
		}
		s.serves(port)
		s.configure(1, port, "")
		s.must("reload")
	})
}

// A configuration that only fails in a worker is found out by the canary.
func TestCanaryFails(t *testing.T) {
	both(t, func(t *testing.T, kind string) {
		s := start(t, options{supervisor: kind, workers: 2})
		before := s.workers()
		if err := os.WriteFile(s.path("hints"), []byte("this is no zone file ("), 0o600); err != nil {
			t.Fatal(err)
		}
		s.configure(2, port, "options: {root-hints: hints}")
		stop := s.load("udp", port)
		_, errs, status := s.ctl("reload")
		lossless(t, stop)
		if status != 1 || !strings.Contains(errs, "500") || !strings.Contains(errs, "canary") || !strings.Contains(errs, "root-hints") {
			t.Errorf("status %d: %s", status, errs)
		}
		if now := s.workers(); !slices.Equal(now, before) {
			t.Errorf("workers %v, then %v", before, now)
		}
		if out := s.must("config", "get"); strings.Contains(out, "root-hints") {
			t.Errorf("running configuration: %s", out)
		}
	})
}

func TestReloadRefusesRestartOptions(t *testing.T) {
	t.Parallel()
	s := start(t, options{extra: "", workers: 1})
	text, err := os.ReadFile(s.config)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(text), "rundir: run\n", "rundir: ./run\n", 1)
	if err := os.WriteFile(s.config, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	_, errs, status := s.ctl("reload")
	if status != 1 || !strings.Contains(errs, "/rundir") {
		t.Errorf("status %d: %s", status, errs)
	}
}

func TestReloadBySignal(t *testing.T) {
	both(t, func(t *testing.T, kind string) {
		s := start(t, options{supervisor: kind})
		s.configure(2, port, "")
		s.cmd.Process.Signal(syscall.SIGHUP)
		s.waitLog("change applied")
		if n := len(s.workers()); n != 2 {
			t.Errorf("%d workers", n)
		}
	})
}

func TestColdStartRefusesBrokenFile(t *testing.T) {
	t.Parallel()
	s := prepare(t, options{extra: "optoins: {}\ncahce: {}"})
	s.launch("")
	if status := s.waitExit(); status != 1 {
		t.Errorf("exit status %d", status)
	}
	log := s.logged()
	for _, want := range []string{"optoins", "cahce", s.config} {
		if !strings.Contains(log, want) {
			t.Errorf("does not mention %q: %s", want, log)
		}
	}
	s.noTrace()
}
