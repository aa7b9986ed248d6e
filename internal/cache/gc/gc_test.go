package gc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"knot-resolver/internal/cache"
	"knot-resolver/internal/cache/mem"
)

// classify takes the category from the first byte of the value; 'V' keys are metadata.
func classify(key, value []byte, _ uint64, _ time.Time) (uint8, bool) {
	if key[0] == 'V' {
		return 0, false
	}
	return value[0], true
}

// spy is a store that stays open, counts transactions and lets a test interfere.
type spy struct {
	cache.Store
	views, updates int
	size           uint64
	update         func(n int) error
}

func (s *spy) View(f func(cache.Reader) error) error { s.views++; return s.Store.View(f) }

func (s *spy) Update(f func(cache.Writer) error) error {
	s.updates++
	if s.update != nil {
		if err := s.update(s.updates); err != nil {
			return err
		}
	}
	return s.Store.Update(f)
}

func (s *spy) Stats() cache.StoreStats {
	st := s.Store.Stats()
	if s.size != 0 {
		st.SizeBytes = s.size
	}
	return st
}

func (s *spy) Close() error { return nil }

// filled returns a store with n records of 100 bytes, overhead included, in each of the categories.
func filled(n int, categories ...uint8) *spy {
	s := mem.New(mem.Options{Size: 64 << 20})
	for i := range n {
		for _, c := range categories {
			s.Write(fmt.Appendf(nil, "%05d-%03d", i, c), bytes.Repeat([]byte{c}, 100-9-recordOverhead))
		}
	}
	s.Write([]byte("VERS"), []byte{99})
	return &spy{Store: s}
}

// once runs the collector once on s and returns its result and output.
func once(t *testing.T, s *spy, opts Options) (r Result, out string) {
	t.Helper()
	var b strings.Builder
	opts.Open = func() (cache.Store, error) { return s, nil }
	opts.Classify, opts.Out, opts.Observe = classify, &b, func(got Result) { r = got }
	if err := Run(t.Context(), opts); err != nil {
		t.Fatal(err)
	}
	return r, b.String()
}

