package builtin_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"knot-resolver/internal/supervisor"
	"knot-resolver/internal/supervisor/builtin"
)

// roleEnv makes the test binary act as one of the processes of a test.
const roleEnv = "SUPERVISOR_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(roleEnv) {
	case "":
		os.Exit(m.Run())
	case "builtin":
		os.Unsetenv(roleEnv)
		log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
		os.Exit(builtin.Run(context.Background(), os.Args[1], os.Stdout, log))
	case "supervisord":
		os.Unsetenv(roleEnv)
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT)
		defer stop()
		if err := supervisor.RunReal(ctx, os.Args[1], managerProgram, slog.New(slog.NewTextHandler(os.Stderr, nil))); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	case "child":
		child()
	case "listener":
		client := supervisor.NewClient(os.Args[1])
		if err := supervisor.ShutdownOnFatal(context.Background(), os.Stdin, os.Stdout, managerProgram, client); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

// child is a program that ties its life to the supervisor and waits for TERM.
func child() {
	if err := supervisor.DieWithParent(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("hello from", os.Getenv("SUPERVISOR_GROUP_NAME"), os.Getenv("SUPERVISOR_PROCESS_NAME"))
	time.Sleep(time.Hour)
}

// self is a program that runs child.
func self(name string) supervisor.Program {
	exe, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return supervisor.Program{
		Name: name, Command: []string{exe}, Env: map[string]string{roleEnv: "child"},
		AutoStart: true, AutoRestart: supervisor.RestartAlways,
		StartRetries: 3, StopWaitSecs: 2, KillAsGroup: true,
	}
}

// shell is a program that runs a shell command and is not started by itself.
func shell(name, command string) supervisor.Program {
	return supervisor.Program{
		Name: name, Command: []string{"/bin/sh", "-c", command},
		AutoRestart: supervisor.RestartNever, StopWaitSecs: 2, KillAsGroup: true,
	}
}

// syncBuffer collects the output of a supervisor.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// running is a supervisor under test.
type running struct {
	*supervisor.Client
	t      *testing.T
	dir    string
	cmd    *exec.Cmd
	out    syncBuffer
	exited chan struct{}
}

// launch starts a supervisor of a kind on some programs and waits until it answers.
func launch(t *testing.T, kind string, programs ...supervisor.Program) *running {
	t.Helper()
	if kind == "supervisord" {
		if _, err := exec.LookPath(kind); err != nil {
			t.Skip("the real supervisord is not installed")
		}
	}
	s := &running{t: t, dir: t.TempDir(), exited: make(chan struct{})}
	s.write(programs...)
	s.Client = supervisor.NewClient(supervisor.SocketPath(s.dir))
	s.cmd = exec.Command(os.Args[0], supervisor.Path(s.dir))
	s.cmd.Env = append(os.Environ(), roleEnv+"="+kind)
	s.cmd.Stdout, s.cmd.Stderr = &s.out, &s.out
	s.cmd.WaitDelay = 2 * time.Second
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = s.cmd.Wait()
		close(s.exited)
	}()
	t.Cleanup(func() {
		// The real one does not take its children along when killed.
		_ = s.cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-s.exited:
		case <-time.After(10 * time.Second):
			_ = s.cmd.Process.Kill()
			<-s.exited
		}
		if t.Failed() {
			t.Logf("output:\n%s", s.out.String())
		}
	})
	eventually(t, "the supervisor answers or has ended", func() bool {
		select {
		case <-s.exited:
			return true
		default:
		}
		_, err := s.GetState(t.Context())
		return err == nil
	})
	return s
}

func (s *running) write(programs ...supervisor.Program) {
	s.t.Helper()
	conf := supervisor.Conf{Dir: s.dir, Programs: programs}
	if slices.ContainsFunc(programs, func(p supervisor.Program) bool { return p.Name == managerProgram }) {
		conf.Listener = []string{"/usr/bin/env", roleEnv + "=listener", os.Args[0], supervisor.SocketPath(s.dir)}
	}
	if err := conf.Write(); err != nil {
		s.t.Fatal(err)
	}
}

func (s *running) info(name string) supervisor.Info {
	s.t.Helper()
	info, err := s.GetProcessInfo(s.t.Context(), name)
	if err != nil {
		s.t.Fatal(err)
	}
	return info
}

// reaches waits for a state and returns the process info with it.
func (s *running) reaches(name string, state supervisor.State) supervisor.Info {
	s.t.Helper()
	var info supervisor.Info
	eventually(s.t, name+" is "+state.String(), func() bool {
		info = s.info(name)
		return info.State == state
	})
	return info
}

func (s *running) exitCode() int {
	s.t.Helper()
	select {
	case <-s.exited:
	case <-time.After(10 * time.Second):
		s.t.Fatal("the supervisor does not end")
	}
	return s.cmd.ProcessState.ExitCode()
}

func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if cond() {
			return
		}
	}
	t.Fatalf("never true: %s", what)
}

