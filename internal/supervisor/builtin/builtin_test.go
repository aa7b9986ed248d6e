package builtin_test

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"knot-resolver/internal/supervisor"
)

func TestRestartIsImmediate(t *testing.T) {
	s := launch(t, "builtin", self("kresd"))
	first := s.reaches("kresd", supervisor.Running)
	began := time.Now()
	if err := syscall.Kill(first.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	for s.info("kresd").PID == first.PID || s.info("kresd").PID == 0 {
		if time.Since(began) > 500*time.Millisecond {
			t.Fatal("not restarted within half a second")
		}
	}
}

// TestCrashLoopIsSlowedDown: a program that crashes while RUNNING, for which
// supervisord has no delay at all.
func TestCrashLoopIsSlowedDown(t *testing.T) {
	crashing := shell("crashing", "echo crash; exit 1")
	crashing.AutoStart, crashing.AutoRestart = true, supervisor.RestartAlways
	s := launch(t, "builtin", crashing)
	time.Sleep(time.Second)
	if n := strings.Count(s.out.String(), "]: crash\n"); n < 2 || n > 6 {
		t.Errorf("%d starts within a second", n)
	}
	if err := s.StopProcess(t.Context(), "crashing", true); err != nil {
		t.Fatal(err)
	}
	if i := s.info("crashing"); i.State != supervisor.Stopped {
		t.Errorf("stopped while waiting: %+v", i)
	}
}

func TestFatalManagerEndsEverything(t *testing.T) {
	both(t, func(t *testing.T, kind string) {
		manager := shell(managerProgram, "exit 1")
		manager.StartSecs, manager.StartRetries, manager.AutoStart = 5, 1, true
		s := launch(t, kind, self("kresd"), manager)
		code := s.exitCode()
		if kind == "builtin" && code != 1 { // the real one has no way to say so
			t.Errorf("exit code %d", code)
		}
		for _, path := range []string{supervisor.PIDPath(s.dir), supervisor.SocketPath(s.dir)} {
			if _, err := os.Lstat(path); err == nil {
				t.Errorf("%s is still there", path)
			}
		}
	})
}

const managerProgram = "manager"

func TestHangupGoesToManager(t *testing.T) {
	manager := shell(managerProgram, "trap 'echo reloading' HUP; echo ready; while :; do sleep 0.02; done")
	manager.AutoStart = true
	s := launch(t, "builtin", manager)
	eventually(t, "the trap is set", func() bool { return strings.Contains(s.out.String(), "ready") })
	if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the manager is told", func() bool { return strings.Contains(s.out.String(), "]: reloading\n") })
}

func TestOutputIsLabelled(t *testing.T) {
	talking := shell("talking", "echo out; echo err >&2; printf unfinished; head -c 40000 /dev/zero | tr '\\0' x; exec env")
	s := launch(t, "builtin", talking)
	if err := s.StartProcess(t.Context(), "talking", true); err != nil {
		t.Fatal(err)
	}
	stamp := `(?m)^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\S+ talking\[\d+\]`
	for _, line := range []string{
		stamp + `: out$`, stamp + ` \(stderr\): err$`, stamp + `: unfinishedx+$`,
		stamp + `: SUPERVISOR_PROCESS_NAME=talking$`, stamp + `: SUPERVISOR_ENABLED=1$`,
		stamp + `: SUPERVISOR_SERVER_URL=unix://` + regexp.QuoteMeta(s.dir) + `/supervisord.sock$`,
	} {
		re := regexp.MustCompile(line)
		eventually(t, "output has "+line, func() bool { return re.MatchString(s.out.String()) })
	}
}

func TestBlockedOutputDoesNotBlockChildren(t *testing.T) {
	dir := t.TempDir()
	done := dir + "/done"
	chatty := shell("chatty", "yes | head -c 3000000; touch "+done+"; exec sleep 1000")
	chatty.AutoStart = true
	conf := supervisor.Conf{Dir: dir, Programs: []supervisor.Program{chatty}}
	if err := conf.Write(); err != nil {
		t.Fatal(err)
	}
	r, w, err := os.Pipe() // never read
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd := exec.Command(os.Args[0], supervisor.Path(dir))
	cmd.Env = append(os.Environ(), roleEnv+"=builtin")
	cmd.Stdout = w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	eventually(t, "the child is done", func() bool {
		_, err := os.Stat(done)
		return err == nil
	})
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("with blocked output: %v", err)
	}
}

