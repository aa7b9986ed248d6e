package process

import (
	"encoding/json"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

const port = 5300

// both runs a test under each supervisor there is.
func both(t *testing.T, test func(t *testing.T, kind string)) {
	t.Parallel()
	for _, kind := range []string{"builtin", "supervisord"} {
		t.Run(kind, func(t *testing.T) {
			if kind == "supervisord" {
				needSupervisord(t)
			}
			t.Parallel()
			test(t, kind)
		})
	}
}

func TestStartAndStop(t *testing.T) {
	both(t, func(t *testing.T, kind string) {
		s := start(t, options{supervisor: kind, workers: 2})
		s.serves(port)
		if n := len(s.workers()); n != 2 {
			t.Errorf("%d workers", n)
		}
		for _, role := range []string{"manager", "cache-gc"} {
			s.only(role)
		}
		s.must("stop")
		if status := s.waitExit(); status != 0 {
			t.Errorf("exit status %d", status)
		}
		s.noTrace()
	})
}

func TestStopSignals(t *testing.T) {
	both(t, func(t *testing.T, kind string) {
		for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
			s := start(t, options{supervisor: kind})
			s.cmd.Process.Signal(sig)
			if status := s.waitExit(); status != 0 {
				t.Errorf("%v: exit status %d", sig, status)
			}
			s.noTrace()
		}
	})
}

func TestManagerStopSignal(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	syscall.Kill(s.only("manager"), syscall.SIGTERM)
	if status := s.waitExit(); status != 0 {
		t.Errorf("exit status %d", status)
	}
	s.noTrace()
}

func TestWorkerKilled(t *testing.T) {
	both(t, func(t *testing.T, kind string) {
		s := start(t, options{supervisor: kind})
		before := s.workers()
		s.kill(before[0])
		s.serves(port) // waits in the sockets
		s.eventually("a new worker", func() bool {
			now := s.workers()
			return len(now) == 1 && now[0] != before[0]
		})
	})
}

// FT-03: a worker that is alive and answers nothing is replaced, and of its share of the
// clients hardly any loses a question: they wait in its sockets.
func TestFT03WorkerStuck(t *testing.T) {
	both(t, func(t *testing.T, kind string) {
		s := start(t, options{supervisor: kind, workers: 2})
		before := s.workers()
		udp, tcp := s.load("udp", port), s.load("tcp", port)
		began := time.Now()
		syscall.Kill(before[0], syscall.SIGSTOP)
		s.eventually("a new worker", func() bool {
			now := s.workers()
			return len(now) == 2 && !slices.Contains(now, before[0])
		})
		took := time.Since(began)
		for name, stop := range map[string]func() (asked, lost int){"udp": udp, "tcp": tcp} {
			asked, lost := stop()
			t.Logf("%s: replaced after %v, %d of %d questions lost", name, took, lost, asked) // the time is reported, never asserted
			if share := asked / 2; float64(lost) > 0.05*took.Seconds()*float64(share) {
				t.Errorf("%s: %d of %d questions lost in %v", name, lost, asked, took)
			}
		}
		for range 20 {
			s.serves(port)
		}
		var counted map[string]struct{ Worker map[string]int }
		if err := json.Unmarshal([]byte(s.must("metrics")), &counted); err != nil {
			t.Fatal(err)
		}
		var stuck, deaths int
		for _, c := range counted {
			stuck, deaths = stuck+c.Worker["stuck"], deaths+c.Worker["deaths"]
		}
		if stuck != 1 || deaths != 1 {
			t.Errorf("events of the workers: %v", counted)
		}
		if text := s.must("metrics", "--prometheus"); !strings.Contains(text, `resolver_worker_stuck_total{instance_id=`) {
			t.Error("not told to Prometheus")
		}
	})
}

