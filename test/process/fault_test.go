package process

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/limits"
)

// cacheState returns how many workers do without the disk, and how often that has begun.
func (s *system) cacheState() (suspended, suspensions int) {
	s.t.Helper()
	var all map[string]struct{ Cache map[string]int }
	if err := json.Unmarshal([]byte(s.must("metrics")), &all); err != nil {
		s.t.Fatal(err)
	}
	for _, m := range all {
		suspended, suspensions = suspended+m.Cache["suspended"], suspensions+m.Cache["suspensions"]
	}
	return suspended, suspensions
}

// heldByDisk is how many of the generator's questions may wait for the disk itself: those that two readers and their first
// stand-ins have taken, and connections in the third of a second until the disk is set aside.
const heldByDisk = 4*limits.UDPBatch + tcpRate/3

// FT-18: the disk of the cache stalls for 10 s. Who asks notices nothing, but for the few whose queries were being looked
// up; the workers are not replaced, and use the disk again afterwards.
func TestFT18DiskStalls(t *testing.T) {
	t.Parallel()
	_, o := internet(t)
	o.workers = 2
	s := prepare(t, o)
	disk := s.blockDisk("cache", "200m")
	s.launch("")
	s.waitLog("everything started")
	before := s.workers()
	load := s.generate(2*time.Second, mixed)
	time.Sleep(time.Second)
	resume := disk.stall()
	s.eventually("all workers do without the disk", func() bool { n, _ := s.cacheState(); return n == 2 })
	time.Sleep(10 * time.Second)
	if n, _ := s.cacheState(); n != 2 {
		t.Errorf("%d workers do without a disk that stalls", n)
	}
	resume()
	s.eventually("the disk is used again", func() bool { n, _ := s.cacheState(); return n == 0 })
	results := load.stop()
	noneLost(t, "disk stalls", results, heldByDisk)
	for network, r := range results {
		if r.percentile(99) > time.Second {
			t.Errorf("%s: 99%% answered within %v", network, r.percentile(99))
		}
	}
	if now := s.workers(); !slices.Equal(now, before) {
		t.Errorf("workers %v, then %v", before, now)
	}
}

// FT-18: the disk of the cache can be neither read nor written. Service goes on in memory, also that of a worker that
// starts, and a new disk is taken into use.
func TestFT18DiskFails(t *testing.T) {
	t.Parallel()
	_, o := internet(t)
	o.workers = 1
	s := prepare(t, o)
	disk := s.blockDisk("cache", "200m")
	s.launch("")
	s.waitLog("everything started")
	s.must("config", "set", "-p", "/cache/garbage-collector", `{"enable": false}`) // pages that two have mapped are not evicted
	before := s.workers()
	for _, name := range []string{"www.example.se.", "www.rsa.se.", "no.example.se.", mixed(0)} {
		s.resolve(name)
	}
	s.written()
	disk.fail()
	disk.evict(before[0], "data.mdb")
	load := s.generate(2*time.Second, mixed)
	s.eventually("the worker does without the disk", func() bool { n, _ := s.cacheState(); return n == 1 })
	s.must("config", "set", "-p", "/local-data", `{"addresses": {"a.example": "192.0.2.1"}}`)
	if now := s.workers(); !slices.Equal(now, before) {
		t.Errorf("workers %v, then %v", before, now)
	}
	results := load.stop()
	noneLost(t, "disk fails", results, 0)

	s.kill(before[0])
	s.eventually("a new worker that does without the disk", func() bool {
		n, _ := s.cacheState()
		return n == 1 && !slices.Equal(s.workers(), before)
	})
	s.serves(port)
	disk.unmount()
	disk.mount()
	s.eventually("the new disk is used", func() bool { n, _ := s.cacheState(); return n == 0 })
	if !inUse(t, s.workers(), s.path("cache/data.mdb")) {
		t.Error("nobody uses the new disk")
	}
}