func TestStopOrderIsReversePriority(t *testing.T) {
	note := func(name string, priority int) supervisor.Program {
		p := shell(name, "trap 'sleep 0.1; echo end of "+name+"; exit' TERM; echo up; while :; do sleep 0.02; done")
		p.AutoStart, p.Priority, p.StopWaitSecs = true, priority, 20
		return p
	}
	s := launch(t, "builtin", note("first", 1), note("third", 3), note("second", 2))
	eventually(t, "all are up", func() bool { return strings.Count(s.out.String(), "]: up\n") == 3 })
	if err := s.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if code := s.exitCode(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	got := regexp.MustCompile(`end of \w+`).FindAllString(s.out.String(), -1)
	if want := "[end of third end of second end of first]"; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

// TestGroupDiesWithLeader: a child's own children do not outlive it.
func TestGroupDiesWithLeader(t *testing.T) {
	s := launch(t, "builtin", shell("parent", "sleep 1000 & echo child $!; exec sleep 1000"))
	if err := s.StartProcess(t.Context(), "parent", true); err != nil {
		t.Fatal(err)
	}
	re := regexp.MustCompile(`child (\d+)`)
	eventually(t, "the child is known", func() bool { return re.MatchString(s.out.String()) })
	var pid int
	fmt.Sscan(re.FindStringSubmatch(s.out.String())[1], &pid)
	if err := s.StopProcess(t.Context(), "parent", true); err != nil {
		t.Fatal(err)
	}
	// Not even a zombie: the supervisor adopts and reaps it.
	eventually(t, "the grandchild is reaped", func() bool { return syscall.Kill(pid, 0) == syscall.ESRCH })
}

// TestDaemonsAreKilled: not even a process in its own session survives the end.
func TestDaemonsAreKilled(t *testing.T) {
	s := launch(t, "builtin", shell("parent", "setsid sh -c 'echo daemon $$; exec sleep 1000' & exec sleep 1000"))
	if err := s.StartProcess(t.Context(), "parent", true); err != nil {
		t.Fatal(err)
	}
	re := regexp.MustCompile(`daemon (\d+)`)
	eventually(t, "the daemon is known", func() bool { return re.MatchString(s.out.String()) })
	var pid int
	fmt.Sscan(re.FindStringSubmatch(s.out.String())[1], &pid)
	if err := s.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if code := s.exitCode(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if !gone(pid) {
		t.Error("the daemon is still there")
	}
}

func TestSocketPermissions(t *testing.T) {
	s := launch(t, "builtin")
	fi, err := os.Stat(supervisor.SocketPath(s.dir))
	if err != nil {
		t.Fatal(err)
	}
	if fi.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", fi.Mode())
	}
}

// TestStaleFiles: what a killed supervisor leaves does not hinder the next one.
func TestStaleFiles(t *testing.T) {
	s := launch(t, "builtin", self("kresd"))
	_ = s.cmd.Process.Kill()
	<-s.exited
	cmd := exec.Command(os.Args[0], supervisor.Path(s.dir))
	cmd.Env = append(os.Environ(), roleEnv+"=builtin")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.reachesAgain("kresd")
	if err := s.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

func (s *running) reachesAgain(name string) {
	s.t.Helper()
	eventually(s.t, name+" runs again", func() bool {
		info, err := s.GetProcessInfo(s.t.Context(), name)
		return err == nil && info.State == supervisor.Running
	})
}

// TestSupervisorctl drives both supervisors with the tool their users have.
func TestSupervisorctl(t *testing.T) {
	both(t, func(t *testing.T, kind string) {
		if _, err := exec.LookPath("supervisorctl"); err != nil {
			t.Skip("supervisorctl is not installed")
		}
		workers := shell("kresd", "exec sleep 1000")
		workers.NumProcs = 2
		s := launch(t, kind, self(managerProgram), workers)
		s.reaches(managerProgram, supervisor.Running)
		pid, err := os.ReadFile(supervisor.PIDPath(s.dir))
		if err != nil {
			t.Fatal(err)
		}
		steps := []struct {
			args string
			want string // regular expression
		}{
			{"status", `(?s)kresd:kresd0 +STOPPED +Not started.*kresd:kresd1 .*manager +RUNNING +pid \d+, uptime 0:00:\d\d`},
			{"start kresd:kresd0", `^kresd:kresd0: started\n$`},
			{"start kresd:kresd0", `^kresd:kresd0: ERROR \(already started\)\n$`},
			{"start kresd:*", `^kresd:kresd1: started\n$`},
			{"start nope", `^nope: ERROR \(no such process\)\n$`},
			{"pid", "^" + string(pid) + "$"},
			{"pid manager", `^[1-9]\d*\n$`},
			{"signal HUP kresd:kresd0", `^kresd:kresd0: signalled\n$`},
			{"stop kresd:kresd1", `^kresd:kresd1: stopped\n$`},
			{"stop kresd:kresd1", `^kresd:kresd1: ERROR \(not running\)\n$`},
			{"restart manager", `^manager: stopped\nmanager: started\n$`},
			{"reread", `^No config updates to processes\n$`},
			{"stop all", `(?m)^manager: stopped$`},
			{"version", `^4\.`},
			{"shutdown", `^Shut down\n$`},
		}
		for _, step := range steps {
			args := append([]string{"-c", supervisor.Path(s.dir)}, strings.Fields(step.args)...)
			out, _ := exec.Command("supervisorctl", args...).CombinedOutput()
			if !regexp.MustCompile(step.want).Match(out) {
				t.Errorf("supervisorctl %s: got %q, want %s", step.args, out, step.want)
			}
		}
		if code := s.exitCode(); code != 0 {
			t.Errorf("exit code %d", code)
		}
	})
}