// gone reports whether no process has this pid, apart from zombies.
func gone(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return true
	}
	after := stat[bytes.LastIndexByte(stat, ')')+1:]
	return bytes.HasPrefix(after, []byte(" Z"))
}

// both runs a test against the built-in supervisor and the real one.
func both(t *testing.T, test func(t *testing.T, kind string)) {
	for _, kind := range []string{"builtin", "supervisord"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			test(t, kind)
		})
	}
}

func wantFault(t *testing.T, what string, err error, want supervisor.FaultCode) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: got %v, want %v", what, err, want)
	}
}

func TestStartStop(t *testing.T) {
	both(t, func(t *testing.T, kind string) {
		ctx := t.Context()
		s := launch(t, kind, shell("cache-gc", "exec sleep 1000"))
		if i := s.info("cache-gc"); i.State != supervisor.Stopped || i.PID != 0 || !i.Start.IsZero() {
			t.Errorf("before: %+v", i)
		}
		wantFault(t, "stop before start", s.StopProcess(ctx, "cache-gc", true), supervisor.NotRunning)
		wantFault(t, "signal before start", s.SignalProcess(ctx, "cache-gc", syscall.SIGHUP), supervisor.NotRunning)
		if err := s.StartProcess(ctx, "cache-gc", true); err != nil {
			t.Fatal(err)
		}
		up := s.info("cache-gc")
		if up.State != supervisor.Running || up.PID == 0 || up.Start.IsZero() || up.Group != "cache-gc" {
			t.Errorf("running: %+v", up)
		}
		wantFault(t, "start twice", s.StartProcess(ctx, "cache-gc", true), supervisor.AlreadyStarted)
		if err := s.StopProcess(ctx, "cache-gc", true); err != nil {
			t.Fatal(err)
		}
		if i := s.info("cache-gc"); i.State != supervisor.Stopped || i.PID != 0 || i.ExitStatus != -1 {
			t.Errorf("stopped: %+v", i)
		}
		if !gone(up.PID) {
			t.Error("the process is still there")
		}
	})
}

func TestFaults(t *testing.T) {
	both(t, func(t *testing.T, kind string) {
		ctx := t.Context()
		missing := shell("missing", "")
		missing.Command = []string{"/nonexistent/program"}
		noExec := shell("noexec", "")
		noExec.Command = []string{"/etc/passwd"}
		failing := shell("failing", "exit 3")
		failing.StartSecs = 5 // supervisord counts until it notices the end, which may take it a second
		s := launch(t, kind, missing, noExec, failing, shell("kresd", "exec sleep 1000"))
		wantFault(t, "unknown name", s.StartProcess(ctx, "nope", true), supervisor.BadName)
		wantFault(t, "unknown group", s.StopProcess(ctx, "nope:nope", true), supervisor.BadName)
		wantFault(t, "unknown process", s.StopProcess(ctx, "kresd:kresd7", true), supervisor.BadName)
		_, err := s.GetProcessInfo(ctx, "kresd:*")
		wantFault(t, "info of group", err, supervisor.BadName)
		wantFault(t, "missing file", s.StartProcess(ctx, "missing", true), supervisor.NoFile)
		wantFault(t, "not executable", s.StartProcess(ctx, "noexec", true), supervisor.NotExecutable)
		wantFault(t, "exits at once", s.StartProcess(ctx, "failing", true), supervisor.SpawnError)
		if i := s.reaches("failing", supervisor.Fatal); i.SpawnErr == "" {
			t.Errorf("fatal without a reason: %+v", i)
		}
		wantFault(t, "bad signal", s.SignalProcess(ctx, "kresd", 333), supervisor.BadSignal)
		wantFault(t, "add unknown", s.AddProcessGroup(ctx, "nope"), supervisor.BadName)
		wantFault(t, "add twice", s.AddProcessGroup(ctx, "kresd"), supervisor.AlreadyAdded)
		wantFault(t, "remove unknown", s.RemoveProcessGroup(ctx, "nope"), supervisor.BadName)
	})
}