// Without its manager a worker serves on, and the next manager takes it over
// with its sockets and version.
func TestManagerKilled(t *testing.T) {
	both(t, func(t *testing.T, kind string) {
		s := start(t, options{supervisor: kind, workers: 2})
		before := s.workers()
		for range 2 {
			udp, tcp := s.load("udp", port), s.load("tcp", port)
			s.kill(s.only("manager"))
			s.waitLog("running system taken over")
			lossless(t, udp)
			lossless(t, tcp)
		}
		s.eventually("the API is back", func() bool { _, _, status := s.ctl("config", "get"); return status == 0 })
		if now := s.workers(); !slices.Equal(now, before) {
			t.Errorf("workers were replaced: %v, then %v", before, now)
		}
		s.must("reload")
		if now := s.workers(); !slices.Equal(now, before) {
			t.Errorf("an empty reload replaced workers: %v, then %v", before, now)
		}
		s.kill(before[0])
		s.eventually("a new worker", func() bool {
			now := s.workers()
			return len(now) == 2 && !slices.Contains(now, before[0])
		})
		s.serves(port)
	})
}

func TestManagerAndWorkerKilled(t *testing.T) {
	both(t, func(t *testing.T, kind string) {
		s := start(t, options{supervisor: kind, workers: 2})
		before := s.workers()
		manager := s.only("manager")
		syscall.Kill(manager, syscall.SIGSTOP) // it must not help the worker
		s.kill(before[1])
		s.kill(manager)
		s.eventually("all back", func() bool {
			out, _, status := s.ctl("pids", "kresd")
			return status == 0 && strings.Count(out, "\n") == 2 && !strings.Contains(out, strconv.Itoa(before[1])+"\n")
		})
		for range 20 { // both workers
			s.serves(port)
		}
	})
}

func TestAllWorkersAndManagerKilled(t *testing.T) {
	t.Parallel()
	s := start(t, options{workers: 2})
	workers, manager := s.workers(), s.only("manager")
	syscall.Kill(manager, syscall.SIGSTOP) // it must not give the sockets to the next workers
	for _, pid := range workers {
		s.kill(pid)
	}
	s.kill(manager)
	s.waitLog("everything started") // the sockets were gone with their last holder
	for range 20 {
		s.serves(port)
	}
}

func TestCacheGCKilled(t *testing.T) {
	both(t, func(t *testing.T, kind string) {
		s := start(t, options{supervisor: kind})
		before := s.only("cache-gc")
		s.kill(before)
		s.eventually("a new collector", func() bool {
			now := s.pids("gc")
			return len(now) == 1 && now[0] != before
		})
	})
}