func left(t *testing.T, s *spy) (categories map[uint8]int) {
	t.Helper()
	categories = map[uint8]int{}
	if err := s.Store.View(func(r cache.Reader) error {
		for k, v := range r.Range(nil) {
			if k[0] != 'V' {
				categories[v[0]]++
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return categories
}

func TestCollect(t *testing.T) {
	for _, c := range []struct {
		name                 string
		release              float64
		minLeft99, maxLeft99 int
		minLeft50, maxLeft50 int
	}{
		{"part of the last category", 10, 550, 850, 1000, 1000},
		{"last category and part of the next", 50, 0, 0, 350, 650},
	} {
		s := filled(1000, 99, 50, 0)
		r, out := once(t, s, Options{Release: c.release, Reads: 200, Deletes: 100})
		got := left(t, s)
		if got[99] < c.minLeft99 || got[99] > c.maxLeft99 || got[50] < c.minLeft50 || got[50] > c.maxLeft50 || got[0] != 1000 {
			t.Errorf("%s: left %v\n%s", c.name, got, out)
		}
		if records, size := r.Histogram.Total(); records != 3000 || size != 300_000 {
			t.Errorf("%s: analysed %d records, %d bytes", c.name, records, size)
		}
		if n := uint64(3000 - got[99] - got[50] - got[0]); r.Deleted != n || r.Chosen != n {
			t.Errorf("%s: deleted %d, result %+v", c.name, n, r)
		}
	}
}

func TestThreshold(t *testing.T) {
	s := filled(1000, 99)
	used := s.Stats().UsedBytes
	for _, c := range []struct {
		name      string
		percent   uint64 // usage
		opts      Options
		lines     int
		collected bool
	}{
		{"below", 70, Options{}, 0, false},
		{"below, verbose", 70, Options{Verbose: true}, 1, false},
		{"below, dry run", 70, Options{DryRun: true}, 2, false},
		{"above, dry run", 81, Options{DryRun: true}, 2, true},
		{"above", 81, Options{}, 5, true},
	} {
		s.size = used * 100 / c.percent
		c.opts.Threshold, c.opts.Release = 80, 10
		r, out := once(t, s, c.opts)
		if r.Collected != c.collected || strings.Count(out, "\n") != c.lines {
			t.Errorf("%s: %v\n%s", c.name, r.Collected, out)
		}
		if n := left(t, s)[99]; (n != 1000) != (c.name == "above") {
			t.Errorf("%s: %d records left", c.name, n)
		}
	}
}

func TestTransactions(t *testing.T) {
	for _, c := range []struct {
		name           string
		opts           Options
		views, updates int
	}{
		{"unlimited", Options{}, 2, 1},
		// 1000 records and VERS: the last transaction of each pass finds fewer than it may read.
		{"reads", Options{Reads: 200}, 2 * 6, 5},
		{"deletes", Options{Deletes: 100}, 2, 10},
		{"both", Options{Reads: 250, Deletes: 100}, 2 * 5, 4 * 3},
		{"memory", Options{TempKeys: 10 * (9 + keyOverhead)}, 1 + 101, 100},
		{"duration", Options{Duration: 1, Deletes: 100}, 2, 1000},
	} {
		s := filled(1000, 99)
		c.opts.Release = 100
		r, out := once(t, s, c.opts)
		if n := left(t, s)[99]; n != 0 {
			t.Errorf("%s: %d records left\n%s", c.name, n, out)
		}
		if s.views != c.views || s.updates != c.updates || r.Transactions != uint64(c.updates) {
			t.Errorf("%s: %d read and %d write transactions, want %d and %d", c.name, s.views, s.updates, c.views, c.updates)
		}
	}
}

// Records that other processes delete or refresh between reading and deleting.
func TestChangedMeanwhile(t *testing.T) {
	s := filled(100, 99)
	s.update = func(int) error {
		s.Store.Delete([]byte("00001-099"))
		s.Store.Write([]byte("00002-099"), []byte{0})
		return nil
	}
	opts := Options{Release: 99.9999, Type: func([]byte) string { return "A" }}
	r, out := once(t, s, opts)
	if r.Gone != 1 || r.Refreshed != 1 || r.Deleted < 90 || r.Types["A"] != r.Deleted {
		t.Errorf("%+v", r)
	}
	if left(t, s)[0] != 1 || !strings.Contains(out, "(1 already gone, 1 refreshed) types A\n") {
		t.Errorf("left %v\n%s", left(t, s), out)
	}
}

func TestFailedTransaction(t *testing.T) {
	s := filled(1000, 99)
	s.update = func(n int) error {
		if n == 3 {
			return errors.New("oops")
		}
		return nil
	}
	r, out := once(t, s, Options{Release: 100, Deletes: 100})
	if n := left(t, s)[99]; n != 100 || r.Failed != 100 || r.Deleted != 900 || r.Transactions != 9 {
		t.Errorf("%d left, %+v", n, r)
	}
	if !strings.Contains(out, "warning: 100 records not deleted: oops\n") || !strings.Contains(out, "9 transactions (oops)") {
		t.Error(out)
	}
}

func TestRunErrors(t *testing.T) {
	missing := fmt.Errorf("stat: %w", fs.ErrNotExist)
	damaged := fmt.Errorf("read: %w", cache.ErrDamaged)
	full := fmt.Errorf("put: %w", cache.ErrFull)
	other := errors.New("other")
	for _, c := range []struct {
		name   string
		opens  []error // of each run; those after the last succeed
		writes []error
		want   error
	}{
		{"missing for some time", []error{missing, missing, missing}, nil, nil},
		{"damaged", []error{damaged}, nil, nil},
		{"other", []error{nil, other}, nil, other},
		{"full once", nil, []error{full}, nil},
		{"full twice", nil, []error{full, full}, nil},
		{"full with a pause", nil, []error{full, nil, full}, nil},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			runs, opens := 0, 0
			s := filled(10_000, 99)
			s.update = func(n int) error { return nth(c.writes, n-1) }
			err := Run(ctx, Options{
				Open: func() (cache.Store, error) {
					opens++
					if err := nth(c.opens, opens-1); err != nil {
						return nil, err
					}
					return s, nil
				},
				Classify: classify,
				Interval: time.Second,
				Release:  1,
				Observe:  func(Result) { runs++ },
			})
			if !errors.Is(err, c.want) || c.want == nil && err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			if c.want == nil && runs < 50 {
				t.Errorf("%s: only %d runs", c.name, runs)
			}
		})
	}
}

func nth(errs []error, i int) error {
	if i < len(errs) {
		return errs[i]
	}
	return nil
}

func TestStop(t *testing.T) {
	s := filled(1000, 99)
	ctx, cancel := context.WithCancel(t.Context())
	s.update = func(n int) error {
		if n == 3 {
			cancel()
		}
		return nil
	}
	err := Run(ctx, Options{
		Open:     func() (cache.Store, error) { return s, nil },
		Classify: classify,
		Release:  100,
		Deletes:  10,
		Delay:    time.Microsecond,
		Interval: time.Hour,
	})
	if n := left(t, s)[99]; err != nil || n != 1000-30 {
		t.Errorf("%v, %d left", err, n)
	}
}
