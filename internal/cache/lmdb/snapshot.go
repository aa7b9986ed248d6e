//go:build cgo

package lmdb

import (
	"bytes"
	"iter"
	"sync"

	"knot-resolver/internal/cache"
	"knot-resolver/internal/limits"
)

// snapshot is a cache.Reader over a read transaction and the operations queued in this process. The
// zero transaction is begun at first use.
type snapshot struct {
	t      txn
	begun  bool
	layers [2]*batch // newest first, nil for none
	merge  cache.Merge
	err    error // the first error of the file met; after an interrupted call the transaction is not used any more

	// gaps are places in the file without entries, the oldest at next. Most keys that are asked for do not exist, and those
	// of one name lie together, so that one search answers for all of them. Only a transaction of its own (begun) has them,
	// because nothing in it changes.
	gaps [limits.StoreGaps]gap
	next int
}

// gap is a range of keys of which none exists, both bounds excluded; the zero gap holds no key.
type gap struct {
	below, above []byte
	open         bool // there is nothing above
}

func (g *gap) holds(key []byte) bool {
	return bytes.Compare(key, g.below) > 0 && (g.open || bytes.Compare(key, g.above) < 0)
}

// Get implements cache.Reader. Queued operations are consulted first, but a queued write shows only
// if it is going to win against what is stored.
func (s *snapshot) Get(key []byte) ([]byte, bool) { return s.get(key, 0) }

func (s *snapshot) get(key []byte, layer int) ([]byte, bool) {
	if layer == len(s.layers) {
		return s.stored(key)
	}
	o, queued := s.layers[layer].get(key)
	switch {
	case !queued:
		return s.get(key, layer+1)
	case o.remove:
		return nil, false
	case o.force || s.merge == nil:
		return o.value, true
	}
	if old, ok := s.get(key, layer+1); ok && !s.merge(old, o.value) {
		return old, true
	}
	return o.value, true
}

func (s *snapshot) stored(key []byte) ([]byte, bool) {
	if string(key) == versionKey || interrupted(s.err) {
		return nil, false
	}
	if !s.begun {
		v, err := s.t.get(key)
		return v, s.ok(err)
	}
	for i := range s.gaps {
		if s.gaps[i].holds(key) {
			return nil, false
		}
	}
	v, around, err := s.t.find(key)
	if err == errNotFound {
		s.gaps[s.next] = around
		s.next = (s.next + 1) % len(s.gaps)
	}
	return v, s.ok(err)
}

// Floor implements cache.Reader.
func (s *snapshot) Floor(key []byte) (k, v []byte, ok bool) {
	if interrupted(s.err) {
		return nil, nil, false
	}
	k, v, err := s.t.seek(key, true)
	return k, v, s.ok(err)
}

// Ceil implements cache.Reader.
func (s *snapshot) Ceil(key []byte) (k, v []byte, ok bool) {
	if interrupted(s.err) {
		return nil, nil, false
	}
	k, v, err := s.t.seek(key, false)
	return k, v, s.ok(err)
}

// Range implements cache.Reader.
func (s *snapshot) Range(from []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(k, v []byte) bool) {
		if !interrupted(s.err) {
			s.ok(s.t.all(from, yield))
		}
	}
}

// ok tells whether something was found, and keeps an error for the end of the View.
func (s *snapshot) ok(err error) bool {
	if err != nil && err != errNotFound && s.err == nil {
		s.err = err
	}
	return err == nil
}

// pool hands out the snapshots of an env, the one used last first.
type pool struct {
	env  *env
	mu   sync.Mutex
	free sync.Cond
	idle []*snapshot
}

func (p *pool) start(e *env) {
	p.env, p.free.L = e, &p.mu
	for range limits.StoreReaders {
		p.idle = append(p.idle, new(snapshot))
	}
}

// take returns a live snapshot. It waits while all are in use.
func (p *pool) take(v *overlay, merge cache.Merge) (*snapshot, error) {
	p.mu.Lock()
	for len(p.idle) == 0 {
		p.free.Wait()
	}
	s := p.idle[len(p.idle)-1]
	p.idle = p.idle[:len(p.idle)-1]
	p.mu.Unlock()
	if err := s.begin(p.env); err != nil {
		p.put(s)
		return nil, err
	}
	s.layers, s.merge = [2]*batch{v.open, v.committing}, merge
	return s, nil
}

func (s *snapshot) begin(e *env) error {
	if s.begun {
		return s.t.renew()
	}
	t, err := begin(e.c, e.mem, false)
	if err == errReadersFull {
		if _, err := e.dropDeadReaders(); err != nil {
			return err
		}
		t, err = begin(e.c, e.mem, false)
	}
	if err != nil {
		return err
	}
	s.t, s.begun = t, true
	return nil
}

// release ends the snapshot, which may be used by others at once, and returns the error it met.
func (p *pool) release(s *snapshot) error {
	err := s.err
	if resetErr := s.t.reset(); err == nil {
		err = resetErr
	}
	if interrupted(err) { // left alone until the file is closed
		s = new(snapshot)
	}
	s.layers, s.merge, s.err, s.gaps = [2]*batch{}, nil, nil, [limits.StoreGaps]gap{}
	p.put(s)
	return err
}

func (p *pool) put(s *snapshot) {
	p.mu.Lock()
	p.idle = append(p.idle, s)
	p.mu.Unlock()
	p.free.Signal()
}

// close ends all transactions; none may be in use.
func (p *pool) close() {
	for _, s := range p.idle {
		if s.begun {
			s.t.abort()
		}
	}
	p.idle = nil
}