// FT-06, FT-09: nothing outlives the root of the process tree, and what the dead have left
// does not matter: neither files nor pids in them that belong to others by now.
func TestFT06FT09SupervisorKilled(t *testing.T) {
	both(t, func(t *testing.T, kind string) {
		s := start(t, options{supervisor: kind, workers: 2})
		for _, pid := range []string{"", "garbage", "1\n", strconv.Itoa(os.Getpid()) + "\n"} {
			began := time.Now()
			s.cmd.Process.Kill()
			s.waitExit()
			s.eventually("no process is left", func() bool { return len(s.tree()) == 0 })
			t.Logf("nothing left after %v", time.Since(began)) // reported, never asserted
			for _, name := range []string{"run/knot-resolver.pid", "run/supervisord.pid"} {
				if err := os.WriteFile(s.path(name), []byte(pid), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			s.launch(kind)
			s.waitLog("everything started")
			s.serves(port)
		}
	})
}

// FT-09: a pid file that can only be read keeps neither the start nor the second from being refused.
func TestFT09ReadOnlyPIDFile(t *testing.T) {
	both(t, func(t *testing.T, kind string) {
		s := prepare(t, options{})
		file := s.path("run/knot-resolver.pid")
		if err := os.WriteFile(file, []byte("1\n"), 0o444); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Mount(file, file, "", syscall.MS_BIND, ""); err != nil {
			t.Skip("cannot mount: ", err)
		}
		defer syscall.Unmount(file, syscall.MNT_DETACH)
		if err := syscall.Mount("", file, "", syscall.MS_REMOUNT|syscall.MS_BIND|syscall.MS_RDONLY, ""); err != nil {
			t.Fatal(err)
		}
		s.launch(kind)
		s.waitLog("everything started")
		s.serves(port)
		second := &system{t: t, dir: s.dir, config: s.config, program: s.program}
		second.launch(kind)
		if status := second.waitExit(); status != 1 || !strings.Contains(second.logged(), "another instance runs") {
			t.Errorf("second start: status %d: %s", status, second.logged())
		}
		s.serves(port)
		s.must("stop")
		if status := s.waitExit(); status != 0 {
			t.Errorf("exit status %d", status)
		}
	})
}

// supervisord itself, below the root, is killed: the rest ends, with a status that says so.
func TestFT06SupervisordKilled(t *testing.T) {
	t.Parallel()
	needSupervisord(t)
	s := start(t, options{supervisor: "supervisord"})
	text, err := os.ReadFile(s.path("run/supervisord.pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || pid == s.cmd.Process.Pid {
		t.Fatalf("pid %d, %v", pid, err)
	}
	syscall.Kill(pid, syscall.SIGKILL)
	if status := s.waitExit(); status != 1 || !strings.Contains(s.logged(), "killed") {
		t.Errorf("status %d: %s", status, s.logged())
	}
	s.eventually("no process is left", func() bool { return len(s.tree()) == 0 })
}

func TestSecondStartRefused(t *testing.T) {
	both(t, func(t *testing.T, kind string) {
		s := start(t, options{supervisor: kind})
		second := &system{t: t, dir: s.dir, config: s.config, program: s.program}
		second.launch(kind)
		if status := second.waitExit(); status != 1 {
			t.Errorf("exit status %d", status)
		}
		if log := second.logged(); !strings.Contains(log, "pid "+strconv.Itoa(s.cmd.Process.Pid)) {
			t.Errorf("does not name the pid %d: %s", s.cmd.Process.Pid, log)
		}
		s.serves(port)
		s.workers()
	})
}

func TestColdStartTime(t *testing.T) {
	s := prepare(t, options{workers: 2})
	began := time.Now()
	s.launch("")
	for !s.ask("udp", port, 20*time.Millisecond) {
		if time.Since(began) > patience {
			t.Fatal("never answered")
		}
	}
	t.Logf("first answer after %v", time.Since(began)) // reported, never asserted
}

// A signal ends the system whenever it comes during the start.
func TestSignalDuringStart(t *testing.T) {
	both(t, func(t *testing.T, kind string) {
		s := prepare(t, options{})
		for range 25 {
			s.launch(kind)
			time.Sleep(time.Duration(rand.IntN(150)) * time.Millisecond)
			s.cmd.Process.Signal(syscall.SIGTERM)
			s.waitExit()
			s.eventually("no process is left", func() bool { return len(s.tree()) == 0 })
		}
		s.launch(kind)
		s.waitLog("everything started")
		s.serves(port)
	})
}

// However often the manager dies, the workers serve and it comes back.
func TestManagerKilledAgainAndAgain(t *testing.T) {
	both(t, func(t *testing.T, kind string) {
		s := start(t, options{supervisor: kind})
		before := s.workers()
		udp := s.load("udp", port)
		for range 6 {
			s.eventually("a manager", func() bool { return len(s.role("manager")) == 1 })
			s.kill(s.only("manager"))
		}
		s.eventually("the API is back", func() bool { _, _, status := s.ctl("config", "get"); return status == 0 })
		lossless(t, udp)
		if now := s.workers(); !slices.Equal(now, before) {
			t.Errorf("workers were replaced: %v, then %v", before, now)
		}
	})
}

// A system that cannot start ends, and says why.
func TestColdStartGivesUp(t *testing.T) {
	both(t, func(t *testing.T, kind string) {
		s := prepare(t, options{})
		taken, err := net.Listen("tcp", net.JoinHostPort(s.addr, strconv.Itoa(port)))
		if err != nil {
			t.Fatal(err)
		}
		s.launch(kind)
		if status := s.waitExit(); status != 1 {
			t.Errorf("exit status %d", status)
		}
		if log := s.logged(); !strings.Contains(log, "address already in use") || !strings.Contains(log, "giving up") {
			t.Errorf("log: %s", log)
		}
		s.eventually("no process is left", func() bool { return len(s.tree()) == 0 })
		taken.Close()
		s.launch(kind)
		s.waitLog("everything started")
		s.serves(port)
	})
}
