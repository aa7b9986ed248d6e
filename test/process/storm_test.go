package process

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// FT-04: a worker that dies whenever it comes up is started at most once a second, and the
// other one serves: nobody loses a question for good.
func TestFT04CrashLoop(t *testing.T) {
	both(t, func(t *testing.T, kind string) {
		s := start(t, options{supervisor: kind, workers: 2})
		good := s.role("kresd")[0]
		load := s.generate(5*time.Second, mixedLocal)
		const loop = 4 * time.Second
		deaths := map[int]bool{}
		for end := time.Now().Add(loop); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
			for _, pid := range s.role("kresd") {
				if pid != good && !deaths[pid] {
					syscall.Kill(pid, syscall.SIGKILL)
					deaths[pid] = true
				}
			}
		}
		s.eventually("two workers", func() bool { return len(s.workers()) == 2 })
		if now := s.role("kresd"); !slices.Contains(now, good) {
			t.Errorf("the good worker %d is gone: %v", good, now)
		}
		noneLost(t, fmt.Sprintf("%d deaths", len(deaths)), load.stop(), inWork*len(deaths))
		// The processes that die while they wait for their turn do not count: they have done nothing.
		starts := strings.Count(s.logged(), "process is gone")
		t.Logf("%d processes, %d of them have worked, in %v", len(deaths), starts, loop)
		if len(deaths) < 2 || starts > int(loop/time.Second)+2 {
			t.Errorf("%d starts of a worker that dies at once, in %v", starts, loop)
		}
	})
}

// FT-10: signals in masses are one or two reloads, and a stop ends everything whatever
// else goes on.
func TestFT10SignalStorm(t *testing.T) {
	both(t, func(t *testing.T, kind string) {
		s := start(t, options{supervisor: kind, workers: 2})
		before := s.workers()
		load := s.generate(patience, mixedLocal)
		s.configure(2, port, "nsid: after the storm")
		for range 1000 {
			s.cmd.Process.Signal(syscall.SIGHUP)
		}
		s.eventually("the configuration is in force", func() bool {
			return strings.Contains(s.must("config", "get"), "after the storm")
		})
		noneLost(t, "1000 times SIGHUP", load.stop(), 0)
		if now := s.workers(); len(now) != 2 || slices.Contains(now, before[0]) || slices.Contains(now, before[1]) {
			t.Errorf("workers %v, then %v", before, now)
		}
		s.configure(3, port, "")
		for range 20 {
			s.cmd.Process.Signal(syscall.SIGHUP)
			s.cmd.Process.Signal(syscall.SIGTERM)
		}
		if status := s.waitExit(); status != 0 {
			t.Errorf("exit status %d", status)
		}
		s.noTrace()
	})
}

// FT-12: replaced processes leave nothing behind: no zombies, no descriptors.
func TestFT12NothingLeaks(t *testing.T) {
	t.Parallel()
	s := start(t, options{workers: 2})
	s.must("reload", "--force") // what is opened once is open now
	count := func() (fds map[string]int) {
		fds = map[string]int{}
		for _, role := range []string{"supervisor", "manager", "kresd", "cache-gc"} {
			for _, pid := range s.role(role) {
				fds[role] += descriptors(t, pid)
			}
		}
		return fds
	}
	before := count()
	for range rounds(t, 15) {
		s.must("reload", "--force")
	}
	s.eventually("as many descriptors as before", func() bool {
		for role, n := range count() {
			if n > before[role]+1 { // of a request that is just being answered
				t.Logf("%s: %d descriptors, then %d", role, before[role], n)
				return false
			}
		}
		return true
	})
	for _, pid := range s.role("supervisor") {
		children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
		if err != nil {
			t.Skip(err)
		}
		for _, child := range strings.Fields(string(children)) {
			stat, _ := os.ReadFile("/proc/" + child + "/stat")
			if strings.Contains(string(stat), ") Z ") {
				t.Errorf("zombie: %s", stat)
			}
		}
	}
}
