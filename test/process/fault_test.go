package process

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

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
	time.Sleep(100 * time.Millisecond) // until that is written
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
