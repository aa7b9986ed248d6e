package process

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"
)

// roundsVariable asks for the long form of the tests of this file, one after the other and under calibrated load:
// KR_ROUNDS=100 takes more than an hour.
const roundsVariable = "KR_ROUNDS"

// rounds is how often each thing is done.
func rounds(t *testing.T, few int) int {
	t.Helper()
	text := os.Getenv(roundsVariable)
	if text == "" {
		return few
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// mixed asks for what every worker answers by itself, and each tenth time for a name
// that nobody has asked for and whose absence no proof covers.
func mixed(i int) string {
	if i%10 == 0 {
		return fmt.Sprintf("n%d-%d.insecure.se.", i, time.Now().UnixNano())
	}
	return "localhost."
}

// FT-50: reloads of every kind, one after the other under load, with one worker and with two.
func TestFT50Reloads(t *testing.T) {
	t.Parallel()
	for _, workers := range []int{1, 2} {
		t.Run(fmt.Sprintf("workers=%d", workers), func(t *testing.T) {
			alone(t)
			world, o := internet(t)
			o.workers = workers
			s := start(t, o)
			s.calibrate(mixed)
			for _, kind := range []struct {
				name     string
				change   func(i int)
				replaces bool
			}{
				{"nothing", func(int) { s.configure(workers, port, o.extra) }, false},
				{"policy", func(i int) {
					s.configure(workers, port, fmt.Sprintf("%slocal-data: {addresses: {a.example: 192.0.2.%d}}\n", o.extra, i%2+1))
				}, false},
				{"live", func(i int) { s.configure(workers, port, fmt.Sprintf("%sdefer: {enable: %t}\n", o.extra, i%2 == 0)) }, false},
				{"worker", func(i int) { s.configure(workers, port, fmt.Sprintf("%snsid: number %d\n", o.extra, i%2)) }, true},
				{"number of workers", func(i int) { s.configure(workers+(i+1)%2, port, o.extra) }, true},
				{"cache size (FT-21)", func(i int) { s.must("config", "set", "-p", "/cache/size-max", []string{"20M", "40M", "10M"}[i%3]) }, true},
			} {
				t.Run(kind.name, func(t *testing.T) {
					n := rounds(t, 6)
					load := s.generate(patience, mixed)
					before := s.workers()
					for i := range n {
						kind.change(i)
						s.must("reload")
					}
					noneLost(t, fmt.Sprintf("%d reloads, %s, %d workers", n, kind.name, workers), load.stop(), 0)
					if replaced := !slices.Equal(before, s.workers()); replaced != kind.replaces {
						t.Errorf("workers replaced: %v", replaced)
					}
				})
				for _, server := range world.Servers() {
					server.ForgetQueries()
				}
			}
		})
	}
}

// FT-01, FT-05, FT-07: each role is killed again and again under load. What the manager
// and cache-gc do is nobody's question. A worker takes along the connections it has accepted; new ones
// and datagrams wait in its sockets, and datagrams it has read are answered by the next.
func TestFT01FT05FT07Killed(t *testing.T) {
	both(t, func(t *testing.T, kind string) {
		for _, workers := range []int{1, 2} {
			t.Run(fmt.Sprintf("workers=%d", workers), func(t *testing.T) {
				alone(t)
				_, o := internet(t)
				o.workers, o.supervisor = workers, kind
				s := start(t, o)
				s.calibrate(mixed)
				for _, role := range []string{"manager", "cache-gc", "kresd"} {
					t.Run(role, func(t *testing.T) {
						n := rounds(t, 2)
						load := s.generate(5*time.Second, mixed)
						for range n {
							s.killOne(role)
							time.Sleep(time.Second)
						}
						what, results := fmt.Sprintf("%s killed %d times, %d workers", role, n, workers), load.stop()
						if role == "kresd" {
							noneLost(t, what, map[string]*result{"tcp": results["tcp"]}, inWork*n)
							delete(results, "tcp")
							t.Logf("%d replayed, %d not", s.counted("server", "udp_replayed"), s.counted("server", "udp_replay_drops"))
						}
						noneLost(t, what, results, 0)
					})
				}
			})
		}
	})
}

// inWork is how many of the generator's questions one worker may have in work: the resolutions and
// connections of a moment.
const inWork = 100

// killOne kills a process of a role and waits for another.
func (s *system) killOne(role string) {
	s.t.Helper()
	old := s.role(role)
	s.kill(old[0])
	s.eventually(role+" is back", func() bool {
		now := s.role(role)
		return len(now) == len(old) && !slices.Contains(now, old[0])
	})
}

// FT-58: the program is replaced by another and taken into use without losing a question,
// and so is the way back. One that does not work changes nothing.
func TestFT58Upgrade(t *testing.T) {
	both(t, func(t *testing.T, kind string) {
		alone(t)
		_, o := internet(t)
		o.supervisor, o.workers = kind, 2
		s := prepare(t, o)
		s.program = filepath.Join(s.dir, "knot-resolver")
		install := func(from string) {
			t.Helper()
			if out, err := exec.Command("cp", from, s.program+".new").CombinedOutput(); err != nil {
				t.Fatalf("%s", out)
			}
			if err := os.Rename(s.program+".new", s.program); err != nil {
				t.Fatal(err)
			}
		}
		install(filepath.Join(binaries, "knot-resolver"))
		s.launch(kind)
		s.waitLog("everything started")
		s.calibrate(mixed)
		load := s.generate(patience, mixed)
		for range rounds(t, 2) {
			before := append(s.workers(), s.only("manager"), s.only("cache-gc"))
			install(filepath.Join(binaries, "knot-resolver"))
			s.must("upgrade")
			now := append(s.workers(), s.only("manager"), s.only("cache-gc"))
			for _, pid := range now {
				if slices.Contains(before, pid) {
					t.Errorf("pid %d was not replaced", pid)
				}
				if s.runsDeleted(pid) {
					t.Errorf("pid %d runs the old program", pid)
				}
			}
		}
		before := append(s.workers(), s.only("manager"), s.only("cache-gc"))
		install("/bin/false")
		if _, errs, status := s.ctl("upgrade"); status != 1 || errs == "" {
			t.Errorf("upgrade to a broken program: status %d: %s", status, errs)
		}
		if now := append(s.workers(), s.only("manager"), s.only("cache-gc")); !slices.Equal(now, before) {
			t.Errorf("processes %v, then %v", before, now)
		}
		install(filepath.Join(binaries, "knot-resolver"))
		noneLost(t, "upgrades", load.stop(), 0)
		s.must("stop")
		s.waitExit()
		s.noTrace()
	})
}

// runsDeleted reports whether the program file of a process is not there any more.
func (s *system) runsDeleted(pid int) bool {
	mine, err := os.Stat(fmt.Sprintf("/proc/%d/exe", pid))
	if err != nil {
		s.t.Fatal(err)
	}
	now, err := os.Stat(s.program)
	if err != nil {
		s.t.Fatal(err)
	}
	return !os.SameFile(mine, now)
}
