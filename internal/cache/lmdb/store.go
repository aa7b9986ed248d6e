//go:build cgo

package lmdb

import (
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"knot-resolver/internal/cache"
)

// Store is a cache.Store in an LMDB file.
type Store struct {
	opener opener
	merge  cache.Merge
	log    *slog.Logger
	queue  *queue
	jobs   chan job
	sick   chan symptom  // what readers met
	done   chan struct{} // closed when the writer has ended

	mu     sync.RWMutex // held for reading during a View, for writing when env changes
	env    *env         // changed only by the writer; nil while the file cannot be opened
	closed bool

	reported string    // what report logged last
	silent   time.Time // until when it does not log that again
}

var _ cache.Store = (*Store)(nil)

// job is something the writer does for a caller, with all that was queued before committed.
type job struct {
	run    func() error
	result chan error
	last   bool
}

// symptom is a reason to open the file again: it is damaged, or another process made it grow.
type symptom struct {
	env     *env
	damaged bool
}

// Open opens the store in opts.Dir. Errors: fs.ErrNotExist if the directory is missing, or the file
// when no size is given; ErrVersion; syscall.ENOSPC if the file cannot be allocated; others of the system;
// ErrUnavailable in a program built without cgo.
func Open(opts Options) (cache.Store, error) {
	s, err := newStore(opts)
	if err != nil {
		return nil, err
	}
	return s, nil
}

func newStore(opts Options) (*Store, error) {
	if opts.Version == "" {
		return nil, fmt.Errorf("open cache %s: %w", opts.Dir, ErrVersion)
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	s := &Store{
		opener: opener{files{opts.Dir}, mapSize(opts.Size), opts.Version, opts.Log},
		merge:  opts.Merge,
		log:    opts.Log,
		queue:  newQueue(opts.Merge),
		jobs:   make(chan job),
		sick:   make(chan symptom, 1),
		done:   make(chan struct{}),
	}
	opened := make(chan error)
	go s.write(func() error {
		err := s.reopen(identity{}, false)
		opened <- err
		return err
	})
	if err := <-opened; err != nil {
		return nil, fmt.Errorf("open cache: %w", err)
	}
	return s, nil
}

// View implements cache.Store. Queued writes of the same process may appear while it lasts.
func (s *Store) View(f func(cache.Reader) error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	e := s.env
	if e == nil {
		return s.unavailable()
	}
	// Queued operations first: what leaves the queue after this is in the transaction begun next.
	snap, err := e.pool.take(s.queue.overlay.Load(), s.merge)
	if err != nil {
		return s.fault(e, err)
	}
	err = guarded(e.mem, snap, f)
	if fileErr := e.pool.release(snap); fileErr != nil {
		return s.fault(e, fileErr)
	}
	return err
}

// guarded calls f and turns faults in the mapped file into an error of the snapshot.
func guarded(mem region, snap *snapshot, f func(cache.Reader) error) error {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			snap.err = mem.fault(r)
		}
	}()
	return f(snap)
}

// fault returns the error for a recovered panic. A panic that is not a fault of the file goes on.
func (r region) fault(panicked any) error {
	at, ok := panicked.(interface {
		runtime.Error
		Addr() uintptr
	})
	if !ok || !r.contains(at.Addr()) {
		panic(panicked)
	}
	return errFault
}

// fault counts an error of the file, tells the writer when it has to act, and describes the error.
func (s *Store) fault(e *env, err error) error {
	if damage(err) {
		s.queue.count.faults.Add(1)
	}
	if damage(err) || err == errResized {
		select {
		case s.sick <- symptom{e, damage(err)}:
		default:
		}
	}
	return fmt.Errorf("read cache %s: %w", s.opener.data(), err)
}

func (s *Store) unavailable() error {
	if s.closed {
		return cache.ErrClosed
	}
	return fmt.Errorf("cache %s is not open: %w", s.opener.data(), cache.ErrDamaged)
}

// Write implements cache.Store.
func (s *Store) Write(key, value []byte) { s.queue.add(key, op{value: value}) }

// Delete implements cache.Store.
func (s *Store) Delete(key []byte) { s.queue.add(key, op{remove: true}) }

// Update implements cache.Store. f runs in the goroutine of the writer.
func (s *Store) Update(f func(cache.Writer) error) error {
	return s.do(func() error { return s.transact(func(t txn) error { return update(t, f) }) }, false)
}

// Flush implements cache.Store. What was dropped or failed is counted in Stats and not an error here.
func (s *Store) Flush() error { return s.do(func() error { return nil }, false) }

// Clear implements cache.Store.
func (s *Store) Clear() error { return s.do(s.clear, false) }

// Close implements cache.Store.
func (s *Store) Close() error { return s.do(func() error { return nil }, true) }

func (s *Store) do(run func() error, last bool) error {
	j := job{run: run, last: last, result: make(chan error, 1)}
	select {
	case s.jobs <- j:
		return <-j.result
	case <-s.done:
		return cache.ErrClosed
	}
}

// Stats implements cache.Store.
func (s *Store) Stats() cache.StoreStats {
	c := &s.queue.count
	st := cache.StoreStats{
		Commits: c.commits.Load(), Written: c.written.Load(), Deleted: c.deleted.Load(), Kept: c.kept.Load(),
		Queued: uint64(s.queue.len()), Dropped: c.dropped.Load(), Full: c.full.Load(), Refused: c.refused.Load(),
		Failed: c.failed.Load(), Faults: c.faults.Load(), Reopened: c.reopened.Load(),
	}
	_ = s.View(func(r cache.Reader) error { // sizes stay 0 when the file cannot be read
		entries, used, err := r.(*snapshot).t.stat()
		if err != nil {
			return err
		}
		st.Entries, st.UsedBytes, st.SizeBytes = max(entries, 1)-1, used, uint64(s.env.size) // without the version
		return nil
	})
	return st
}
