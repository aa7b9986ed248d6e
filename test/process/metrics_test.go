package process

import (
	"encoding/json"
	"regexp"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// answered adds up the answers that all workers have counted.
func (s *system) answered() (sum int) {
	s.t.Helper()
	var all map[string]*struct{ Answer struct{ Total int } }
	if err := json.Unmarshal([]byte(s.must("metrics")), &all); err != nil {
		s.t.Fatal(err)
	}
	for _, w := range all {
		if w != nil {
			sum += w.Answer.Total
		}
	}
	return sum
}

// Counters go on when workers are replaced or killed, and when the manager is.
func TestCountersSurvive(t *testing.T) {
	both(t, func(t *testing.T, kind string) {
		s := start(t, options{supervisor: kind, workers: 2})
		want := s.answered()
		ask := func(after string) {
			t.Helper()
			for range 20 {
				s.serves(port)
			}
			want += 40
			if got := s.answered(); got != want {
				t.Errorf("%d answers counted after %s, expected %d", got, after, want)
			}
		}
		ask("start")
		s.must("reload", "--force")
		ask("replacement")
		before := s.workers()
		s.kill(before[0])
		s.eventually("a new worker", func() bool { now := s.workers(); return len(now) == 2 && now[0] != before[0] && now[1] != before[0] })
		s.eventually("its counters", func() bool { return s.answered() >= want })
		ask("death of a worker")
		s.kill(s.only("manager"))
		s.waitLog("running system taken over")
		s.eventually("the API is back", func() bool { _, _, status := s.ctl("config", "get"); return status == 0 })
		ask("death of the manager")
	})
}

func TestPrometheus(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	s.serves(port)
	text := s.must("metrics", "--prometheus")
	for _, want := range []string{
		`(?m)^resolver_answer_total{instance_id="kresd:kresd0"} ([0-9]+)$`, `(?m)^resolver_request_tcp4_total{instance_id="kresd:kresd0"} ([0-9]+)$`,
		`(?m)^resolver_metrics_loaded{instance_id="kresd:kresd0"} (1)$`, `(?m)^go_goroutines ([0-9]+)$`,
		`(?m)^resolver_response_latency_count{instance_id="kresd:kresd0"} ([0-9]+)$`,
	} {
		found := regexp.MustCompile(want).FindStringSubmatch(text)
		if found == nil {
			t.Errorf("no series %s", want)
		} else if n, _ := strconv.Atoi(found[1]); n < 1 {
			t.Errorf("%s: %d", want, n)
		}
	}
	s.must("stop")
	s.waitExit()
	s.noTrace()
}

// A worker that hangs does not hold up a scrape for longer than it takes to replace it.
func TestMetricsOfStuckWorker(t *testing.T) {
	t.Parallel()
	s := start(t, options{workers: 2})
	before := s.workers()
	syscall.Kill(before[0], syscall.SIGSTOP)
	began := time.Now()
	if text := s.must("metrics", "--prometheus"); !regexp.MustCompile(`resolver_metrics_loaded{[^}]*} 1`).MatchString(text) {
		t.Errorf("no worker is there: %s", text)
	}
	if took := time.Since(began); took > 8*time.Second {
		t.Errorf("took %v", took)
	}
}