func TestRestartAfterKill(t *testing.T) {
	both(t, func(t *testing.T, kind string) {
		workers := self("kresd")
		workers.NumProcs = 2
		s := launch(t, kind, workers)
		first := s.reaches("kresd:kresd1", supervisor.Running)
		if err := syscall.Kill(first.PID, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		eventually(t, "kresd1 runs again", func() bool {
			i := s.info("kresd:kresd1")
			return i.State == supervisor.Running && i.PID != first.PID
		})
	})
}

func TestNumprocs(t *testing.T) {
	both(t, func(t *testing.T, kind string) {
		workers := shell("kresd", "sleep 0.5; exit "+supervisor.ProcessNum)
		workers.NumProcs = 11
		s := launch(t, kind, workers, shell("cache-gc", "exec sleep 1000"))
		all, err := s.GetAllProcessInfo(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(all) != 12 || all[0].FullName() != "cache-gc" || all[3].FullName() != "kresd:kresd10" {
			t.Errorf("got %+v", all)
		}
		if err := s.StartProcess(t.Context(), "kresd:kresd10", true); err != nil {
			t.Fatal(err)
		}
		if i := s.reaches("kresd:kresd10", supervisor.Exited); i.ExitStatus != 10 {
			t.Errorf("got %+v", i)
		}
	})
}

func TestStartSecs(t *testing.T) {
	both(t, func(t *testing.T, kind string) {
		slow := shell("slow", "exec sleep 1000")
		slow.StartSecs = 1
		s := launch(t, kind, slow)
		if err := s.StartProcess(t.Context(), "slow", false); err != nil {
			t.Fatal(err)
		}
		if i := s.info("slow"); i.State != supervisor.Starting {
			t.Errorf("too early: %+v", i)
		}
		s.reaches("slow", supervisor.Running)
	})
}

func TestStubbornProcessIsKilled(t *testing.T) {
	both(t, func(t *testing.T, kind string) {
		stubborn := shell("stubborn", "trap '' TERM; echo ready; while :; do sleep 1000; done")
		stubborn.StopWaitSecs = 1
		s := launch(t, kind, stubborn)
		if err := s.StartProcess(t.Context(), "stubborn", true); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the trap is set", func() bool { return bytes.Contains([]byte(s.out.String()), []byte("ready")) })
		if err := s.StopProcess(t.Context(), "stubborn", false); err != nil {
			t.Fatal(err)
		}
		if i := s.info("stubborn"); i.State != supervisor.Stopping {
			t.Errorf("got %+v", i)
		}
		s.reaches("stubborn", supervisor.Stopped)
	})
}

func TestReload(t *testing.T) {
	both(t, func(t *testing.T, kind string) {
		ctx := t.Context()
		one, two, three := shell("one", "exec sleep 1000"), shell("two", "exec sleep 1000"), self("three")
		s := launch(t, kind, one, two)
		if err := s.StartProcess(ctx, "one", true); err != nil {
			t.Fatal(err)
		}
		two.Command = append(two.Command, "changed")
		s.write(two, three)
		got, err := s.ReloadConfig(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if want := "{[three] [two] [one]}"; fmt.Sprint(got) != want {
			t.Errorf("got %v, want %s", got, want)
		}
		wantFault(t, "remove while running", s.RemoveProcessGroup(ctx, "one"), supervisor.StillRunning)
		if err := errors.Join(s.StopProcess(ctx, "one", true), s.RemoveProcessGroup(ctx, "one"), s.AddProcessGroup(ctx, "three")); err != nil {
			t.Fatal(err)
		}
		s.reaches("three", supervisor.Running)
		_, err = s.GetProcessInfo(ctx, "one")
		wantFault(t, "removed", err, supervisor.BadName)
		if err := os.WriteFile(supervisor.Path(s.dir), []byte("[program:x]\nstartsecs=one\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err = s.ReloadConfig(ctx)
		wantFault(t, "broken file", err, supervisor.CantReread)
	})
}

func TestShutdownLeavesNothing(t *testing.T) {
	for _, by := range []string{"call", "signal"} {
		t.Run(by, func(t *testing.T) {
			both(t, func(t *testing.T, kind string) {
				workers, late := self("kresd"), self("late")
				workers.NumProcs = 2
				workers.Priority, late.Priority = 20, 30
				s := launch(t, kind, workers, late)
				pids := s.pids("kresd:kresd0", "kresd:kresd1", "late")
				if by == "call" {
					if err := s.Shutdown(t.Context()); err != nil {
						t.Fatal(err)
					}
				} else if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
					t.Fatal(err)
				}
				if code := s.exitCode(); code != 0 {
					t.Errorf("exit code %d", code)
				}
				for _, pid := range pids {
					if !gone(pid) {
						t.Errorf("pid %d is still there", pid)
					}
				}
			})
		})
	}
}

func TestKilledSupervisorLeavesNothing(t *testing.T) {
	both(t, func(t *testing.T, kind string) {
		workers := self("kresd")
		workers.NumProcs = 3
		s := launch(t, kind, workers)
		pids := s.pids("kresd:kresd0", "kresd:kresd1", "kresd:kresd2")
		eventually(t, "all have started up", func() bool { return bytes.Count([]byte(s.out.String()), []byte("hello")) == 3 })
		_ = s.cmd.Process.Kill()
		time.Sleep(time.Second)
		for _, pid := range pids {
			if !gone(pid) {
				t.Errorf("pid %d is still there", pid)
			}
		}
	})
}

// pids waits until the processes run and returns their pids.
func (s *running) pids(names ...string) []int {
	s.t.Helper()
	var pids []int
	for _, name := range names {
		pids = append(pids, s.reaches(name, supervisor.Running).PID)
	}
	return pids
}
