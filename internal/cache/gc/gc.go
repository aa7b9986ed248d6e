// Package gc is the collector that keeps a shared cache from filling up. It works on the store from
// outside of the resolving processes: when usage reaches a threshold it sorts all records into
// categories of usefulness, and deletes the least useful ones in short transactions.
//
// Compared with the original: the limit category is deleted in part and not completely; a record that
// was refreshed after it had been chosen stays; records are read once per pass, never twice at the
// border of two read transactions; keys beyond the memory budget are deleted earlier instead of
// never; a full file or a failed transaction ends that run and not the process; and a stop signal is
// noticed between two transactions.
//
// Usage counts pages. Deletions spread over the file leave holes in its pages rather than free ones, so
// that usage falls slowly; new records fill the holes. Under steady writes pages settle at about two
// thirds of the filling of a fresh file, and runs delete as much as is written. Estimating usage by the
// number of records instead was measured and changes nothing.
package gc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"syscall"
	"time"

	"knot-resolver/internal/cache"
)

// Options configure the collector. Zero means unlimited where a limit is described.
type Options struct {
	// Open opens the cache as it is. fs.ErrNotExist means that there is none yet.
	Open func() (cache.Store, error)

	// Classify returns the category of a record, below Categories, that was used so often. Records
	// that are not ok, like metadata, stay.
	Classify func(key, value []byte, uses uint64, now time.Time) (category uint8, ok bool)

	// Uses is called before each collection, and returns what tells how often a record was used.
	// Optional.
	Uses func() func(key []byte) uint64

	// Type names the record type of a key for the report. Optional.
	Type func(key []byte) string

	Interval  time.Duration // between runs; 0 runs once
	Threshold float64       // usage in percent that starts a collection
	Release   float64       // percentage of the bytes of all records to free
	Reads     int           // limit of records per read transaction
	Deletes   int           // limit of deletions per write transaction
	Duration  time.Duration // limit of the time of a write transaction
	Delay     time.Duration // pause between write transactions
	TempKeys  int64         // limit of the memory for keys to delete, in bytes
	DryRun    bool          // only report
	Verbose   bool          // report usage below the threshold, too

	Out     io.Writer    // receives the report, plain lines; nil discards it
	Observe func(Result) // is called after every run, for metrics; optional
}

// Result describes one run.
type Result struct {
	Usage        float64 // percent, before the run
	Collected    bool    // the threshold was reached; what follows is zero otherwise
	Histogram    Histogram
	Plan         Plan
	Chosen       uint64        // records to delete
	Deleted      uint64        // of them, deleted
	Gone         uint64        // of them, already gone
	Refreshed    uint64        // of them, kept because they changed meanwhile
	Failed       uint64        // of them, in transactions that failed
	DeletedBytes uint64        // keys and values
	Transactions uint64        // committed
	Analysis     time.Duration // time of the first pass
	Deletion     time.Duration // time of the second pass
	Types        map[string]uint64
}

// recordOverhead is what a record costs besides key and value.
const recordOverhead = 16

// Run collects until ctx is done, or once if there is no interval. A missing or damaged cache is
// reported and tried again, as is a file without room for deletions. It fails when the cache cannot be
// opened or read for another reason.
func Run(ctx context.Context, opts Options) error {
	c := newCollector(opts)
	defer c.close()
	for {
		if err := c.tolerate(c.run(ctx)); err != nil {
			return err
		}
		if c.Interval == 0 || !pause(ctx, c.Interval) {
			return nil
		}
	}
}

// pause waits for d and returns false if ctx ends first.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return ctx.Err() == nil
	}
}

type collector struct {
	Options
	hash  func(key []byte) uint64
	uses  func(key []byte) uint64
	store cache.Store // nil while closed
	told  string      // what was last said about a disk that fails
}

func newCollector(opts Options) *collector {
	if opts.Out == nil {
		opts.Out = io.Discard
	}
	if opts.Uses == nil {
		opts.Uses = func() func([]byte) uint64 { return func([]byte) uint64 { return 0 } }
	}
	return &collector{Options: opts, hash: hasher()}
}

// classify is Classify with the uses known to this collection.
func (c *collector) classify(key, value []byte, now time.Time) (category uint8, ok bool) {
	return c.Classify(key, value, c.uses(key), now)
}

// tolerate reports errors that the next run may not have and returns the others.
func (c *collector) tolerate(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		c.printf("no cache yet: %v", err)
	case errors.Is(err, cache.ErrDamaged):
		c.printf("cache is damaged, trying again: %v", err)
	case errors.Is(err, cache.ErrFull):
		c.printf("no space for deletions, trying again: %v", err)
	case errors.Is(err, syscall.EIO), errors.Is(err, syscall.EROFS):
		if text := err.Error(); text != c.told { // every second otherwise
			c.told = text
			c.printf("the disk of the cache fails, trying again: %v", err)
		}
	default:
		return err
	}
	c.close()
	return nil
}

func (c *collector) close() {
	if c.store != nil {
		c.store.Close()
		c.store = nil
	}
}

// run is one run over the cache, which stays open if there was nothing to do.
func (c *collector) run(ctx context.Context) error {
	if c.store == nil {
		store, err := c.Open()
		if err != nil {
			return fmt.Errorf("open cache: %w", err)
		}
		c.store = store
	}
	stats := c.store.Stats()
	if stats.SizeBytes == 0 {
		return fmt.Errorf("read the size of the cache: %w", cache.ErrDamaged)
	}
	r := Result{Usage: stats.UsagePercent(), Collected: stats.UsagePercent() >= c.Threshold}
	if r.Collected || c.DryRun || c.Verbose {
		c.printf("Usage: %.2f%%", r.Usage)
	}
	var err error
	if r.Collected || c.DryRun {
		err = c.collect(ctx, &r)
		c.close()
	}
	if c.Observe != nil {
		c.Observe(r)
	}
	return err
}

func (c *collector) printf(format string, args ...any) { fmt.Fprintf(c.Out, format+"\n", args...) }
