//go:build cgo

package lmdb

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"

	"knot-resolver/internal/cache"
	"knot-resolver/internal/limits"
)

// commit writes what is queued, in key order so that neighbours share pages, and in transactions of
// bounded size. Only damage is an error: other losses are counted and logged.
func (s *Store) commit() error {
	b := s.queue.seal()
	defer s.queue.done()
	keys := slices.Sorted(maps.Keys(b.ops))
	for len(keys) > 0 {
		n := portion(keys, b.ops, s.fileSize())
		if err := s.commitSome(keys[:n], b.ops); err != nil {
			s.queue.count.failed.Add(uint64(n))
			if damage(err) {
				s.queue.count.failed.Add(uint64(len(keys) - n))
				return err
			}
			s.report(err)
		}
		keys = keys[n:]
	}
	return nil
}

// fileSize returns the size of the file, or 0 while it is not open.
func (s *Store) fileSize() int64 {
	if s.env == nil {
		return 0
	}
	return s.env.size
}

// portion returns how many of the keys one transaction takes in a file of the given size. Until two
// transactions later it needs a second copy of each page it touches, which a small file does not have for many.
func portion(keys []string, ops map[string]op, size int64) int {
	share := size / limits.StoreTxnShare
	maxOps := max(1, min(int(share)/os.Getpagesize(), limits.StoreTxnOps))
	maxBytes := int(min(share, limits.StoreTxnBytes))
	bytes := 0
	for i, k := range keys {
		bytes += len(k) + len(ops[k].value)
		if i == maxOps || bytes > maxBytes && i > 0 {
			return i
		}
	}
	return len(keys)
}

// tally counts what one transaction does; it is added to the counters after the commit.
type tally struct{ written, deleted, kept, full uint64 }

// commitSome commits the operations of the given keys. If they do not fit, only the removals.
func (s *Store) commitSome(keys []string, ops map[string]op) error {
	var n tally
	err := s.transact(func(t txn) (err error) {
		n, err = s.apply(t, keys, ops, s.reserved(t))
		return err
	})
	if errors.Is(err, cache.ErrFull) {
		err = s.transact(func(t txn) (err error) {
			n, err = s.apply(t, keys, ops, true)
			return err
		})
	}
	if err != nil {
		return err
	}
	c := &s.queue.count
	c.written.Add(n.written)
	c.deleted.Add(n.deleted)
	c.kept.Add(n.kept)
	c.full.Add(n.full)
	return nil
}

// reserved tells whether all but the reserve for removals is in use.
func (s *Store) reserved(t txn) bool {
	_, used, err := t.stat()
	return err == nil && int64(used) > s.env.size-reserve(s.env.size)
}

func reserve(size int64) int64 {
	return min(max(size/limits.StoreReserveShare, limits.StoreSizeMin/4), limits.StoreReserveMax)
}

func (s *Store) apply(t txn, keys []string, ops map[string]op, full bool) (n tally, err error) {
	for _, k := range keys {
		o := ops[k]
		switch {
		case o.remove:
			err = remove(t, []byte(k), &n)
		case full:
			n.full++
		default:
			err = s.store(t, []byte(k), o, &n)
		}
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

func remove(t txn, key []byte, n *tally) error {
	switch err := t.del(key); err {
	case nil:
		n.deleted++
		return nil
	case errNotFound:
		return nil
	default:
		return err
	}
}

func (s *Store) store(t txn, key []byte, o op, n *tally) error {
	if s.merge != nil && !o.force {
		old, err := t.get(key)
		if err != nil && err != errNotFound {
			return err
		}
		if err == nil && !s.merge(old, o.value) {
			n.kept++
			return nil
		}
		n.written++
		return t.putKnown(key, o.value)
	}
	n.written++
	return t.put(key, o.value)
}

// transact runs f in a write transaction, in the writer goroutine. The file is opened again first if
// another process has made it grow.
func (s *Store) transact(f func(txn) error) error {
	err := s.tryTransact(f)
	if errors.Is(err, errResized) {
		if err = s.reopen(identity{}, true); err == nil {
			err = s.tryTransact(f)
		}
	}
	return err
}

func (s *Store) tryTransact(f func(txn) error) error {
	if s.env == nil {
		return s.unavailable()
	}
	t, err := begin(s.env.c, s.env.mem, true)
	if err != nil {
		return fmt.Errorf("begin to write cache %s: %w", s.opener.data(), err)
	}
	if err := guardedWrite(t, f); err != nil {
		if !interrupted(err) {
			t.abort()
		}
		return err
	}
	if err := t.commit(); err != nil {
		return fmt.Errorf("commit to cache %s: %w", s.opener.data(), err)
	}
	s.queue.count.commits.Add(1)
	return nil
}

// guardedWrite calls f and turns faults in the mapped file into an error.
func guardedWrite(t txn, f func(txn) error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = t.mem.fault(r)
		}
	}()
	return f(t)
}

// clear empties the store, by replacing the file if that does not work inside of it.
func (s *Store) clear() error {
	err := s.transact(func(t txn) error {
		if err := t.drop(); err != nil {
			return err
		}
		return t.put([]byte(versionKey), []byte(s.opener.version))
	})
	if !errors.Is(err, cache.ErrFull) {
		return err
	}
	return s.reopenEmpty()
}

// reopenEmpty replaces the file by an empty one of the same size.
func (s *Store) reopenEmpty() error {
	o := s.opener
	o.size = s.env.size
	unlock, err := o.lock()
	if err != nil {
		return err
	}
	err = o.remove()
	unlock()
	if err != nil {
		return err
	}
	old := s.env
	s.setEnv(nil)
	old.close()
	e, err := o.open(identity{}, true)
	if err == nil {
		s.setEnv(e)
	}
	return err
}

// writer is the cache.Writer of an Update.
type writer struct {
	snapshot
	failed error // of a change; the transaction cannot be committed after it
}

// update runs f in t.
func update(t txn, f func(cache.Writer) error) error {
	w := &writer{snapshot: snapshot{t: t}}
	if err := f(w); err != nil {
		return err
	}
	return errors.Join(w.failed, w.err)
}

// Put implements cache.Writer.
func (w *writer) Put(key, value []byte) error {
	if len(key) == 0 || len(key) > limits.StoreKeyMax || string(key) == versionKey {
		return fmt.Errorf("key of %d bytes: %w", len(key), cache.ErrKeySize)
	}
	if len(value) > limits.StoreValueMax {
		return fmt.Errorf("value of %d bytes: %w", len(value), cache.ErrValueSize)
	}
	return w.fail(w.t.put(key, value))
}

// Delete implements cache.Writer.
func (w *writer) Delete(key []byte) (bool, error) {
	if len(key) == 0 || string(key) == versionKey {
		return false, nil
	}
	err := w.t.del(key)
	if err == errNotFound {
		return false, nil
	}
	return err == nil, w.fail(err)
}

func (w *writer) fail(err error) error {
	if err != nil {
		w.failed = err
	}
	return err
}
