// Package mem is the cache store in the memory of one process: ordered, bounded in bytes, evicting
// what was not used recently.
//
// Eviction is the clock algorithm with the key order as its circle: a hand moves over the entries,
// spares those read since it last passed, and removes the others. It needs one bit per entry and no
// list that every read would have to reorder under a lock. New entries start unmarked, so a flood of
// names asked once pushes out itself and not what is in use.
package mem

import (
	"bytes"
	"fmt"
	"iter"
	"sync"

	"knot-resolver/internal/cache"
	"knot-resolver/internal/limits"
)

// Options configure a Store.
type Options struct {
	Size  int64       // bound of all entries in bytes, their bookkeeping included
	Merge cache.Merge // decides whether a Write replaces a stored value
}

// Store is a cache.Store in memory. Its writes are immediate; Flush does nothing.
type Store struct {
	opts Options

	mu     sync.RWMutex // held for reading during a View: that is its snapshot
	index  index
	used   int64
	hand   []byte // key at which the next sweep starts
	stats  cache.StoreStats
	closed bool
}

var _ cache.Store = (*Store)(nil)

// New returns an empty store.
func New(opts Options) *Store { return &Store{opts: opts} }

// View implements cache.Store. Writers wait until f returns.
func (s *Store) View(f func(cache.Reader) error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return cache.ErrClosed
	}
	return f(reader{s})
}

// Write implements cache.Store.
func (s *Store) Write(key, value []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || checkSize(key, value) != nil {
		s.stats.Refused++
		return
	}
	if old := s.index.get(key); old != nil && !s.opts.Merge.Replaces(old.value, value) {
		s.stats.Kept++
		return
	}
	if _, err := s.put(key, value); err != nil {
		s.stats.Full++
		return
	}
	s.stats.Commits++
	s.stats.Written++
}

// Delete implements cache.Store.
func (s *Store) Delete(key []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.remove(key) != nil {
		s.stats.Commits++
		s.stats.Deleted++
	}
}

// Update implements cache.Store. What f evicted stays evicted when it fails.
func (s *Store) Update(f func(cache.Writer) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return cache.ErrClosed
	}
	w := writer{reader: reader{s}}
	if err := f(&w); err != nil {
		w.undo()
		return err
	}
	s.stats.Commits++
	return nil
}

// Flush implements cache.Store.
func (s *Store) Flush() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return cache.ErrClosed
	}
	return nil
}

// Clear implements cache.Store.
func (s *Store) Clear() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return cache.ErrClosed
	}
	s.index, s.used, s.hand = index{}, 0, nil
	return nil
}

// Stats implements cache.Store.
func (s *Store) Stats() cache.StoreStats {
	s.mu.RLock()
	defer s.mu.RUnlock()
	st := s.stats
	st.Entries, st.UsedBytes, st.SizeBytes = uint64(s.index.count), uint64(s.used), uint64(s.opts.Size)
	return st
}

// Close implements cache.Store and frees the memory.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return cache.ErrClosed
	}
	s.closed, s.index, s.used = true, index{}, 0
	return nil
}

func checkSize(key, value []byte) error {
	if len(key) == 0 || len(key) > limits.StoreKeyMax {
		return fmt.Errorf("key of %d bytes: %w", len(key), cache.ErrKeySize)
	}
	if len(value) > limits.StoreValueMax {
		return fmt.Errorf("value of %d bytes: %w", len(value), cache.ErrValueSize)
	}
	return nil
}

// put stores copies of key and value and returns the entry replaced, if any.
func (s *Store) put(key, value []byte) (*entry, error) {
	e := &entry{key: bytes.Clone(key), value: bytes.Clone(value)}
	old := s.remove(key)
	if e.size() > s.opts.Size {
		s.restore(old)
		return nil, fmt.Errorf("entry of %d bytes: %w", e.size(), cache.ErrFull)
	}
	if old != nil { // a refreshed entry is as popular as before
		e.used.Store(old.used.Load())
	}
	s.evict(s.used + e.size() - s.opts.Size)
	s.restore(e)
	return old, nil
}

func (s *Store) restore(e *entry) {
	if e == nil {
		return
	}
	s.index.set(e)
	s.used += e.size()
}

func (s *Store) remove(key []byte) *entry {
	e := s.index.remove(key)
	if e != nil {
		s.used -= e.size()
	}
	return e
}

// evict frees at least need bytes, or everything.
func (s *Store) evict(need int64) {
	for seen := 0; need > 0 && s.index.count > 0; seen++ {
		p := s.index.ceil(s.hand)
		e := s.index.at(p)
		for ; e != nil && e.used.Load() && seen < limits.StoreSweepMax; seen++ {
			e.used.Store(false)
			p = s.index.next(p)
			e = s.index.at(p)
		}
		if e == nil { // round again
			s.hand = nil
			continue
		}
		s.hand = e.key
		s.remove(e.key)
		s.stats.Evicted++
		need -= e.size()
	}
}

// reader reads a store whose lock is held.
type reader struct{ s *Store }

func (r reader) Get(key []byte) ([]byte, bool) {
	_, v, ok := hit(r.s.index.get(key))
	return v, ok
}

func (r reader) Floor(key []byte) (k, v []byte, ok bool) { return hit(r.s.index.floor(key)) }

func (r reader) Ceil(key []byte) (k, v []byte, ok bool) {
	return hit(r.s.index.at(r.s.index.ceil(key)))
}

func (r reader) Range(from []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(k, v []byte) bool) {
		for e := range r.s.index.all(r.s.index.ceil(from)) {
			if !yield(e.key, e.value) {
				return
			}
		}
	}
}

// hit marks e as used and returns its parts.
func hit(e *entry) (k, v []byte, ok bool) {
	if e == nil {
		return nil, nil, false
	}
	if !e.used.Load() { // keep the cache line shared between readers
		e.used.Store(true)
	}
	return e.key, e.value, true
}

// writer is the transaction of one Update.
type writer struct {
	reader
	changes []change
}

// change remembers what a key held before: nil for nothing.
type change struct {
	key []byte
	old *entry
}

func (w *writer) Put(key, value []byte) error {
	if err := checkSize(key, value); err != nil {
		return err
	}
	old, err := w.s.put(key, value)
	if err != nil {
		return err
	}
	w.changes = append(w.changes, change{bytes.Clone(key), old})
	return nil
}

func (w *writer) Delete(key []byte) (bool, error) {
	old := w.s.remove(key)
	if old == nil {
		return false, nil
	}
	w.changes = append(w.changes, change{old.key, old})
	return true, nil
}

func (w *writer) undo() {
	for i := len(w.changes) - 1; i >= 0; i-- {
		w.s.remove(w.changes[i].key)
		w.s.restore(w.changes[i].old)
	}
}
