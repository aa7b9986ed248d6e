package process

import (
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Whatever dies in the middle of whatever change, the system comes back and
// serves what the next reload says.
func TestChaos(t *testing.T) {
	t.Parallel()
	s := start(t, options{workers: 2})
	for round := range 25 {
		s.configure(1+rand.IntN(3), port, []string{"", "options: {minimize: false}", "local-data: {addresses: {a.example: 192.0.2.1}}"}[rand.IntN(3)])
		done := make(chan struct{})
		go func() {
			defer close(done)
			s.ctl("reload") // may fail: the manager may die
		}()
		time.Sleep(time.Duration(rand.IntN(60)) * time.Millisecond)
		for _, role := range []string{"kresd", "manager", "policy-loader", "cache-gc"} {
			for _, pid := range s.role(role) {
				if rand.IntN(3) == 0 {
					t.Logf("round %d: kill %s %d", round, role, pid)
					syscall.Kill(pid, syscall.SIGKILL)
				}
			}
		}
		<-done
		s.eventually("a reload works again", func() bool { _, _, status := s.ctl("reload"); return status == 0 })
	}
	s.configure(2, port, "")
	s.must("reload")
	s.eventually("two workers and a collector", func() bool {
		out, _, status := s.ctl("pids")
		return status == 0 && strings.Count(out, "\n") == 3
	})
	for range 20 {
		s.serves(port)
	}
	s.must("stop")
	if status := s.waitExit(); status != 0 {
		t.Errorf("exit status %d", status)
	}
	s.noTrace()
}
