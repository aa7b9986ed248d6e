package process

import (
	"encoding/json"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	miekg "github.com/miekg/dns"
)

// burst sends questions by UDP without waiting and counts the answers, truncated ones apart.
func (s *system) burst(questions int) (answers, truncated int) {
	s.t.Helper()
	raw := localhost(0x1234)
	var mu sync.Mutex
	var waiting sync.WaitGroup
	for range questions {
		conn, err := net.Dial("udp", net.JoinHostPort(s.addr, strconv.Itoa(port))) // each may go to another worker
		if err != nil {
			s.t.Fatal(err)
		}
		conn.Write(raw)
		conn.SetDeadline(time.Now().Add(2 * time.Second))
		waiting.Go(func() {
			defer conn.Close()
			answer, m := make([]byte, 512), new(miekg.Msg)
			n, err := conn.Read(answer)
			if err != nil {
				return
			}
			if err := m.Unpack(answer[:n]); err != nil {
				s.t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			answers++
			if m.Truncated {
				truncated++
			}
		})
	}
	waiting.Wait()
	return answers, truncated
}

// counted adds up a counter of all workers.
func (s *system) counted(section, name string) (sum int) {
	s.t.Helper()
	var all map[string]map[string]map[string]any
	if err := json.Unmarshal([]byte(s.must("metrics")), &all); err != nil {
		s.t.Fatal(err)
	}
	for _, w := range all {
		n, _ := w[section][name].(float64)
		sum += int(n)
	}
	return sum
}

// written waits until the workers have written what they have learnt to the cache, which they do within milliseconds.
func (s *system) written() {
	s.t.Helper()
	last := -1
	s.eventually("all is written", func() bool {
		now := s.counted("cache", "written")
		same := now == last
		last = now
		time.Sleep(100 * time.Millisecond)
		return same
	})
}

// TestRateLimiting: two workers count together, TCP stays open, and all of it changes while they run.
func TestRateLimiting(t *testing.T) {
	s := start(t, options{workers: 2})
	before := s.workers()
	if answers, truncated := s.burst(60); answers != 60 || truncated != 0 {
		t.Fatalf("without a limit %d answers, %d truncated", answers, truncated)
	}
	patch := func(text string) {
		t.Helper()
		if status, answer := s.api("PUT", "/v1/config/rate-limiting", text, "Content-Type", "application/yaml"); status != 200 {
			t.Fatalf("%d %s", status, answer)
		}
	}
	patch("{enable: true, rate-limit: 1, instant-limit: 30, slip: 1, log-period: 10s}")
	answers, truncated := s.burst(60)
	spent := time.Now()
	if answers != 60 || truncated < 20 || truncated > 31 {
		t.Errorf("limited to 30: %d answers, %d truncated", answers, truncated)
	}
	if !s.ask("tcp", port, 5*time.Second) {
		t.Error("no answer over TCP")
	}
	s.waitLog("address limited")
	if n := s.counted("ratelimiting", "slipped"); n != truncated {
		t.Errorf("%d slipped are counted, %d arrived", n, truncated)
	}
	if info, err := os.Stat(s.path("run/ratelimiting")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	s.kill(s.workers()[0])
	s.eventually("a new worker", func() bool { return len(s.workers()) == 2 })
	s.eventually("both", func() bool { return s.ask("tcp", port, time.Second) })
	again := 20 + int(time.Since(spent).Seconds()) // one a second is allowed again
	if _, truncated := s.burst(again); truncated < 10 {
		t.Errorf("after the death of a worker %d of %d truncated", truncated, again)
	}
	survivor := s.workers()
	patch("{enable: true, rate-limit: 1, instant-limit: 30, slip: 0, dry-run: true}")
	if answers, truncated := s.burst(40); answers != 40 || truncated != 0 || s.counted("ratelimiting", "dry_run") == 0 {
		t.Errorf("dry run: %d answers, %d truncated", answers, truncated)
	}
	patch("{enable: true, rate-limit: 1, instant-limit: 40, slip: 0}")
	if answers, _ := s.burst(60); answers < 35 || answers > 50 {
		t.Errorf("limited to 40, anew: %d answers", answers)
	}
	patch("{enable: false}")
	if answers, truncated := s.burst(60); answers != 60 || truncated != 0 {
		t.Errorf("no limit any more: %d answers, %d truncated", answers, truncated)
	}
	if after := s.workers(); !slices.Equal(after, survivor) || len(before) != 2 {
		t.Errorf("workers %v became %v", survivor, after)
	}
}

// TestPriorities: one client cannot have all of the work done for it, others are served meanwhile, and it is told to come over
// TCP. Options change while workers run.
func TestPriorities(t *testing.T) {
	world, o := internet(t)
	defer world.Close()
	for _, server := range world.Servers() {
		server.SetQuirk(func(_ string, q, right *miekg.Msg) *miekg.Msg {
			if miekg.IsSubDomain("insecure.se.", strings.ToLower(q.Question[0].Name)) {
				return nil // silence
			}
			return right
		})
	}
	o.workers = 1
	s := start(t, o)
	before := s.workers()
	if info, err := os.Stat(s.path("run/defer")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	conn, err := net.Dial("udp", net.JoinHostPort(s.addr, strconv.Itoa(port)))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const queries = 1300 // more than limits.Pending, each for seconds
	for n := range queries {
		raw, err := new(miekg.Msg).SetQuestion("n"+strconv.Itoa(n)+".insecure.se.", miekg.TypeA).Pack()
		if err != nil {
			t.Fatal(err)
		}
		conn.Write(raw)
	}
	conn.SetDeadline(time.Now().Add(patience))
	answer, m := make([]byte, 4096), new(miekg.Msg)
	for !m.Truncated {
		n, err := conn.Read(answer)
		if err != nil {
			t.Fatal("nothing was truncated: ", err)
		}
		if err := m.Unpack(answer[:n]); err != nil {
			t.Fatal(err)
		}
	}
	if !s.ask("tcp", port, 5*time.Second) {
		t.Error("no answer over TCP")
	}
	s.eventually("all are counted", func() bool { return s.counted("server", "shed_crowded") > 0 })
	for _, text := range []string{"{enable: false}", "{enable: true, log-period: 1s}"} {
		if status, answer := s.api("PUT", "/v1/config/defer", text, "Content-Type", "application/yaml"); status != 200 {
			t.Fatalf("%d %s", status, answer)
		}
		s.serves(port)
	}
	if after := s.workers(); !slices.Equal(after, before) {
		t.Errorf("workers %v became %v", before, after)
	}
}