// FT-19: the disks of the cache, the configuration and a trust anchor turn read-only while the system runs. Queries are answered,
// also by processes that start; what cannot be written is told. When the run directory does, too, a change that needs it is
// refused.
func TestFT19ReadOnlyWhileRunning(t *testing.T) {
	t.Parallel()
	world, o := internet(t)
	s := prepare(t, o)
	state := s.blockDisk("state", "100m")
	cache, run := s.blockDisk("cache", "200m"), s.blockDisk("run", "50m")
	anchor := s.path("state/root.keys")
	if err := world.WriteTrustAnchor(anchor); err != nil {
		t.Fatal(err)
	}
	extra := regexp.MustCompile(`trust-anchors-files: .*`).ReplaceAllString(o.extra, "trust-anchors-files: [{file: "+anchor+"}]}")
	s.config = s.path("state/config.yaml")
	s.configure(2, port, extra)
	text, err := os.ReadFile(s.config)
	if err != nil {
		t.Fatal(err)
	}
	absolute := strings.NewReplacer("run/kres-api.sock", s.path("run/kres-api.sock"), "rundir: run", "rundir: "+s.path("run"), "storage: cache", "storage: "+s.path("cache")).Replace(string(text))
	if err := os.WriteFile(s.config, []byte(absolute), 0o600); err != nil {
		t.Fatal(err)
	}
	s.launch("")
	s.waitLog("everything started")
	s.resolve("www.example.se.")
	before := s.workers()
	load := s.generate(5*time.Second, mixed)
	state.readOnly()
	cache.readOnly()
	time.Sleep(time.Second)
	s.must("reload")
	for _, name := range []string{"www.example.se.", "www.rsa.se.", "no.example.se."} {
		if m := s.resolve(name); m.Rcode == miekg.RcodeServerFailure {
			t.Errorf("%s: %v", name, m)
		}
	}
	if now := s.workers(); !slices.Equal(now, before) {
		t.Errorf("workers %v, then %v", before, now)
	}
	noneLost(t, "read-only cache and configuration", load.stop(), 0)

	for _, role := range []string{"kresd", "cache-gc", "manager"} {
		s.killOne(role)
		s.eventually("all is well", func() bool {
			out, _, status := s.ctl("pids")
			return status == 0 && strings.Count(out, "\n") == 3
		})
	}
	s.eventually("the new worker does without the disk", func() bool { n, _ := s.cacheState(); return n == 1 })
	s.must("config", "set", "-p", "/local-data", `{"addresses": {"a.example": "192.0.2.2"}}`)
	if text := s.must("metrics", "--prometheus"); !regexp.MustCompile(`resolver_trust_unsaved\{.*\} 1`).MatchString(text) || !strings.Contains(text, "resolver_state_unsaved 0") {
		t.Error("metrics do not tell what is not saved")
	}

	s.must("reload")
	before = s.workers()
	load = s.generate(5*time.Second, mixed)
	run.readOnly()
	if _, errs, status := s.ctl("config", "set", "-p", "/local-data", `{"addresses": {"a.example": "192.0.2.1"}}`); status != 1 || !strings.Contains(errs, "read-only file system") {
		t.Errorf("a change that cannot be written: status %d: %s", status, errs)
	}
	if _, errs, status := s.ctl("reload"); status != 0 {
		t.Errorf("reload of nothing: status %d: %s", status, errs)
	}
	s.eventually("a metric tells that state is not saved", func() bool {
		return strings.Contains(s.must("metrics", "--prometheus"), "resolver_state_unsaved 1")
	})
	time.Sleep(time.Second)
	if now := s.workers(); !slices.Equal(now, before) {
		t.Errorf("workers %v, then %v", before, now)
	}
	noneLost(t, "read-only run directory", load.stop(), 0)
}

// FT-19: the cache and the configuration are on a file system that can only be read when the system starts.
func TestFT19ReadOnlyAtStart(t *testing.T) {
	t.Parallel()
	_, o := internet(t)
	s := prepare(t, o)
	cache := s.disk("cache", "200m")
	if err := syscall.Mount("", cache, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	s.launch("")
	s.waitLog("everything started")
	if n, _ := s.cacheState(); n != 2 {
		t.Errorf("%d workers do without the disk", n)
	}
	load := s.generate(5*time.Second, mixed)
	if m := s.resolve("www.rsa.se."); m.Rcode == miekg.RcodeServerFailure {
		t.Errorf("%v", m)
	}
	if err := syscall.Mount("", cache, "", syscall.MS_REMOUNT, ""); err != nil {
		t.Fatal(err)
	}
	s.eventually("the disk is used", func() bool { n, _ := s.cacheState(); return n == 0 })
	noneLost(t, "disk that becomes writable", load.stop(), 0)
}
