//go:build cgo

package lmdb

import (
	"bytes"
	"sync"
	"sync/atomic"

	"knot-resolver/internal/cache"
	"knot-resolver/internal/limits"
)

// op is the newest operation queued for a key.
type op struct {
	value  []byte
	remove bool
	force  bool // the write follows a removal: nothing stored can win against it
}

// batch is a set of operations that are committed together. Once it is sealed it does not change.
type batch struct {
	mu     sync.RWMutex
	ops    map[string]op
	bytes  int
	sealed bool
}

// get returns the operation queued for key; b may be nil.
func (b *batch) get(key []byte) (op, bool) {
	if b == nil {
		return op{}, false
	}
	b.mu.RLock()
	o, ok := b.ops[string(key)]
	b.mu.RUnlock()
	return o, ok
}

// overlay is what a process has queued: operations still collected, and those being committed.
type overlay struct{ open, committing *batch }

// get returns the newest operation queued for key.
func (v *overlay) get(key []byte) (op, bool) {
	if o, ok := v.open.get(key); ok {
		return o, true
	}
	return v.committing.get(key)
}

// queue collects operations, one per key, until the writer takes them.
type queue struct {
	merge   cache.Merge
	overlay atomic.Pointer[overlay]
	wake    chan struct{} // tells that the open batch is no longer empty
	count   counters
}

// counters are the part of cache.StoreStats that is counted here.
type counters struct {
	commits, written, deleted, kept, dropped, full, refused, failed, faults, reopened atomic.Uint64
}

func newQueue(merge cache.Merge) *queue {
	q := &queue{merge: merge, wake: make(chan struct{}, 1)}
	q.overlay.Store(&overlay{open: &batch{ops: map[string]op{}}})
	return q
}

// add queues o for key.
func (q *queue) add(key []byte, o op) {
	if len(key) == 0 || len(key) > limits.StoreKeyMax || len(o.value) > limits.StoreValueMax || string(key) == versionKey {
		q.count.refused.Add(1)
		return
	}
	for !q.tryAdd(q.overlay.Load().open, key, o) {
	}
}

// tryAdd returns false if b was sealed meanwhile.
func (q *queue) tryAdd(b *batch, key []byte, o op) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.sealed {
		return false
	}
	size := len(key) + len(o.value)
	if len(b.ops) >= limits.StoreQueueOps || b.bytes+size > limits.StoreQueueBytes {
		q.count.dropped.Add(1)
		return true
	}
	if old, ok := b.ops[string(key)]; ok && !o.remove {
		if !old.remove && !q.merge.Replaces(old.value, o.value) {
			q.count.kept.Add(1)
			return true
		}
		o.force = old.remove || old.force
	}
	o.value = bytes.Clone(o.value)
	b.ops[string(key)] = o
	b.bytes += size
	if len(b.ops) == 1 {
		select {
		case q.wake <- struct{}{}:
		default:
		}
	}
	return true
}

// seal returns the operations queued so far. They stay visible to readers until done is called, which
// must be before the next seal.
func (q *queue) seal() *batch {
	b := q.overlay.Load().open
	q.overlay.Store(&overlay{open: &batch{ops: map[string]op{}}, committing: b})
	b.mu.Lock()
	b.sealed = true
	b.mu.Unlock()
	return b
}

// done takes the sealed batch out of the readers' sight: it is in the file, or lost.
func (q *queue) done() { q.overlay.Store(&overlay{open: q.overlay.Load().open}) }

func (q *queue) len() int {
	v := q.overlay.Load()
	n := 0
	for _, b := range []*batch{v.open, v.committing} {
		if b != nil {
			b.mu.RLock()
			n += len(b.ops)
			b.mu.RUnlock()
		}
	}
	return n
}
