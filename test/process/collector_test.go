package process

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"testing"

	miekg "github.com/miekg/dns"
)

// series returns the value of a series of the Prometheus output, 0 when it is not there.
func (s *system) series(name string) float64 {
	s.t.Helper()
	found := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + ` (\S+)$`).FindStringSubmatch(s.must("metrics", "--prometheus"))
	if found == nil {
		return 0
	}
	v, err := strconv.ParseFloat(found[1], 64)
	if err != nil {
		s.t.Fatal(err)
	}
	return v
}

const deleted = `resolver_gc_records_deleted_total{instance_id="cache-gc"}`

// The options of the collector can be changed while the system runs; no worker notices.
func TestCollectorOptionsLive(t *testing.T) {
	both(t, func(t *testing.T, kind string) {
		_, o := internet(t)
		o.supervisor = kind
		s := start(t, o)
		workers, gc := s.workers(), s.only("cache-gc")
		for i := range 30 {
			s.resolve(fmt.Sprintf("no%d.example.se.", i))
		}
		if n := s.series(deleted); n != 0 {
			t.Errorf("%v records deleted at the default threshold", n)
		}
		s.must("config", "set", "-p", "/cache/garbage-collector", `{"threshold": 0, "interval": "20ms", "release": 50}`)
		s.eventually("records are deleted", func() bool { return s.series(deleted) > 0 })
		if now := s.only("cache-gc"); now == gc {
			t.Error("the collector was not started anew")
		}
		if now := s.workers(); !slices.Equal(now, workers) {
			t.Errorf("workers %v, then %v", workers, now)
		}
		s.must("config", "set", "-p", "/cache/garbage-collector/enable", "false")
		if pids := s.role("cache-gc"); len(pids) > 0 {
			t.Errorf("still running: %v", pids)
		}
		s.must("config", "set", "-p", "/cache/garbage-collector/enable", "true")
		s.only("cache-gc")
		s.eventually("statistics of use are kept", func() bool {
			st, err := os.Stat(s.path("cache/top"))
			return err == nil && st.Size() >= 1<<20
		})
	})
}

// FT-07: the collector is killed in the middle of deleting, again and again: nothing is locked or damaged.
func TestFT07CollectorKilledWhileDeleting(t *testing.T) {
	t.Parallel()
	_, o := internet(t)
	s := start(t, o)
	s.must("config", "set", "-p", "/cache/garbage-collector", `{"threshold": 0, "interval": "1ms", "release": 100, "rw-deletes": 1}`)
	for i := range 12 {
		for j := range 10 {
			if r := s.resolve(fmt.Sprintf("no%d-%d.example.se.", i, j)); r.Rcode != miekg.RcodeNameError {
				t.Fatalf("after %d deaths: %v", i, r)
			}
		}
		for _, pid := range s.role("cache-gc") {
			s.kill(pid)
		}
	}
	before := s.series(deleted)
	s.eventually("the next one deletes", func() bool {
		s.resolve("www.example.se.")
		return s.series(deleted) > before
	})
	if faults := s.series(`resolver_cache_faults_total{instance_id="kresd:kresd0"}`); faults != 0 {
		t.Errorf("%v faults", faults)
	}
}
