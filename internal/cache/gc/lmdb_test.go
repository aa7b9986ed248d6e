//go:build cgo

package gc

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"knot-resolver/internal/cache"
	"knot-resolver/internal/cache/lmdb"
)

// openLMDB opens a file of 8 MiB. The handle of one process stands for those of a resolver and of a
// collector, because no file may be opened twice in a process; so it survives Close.
func openLMDB(t *testing.T) *spy {
	t.Helper()
	s, err := lmdb.Open(lmdb.Options{Dir: t.TempDir(), Size: 8 << 20, Version: "1"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return &spy{Store: s}
}

func writeRandom(s cache.Store, rnd *rand.Rand, n int) {
	for range n {
		value := make([]byte, rnd.IntN(1000)+1)
		value[0] = byte(rnd.IntN(Categories))
		s.Write(fmt.Appendf(nil, "%x", rnd.Uint64()), value)
	}
	s.Flush()
}

// A file that is full takes writes again after some runs: one may not free whole pages enough.
func TestOverFullLMDB(t *testing.T) {
	s := openLMDB(t)
	rnd := rand.New(rand.NewPCG(1, 1))
	for range 20 {
		writeRandom(s, rnd, 1000)
	}
	before := s.Stats()
	if before.Full == 0 {
		t.Fatalf("not full: %+v", before)
	}
	r, out := once(t, s, Options{Threshold: 80, Release: 10, Deletes: 100, Reads: 200})
	after := s.Stats()
	if freed := before.Entries - after.Entries; freed != r.Deleted || freed < before.Entries/15 || freed > before.Entries/7 {
		t.Errorf("%d of %d entries deleted\n%s", freed, before.Entries, out)
	}
	for range 5 {
		r, out = once(t, s, Options{Threshold: 80, Release: 10, Deletes: 100, Reads: 200})
	}
	writeRandom(s, rnd, 50)
	if st := s.Stats(); st.Full != before.Full {
		t.Errorf("still full: %+v\n%s", st, out)
	}
}

// Under steady writes nothing is lost and the cache does not run empty.
func TestSteadyLMDB(t *testing.T) {
	s := openLMDB(t)
	rnd := rand.New(rand.NewPCG(1, 2))
	c := newCollector(Options{
		Open:     func() (cache.Store, error) { return s, nil },
		Classify: classify, Threshold: 80, Release: 10, Deletes: 100, Reads: 200,
	})
	collections := 0
	c.Observe = func(r Result) {
		if r.Collected {
			collections++
		}
	}
	var most, least uint64
	for range 300 {
		writeRandom(s, rnd, 100)
		if err := c.run(t.Context()); err != nil {
			t.Fatal(err)
		}
		n := s.Stats().Entries
		most = max(most, n)
		if collections == 1 && least == 0 || collections > 0 && n < least {
			least = n
		}
	}
	if st := s.Stats(); st.Full != 0 {
		t.Errorf("%+v", st)
	}
	if collections < 5 || least < most/2 {
		t.Errorf("%d collections, between %d and %d records", collections, least, most)
	}
}
