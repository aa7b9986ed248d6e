package gc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"knot-resolver/internal/cache"
)

// collect analyses the cache and deletes what the plan says.
func (c *collector) collect(ctx context.Context, r *Result) error {
	start := time.Now()
	c.uses = c.Uses()
	if err := c.analyse(ctx, &r.Histogram); err != nil {
		return err
	}
	r.Analysis = time.Since(start)
	r.Plan = r.Histogram.Plan(c.Release)
	records, size := r.Histogram.Total()
	c.printf("Cache analyzed in %d ms, %d records, average %d bytes, limit category is %d (%.0f%% of it)",
		r.Analysis.Milliseconds(), records, size/max(records, 1), r.Plan.Limit, 100*r.Plan.Share)
	if c.DryRun || records == 0 {
		return nil
	}
	start = time.Now()
	s := sweep{collector: c, result: r}
	err := s.run(ctx)
	r.Deletion = time.Since(start)
	s.report(err)
	return err
}

// analyse counts all records by category.
func (c *collector) analyse(ctx context.Context, h *Histogram) error {
	now := time.Now()
	return c.scan(ctx, func(k, v []byte) bool {
		if category, ok := c.classify(k, v, now); ok {
			h.Add(category, recordSize(k, v))
		}
		return true
	}, nil)
}

func recordSize(k, v []byte) uint64 { return uint64(len(k) + len(v) + recordOverhead) }

// scan visits all records in read transactions of limited length, which end early when visit returns
// false. Between two of them it calls between, if that is not nil.
func (c *collector) scan(ctx context.Context, visit func(k, v []byte) bool, between func() error) error {
	var next []byte
	for more := true; more; {
		if err := c.store.View(func(r cache.Reader) error {
			next, more = c.portion(r, next, visit)
			return nil
		}); err != nil {
			return fmt.Errorf("read the cache: %w", err)
		}
		if between != nil {
			if err := between(); err != nil {
				return err
			}
		}
		if ctx.Err() != nil {
			return nil
		}
	}
	return nil
}

// portion visits the records of one read transaction, and returns where the next one goes on.
func (c *collector) portion(r cache.Reader, from []byte, visit func(k, v []byte) bool) (next []byte, more bool) {
	n := 0
	for k, v := range r.Range(from) {
		n++
		if !visit(k, v) || n == c.Reads {
			return append(bytes.Clone(k), 0), true // the smallest key above k
		}
	}
	return nil, false
}

// sweep is the second pass: it deletes what the plan says, while it reads.
type sweep struct {
	*collector
	result *Result
	keys   [][]byte // to delete next
	memory int64    // of keys
	peak   int64
	failed error // of a transaction, none of which stops the sweep but a full file
}

func (s *sweep) run(ctx context.Context) error {
	now := time.Now()
	return s.scan(ctx, func(k, v []byte) bool {
		if s.dooms(k, v, now) {
			s.keys = append(s.keys, bytes.Clone(k))
			s.memory += int64(len(k)) + keyOverhead
			s.peak = max(s.peak, s.memory)
		}
		return s.TempKeys == 0 || s.memory < s.TempKeys
	}, func() error { return s.delete(ctx) })
}

// keyOverhead is the memory that a remembered key takes besides its bytes.
const keyOverhead = 24

func (s *sweep) dooms(k, v []byte, now time.Time) bool {
	category, ok := s.classify(k, v, now)
	return ok && s.result.Plan.Deletes(category, s.hash(k))
}

// delete deletes the remembered keys in transactions of limited size and time. Only a full file is an
// error: it will not be better for the next transaction.
func (s *sweep) delete(ctx context.Context) error {
	s.result.Chosen += uint64(len(s.keys))
	for keys := s.keys; len(keys) > 0; {
		n, err := s.transaction(keys)
		if errors.Is(err, cache.ErrFull) {
			return fmt.Errorf("delete from the cache: %w", err)
		}
		if err != nil {
			s.printf("warning: %d records not deleted: %v", n, err)
			s.failed = err
			s.result.Failed += uint64(n)
		}
		keys = keys[n:]
		if s.Delay > 0 && !pause(ctx, s.Delay) || ctx.Err() != nil {
			break
		}
	}
	s.keys, s.memory = s.keys[:0], 0
	return nil
}

// transaction deletes the first of the given keys and returns how many it dealt with.
func (s *sweep) transaction(keys [][]byte) (n int, err error) {
	if s.Deletes > 0 {
		keys = keys[:min(len(keys), s.Deletes)]
	}
	was := *s.result
	types := map[string]uint64{}
	err = s.store.Update(func(w cache.Writer) error {
		start := time.Now()
		for n = 0; n < len(keys); n++ {
			if n > 0 && s.Duration > 0 && time.Since(start) >= s.Duration {
				break
			}
			if err := s.deleteOne(w, keys[n], start, types); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		*s.result = was
		return len(keys), err
	}
	s.result.Transactions++
	s.result.addTypes(types)
	return n, nil
}

// deleteOne deletes key unless it has become more useful since it was chosen.
func (s *sweep) deleteOne(w cache.Writer, key []byte, now time.Time, types map[string]uint64) error {
	v, ok := w.Get(key)
	switch {
	case !ok:
		s.result.Gone++
		return nil
	case !s.dooms(key, v, now):
		s.result.Refreshed++
		return nil
	}
	size := uint64(len(key) + len(v))
	if _, err := w.Delete(key); err != nil {
		return err
	}
	s.result.Deleted++
	s.result.DeletedBytes += size
	if s.Type != nil {
		types[s.Type(key)]++
	}
	return nil
}

func (r *Result) addTypes(types map[string]uint64) {
	if r.Types == nil {
		r.Types = map[string]uint64{}
	}
	for t, n := range types {
		r.Types[t] += n
	}
}

// report prints what the sweep did.
func (s *sweep) report(err error) {
	r := s.result
	status := "ok"
	if err = errors.Join(err, s.failed); err != nil {
		status = strings.ReplaceAll(err.Error(), "\n", "; ")
	}
	s.printf("%d records to be deleted using %.2f MiB of temporary memory, %d records skipped", r.Chosen, float64(s.peak)/(1<<20), r.Failed)
	s.printf("Deleted %d records (%d already gone, %d refreshed) types %s",
		r.Deleted, r.Gone, r.Refreshed, strings.Join(slices.Sorted(maps.Keys(r.Types)), " "))
	s.printf("It took %d ms, %d transactions (%s)", r.Deletion.Milliseconds(), r.Transactions, status)
}
