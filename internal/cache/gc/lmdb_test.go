//go:build cgo

package gc

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

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

// FT-07: while no collector runs a full file keeps what it has and stays usable; once one runs again,
// once a second, usage is below the threshold within a minute.
func TestFT07CollectorDeadWhileTheCacheFills(t *testing.T) {
	s := openLMDB(t)
	rnd := rand.New(rand.NewPCG(1, 3))
	first := []byte("the first record")
	s.Write(first, []byte{0, 1, 2})
	var full uint64
	for range 30 {
		writeRandom(s, rnd, 1000)
		full = max(full, s.Stats().Entries)
	}
	st := s.Stats()
	if st.Full == 0 || st.Entries < full {
		t.Fatalf("%d entries of %d: %+v", st.Entries, full, st)
	}
	s.View(func(r cache.Reader) error {
		if _, ok := r.Get(first); !ok {
			t.Error("the first record is gone")
		}
		return nil
	})
	for runs := range 60 {
		r, _ := once(t, s, Options{Threshold: 80, Release: 10, Deletes: 100, Reads: 200})
		if !r.Collected {
			t.Logf("%.0f%% after %d runs", r.Usage, runs)
			return
		}
	}
	t.Errorf("still %.1f%% in use after 60 runs", s.Stats().UsagePercent())
}

// A cache whose records are fewer than one batch, and one without any.
func TestSmallerThanOneBatch(t *testing.T) {
	for _, n := range []int{0, 1, 7} {
		s := openLMDB(t)
		for i := range n {
			s.Write(fmt.Appendf(nil, "%d", i), []byte{99})
		}
		s.Flush()
		r, out := once(t, s, Options{Release: 100, Deletes: 100, Reads: 200})
		if s.Stats().Entries != 0 || r.Deleted != uint64(n) {
			t.Errorf("%d records: %+v\n%s", n, r, out)
		}
	}
}

// FT-15: the file is replaced while the collector has it open. The next collection works on the new one.
func TestFT15CacheSwappedUnderTheCollector(t *testing.T) {
	t.Parallel()
	dir, other := t.TempDir(), t.TempDir()
	version := lmdb.Options{Size: 8 << 20, Version: "1"}
	fill := func(dir string, records int) {
		o := version
		o.Dir = dir
		s, err := lmdb.Open(o)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		for i := range records {
			s.Write(fmt.Appendf(nil, "%05d", i), make([]byte, 900))
		}
	}
	fill(dir, 10)
	fill(other, 5000)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	collected := false
	o := version
	o.Dir, o.Size = dir, 0
	swapped := false
	err := Run(ctx, Options{
		Open: func() (cache.Store, error) { return lmdb.Open(o) }, Classify: classify,
		Interval: 20 * time.Millisecond, Threshold: 50, Release: 10,
		Observe: func(r Result) {
			if !swapped {
				swapped = true
				for _, file := range []string{"data.mdb", "lock.mdb"} {
					if err := os.Rename(filepath.Join(other, file), filepath.Join(dir, file)); err != nil {
						t.Error(err)
					}
				}
			}
			if r.Collected && r.Deleted > 0 {
				collected = true
				cancel()
			}
		},
	})
	if err != nil || !collected {
		t.Errorf("%v, collected: %v", err, collected)
	}
}

// Popular records survive a flood of names that are asked once.
func TestPopularRecordsSurvive(t *testing.T) {
	s := openLMDB(t)
	rnd := rand.New(rand.NewPCG(1, 4))
	popular := map[string]bool{}
	for i := range 200 {
		key := fmt.Sprintf("%x popular %d", rnd.Uint64(), i)
		popular[key] = true
		s.Write([]byte(key), make([]byte, 300))
	}
	opts := Options{
		Threshold: 80, Release: 10, Deletes: 100, Reads: 200,
		Uses: func() func([]byte) uint64 {
			return func(key []byte) uint64 {
				if popular[string(key)] {
					return 100
				}
				return 0
			}
		},
	}
	for range 100 {
		writeRandom(s, rnd, 500)
		opts.Open = func() (cache.Store, error) { return s, nil }
		opts.Classify = func(_, _ []byte, uses uint64, _ time.Time) (uint8, bool) { return uint8(60 - min(uses, 30)), true }
		if err := Run(t.Context(), opts); err != nil {
			t.Fatal(err)
		}
	}
	left := 0
	s.View(func(r cache.Reader) error {
		for key := range popular {
			if _, ok := r.Get([]byte(key)); ok {
				left++
			}
		}
		return nil
	})
	if st := s.Stats(); left != len(popular) || st.Full != 0 {
		t.Errorf("%d of %d are left: %+v", left, len(popular), st)
	}
}
