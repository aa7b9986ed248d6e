// Package steady is a cache store that goes on when its storage does not.
//
// A disk may fail, stall for seconds, or turn read-only while everything else works. A call that waits for limits.StoreStall
// or limits.StoreErrors failures set the storage aside: from then on a small store in memory takes its place, so that
// answers, delegations and keys are still remembered. The storage is tried in the background, and taken back when it
// works; what was learnt meanwhile goes there.
//
// Nothing here can end a call that waits in the kernel. It ends when the disk wakes up; only its caller has waited.
package steady

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"knot-resolver/internal/cache"
	"knot-resolver/internal/limits"
)

// Options of a Store.
type Options struct {
	Open   func() (cache.Store, error) // opens the storage; may take long
	Memory func() cache.Store          // makes what takes its place
	Log    *slog.Logger                // is told what happens
}

// Store is a cache.Store over storage that may fail.
type Store struct {
	opts    Options
	watch   watch
	failed  atomic.Uint64              // calls
	storage atomic.Pointer[storage]    // nil until it could be opened, and then memory is not
	memory  atomic.Pointer[substitute] // nil while the storage is used

	suspensions atomic.Uint64
	stats       atomic.Pointer[cache.StoreStats] // of the storage, when it was last asked

	tried  chan attempt
	ending chan struct{}
	ended  sync.WaitGroup
	close  sync.Once
}

var _ cache.Store = (*Store)(nil)

type storage struct{ cache.Store }

// substitute takes the place of the storage.
type substitute struct {
	cache.Store
	cleared atomic.Bool // entries were removed, which the storage still has
}

// attempt is an end of trying to use the storage.
type attempt struct {
	opened cache.Store // nil: none, or it was open
	err    error
	took   time.Duration
}

// Open opens the storage and waits for that, but not for long. A disk that fails or can only be read is no error, because
// that may end; everything else is one of whoever configured it.
func Open(opts Options) (*Store, error) {
	s := &Store{opts: opts, tried: make(chan attempt, 1), ending: make(chan struct{})}
	k := keeper{Store: s}
	k.judge.see(time.Now(), false, 0)
	go s.try()
	k.trying = true
	patience := time.NewTimer(limits.StoreOpenWait)
	defer patience.Stop()
	select {
	case a := <-s.tried:
		k.trying = false
		if a.err != nil && !passing(a.err) {
			return nil, errors.Join(a.err, closeIt(a.opened))
		}
		s.adopt(a.opened)
		if a.err != nil {
			k.suspend(time.Now(), a.err)
		}
	case <-patience.C:
		k.suspend(time.Now(), errSlow)
	}
	s.ended.Go(k.run)
	return s, nil
}

var (
	errSlow  = errors.New("the disk does not answer")
	errFails = errors.New("the disk fails again and again")
)

// passing says whether an error of opening is one that storage in order may have for a while.
func passing(err error) bool {
	for _, e := range []error{syscall.EIO, syscall.EROFS, syscall.ESTALE, syscall.ETIMEDOUT, cache.ErrDamaged} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func closeIt(s cache.Store) error {
	if s == nil {
		return nil
	}
	return s.Close()
}

func (s *Store) adopt(opened cache.Store) {
	if opened != nil {
		s.storage.Store(&storage{opened})
	}
}

// View implements cache.Store.
func (s *Store) View(f func(cache.Reader) error) error {
	if m := s.memory.Load(); m != nil {
		return m.View(f)
	}
	defer s.watch.leave(s.watch.enter())
	return s.count(s.storage.Load().View(f))
}

func (s *Store) count(err error) error {
	if err != nil && !errors.Is(err, cache.ErrClosed) {
		s.failed.Add(1)
	}
	return err
}

// Write implements cache.Store.
func (s *Store) Write(key, value []byte) { s.current().Write(key, value) }

// Delete implements cache.Store.
func (s *Store) Delete(key []byte) {
	if m := s.memory.Load(); m != nil {
		m.cleared.Store(true)
	}
	s.current().Delete(key)
}

// Update implements cache.Store. Changes that are made while the storage is set aside clear it when it comes back, because
// they may be removals.
func (s *Store) Update(f func(cache.Writer) error) error {
	if m := s.memory.Load(); m != nil {
		m.cleared.Store(true)
		return m.Update(f)
	}
	return s.storage.Load().Update(f)
}

// Flush implements cache.Store.
func (s *Store) Flush() error { return s.current().Flush() }

// Clear implements cache.Store.
func (s *Store) Clear() error {
	if m := s.memory.Load(); m != nil {
		m.cleared.Store(true)
		return m.Clear()
	}
	return s.storage.Load().Clear()
}

// current is the store in use.
func (s *Store) current() cache.Store {
	if m := s.memory.Load(); m != nil {
		return m
	}
	return s.storage.Load()
}

// Stats implements cache.Store. While the storage is set aside, or does not answer, the counters are those of when it was last
// asked, and the sizes those in memory.
func (s *Store) Stats() (st cache.StoreStats) {
	if m := s.memory.Load(); m != nil {
		st = s.last()
		now := m.Stats()
		st.Entries, st.UsedBytes, st.SizeBytes = now.Entries, now.UsedBytes, now.SizeBytes
		st.Suspended = true
	} else {
		st = s.ask()
	}
	st.Suspensions, st.Errors = s.suspensions.Load(), s.failed.Load()
	return st
}

// ask asks the storage for its numbers, but does not wait for long: health is judged by whether there are any.
func (s *Store) ask() cache.StoreStats {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer s.watch.leave(s.watch.enter())
		st := s.storage.Load().Stats()
		s.stats.Store(&st)
	}()
	select {
	case <-done:
	case <-time.After(limits.StoreStall):
	}
	return s.last()
}

func (s *Store) last() cache.StoreStats {
	if last := s.stats.Load(); last != nil {
		return *last
	}
	return cache.StoreStats{}
}

// Close implements cache.Store. Storage that does not answer is left alone.
func (s *Store) Close() error {
	err := cache.ErrClosed
	s.close.Do(func() {
		close(s.ending)
		s.ended.Wait()
		err = s.shut()
	})
	return err
}

func (s *Store) shut() error {
	on := s.storage.Load()
	if on == nil {
		return nil
	}
	done := make(chan error, 1)
	go func() { done <- on.Close() }()
	select {
	case err := <-done:
		return err
	case <-time.After(limits.StoreCloseWait):
		return fmt.Errorf("close the cache: %w", errSlow)
	}
}
