package cache

import (
	"errors"
	"iter"
)

// Store is an ordered map from bytes to bytes, safe for concurrent use by goroutines and, when it is
// backed by a file, by several processes.
//
// Writes are cheap for the caller: they are queued and committed in batches. A process reads its own
// queued writes through Get at once; the ordered searches (Floor, Ceil, Range) and other processes see
// them when the batch is committed, within milliseconds.
type Store interface {
	// View runs f on one consistent snapshot. The Reader and every slice it returned are invalid
	// after f returns and must not be modified. f must be short and must not call methods of the
	// Store, or it may wait for itself.
	//
	// A fault while reading damaged storage becomes an error matching ErrDamaged, also when it
	// happens in f itself. A caller that must not allocate keeps f in an object that it reuses.
	View(f func(Reader) error) error

	// Write queues key = value, replacing an existing value if the store's Merge agrees. Both slices
	// are copied. It never waits for storage: what does not fit is dropped and counted in Stats.
	Write(key, value []byte)

	// Delete queues the removal of key, under the conditions of Write.
	Delete(key []byte)

	// Update runs f in a synchronous read-write transaction, after everything queued before. An
	// error of f undoes all its writes and is returned. f must be short: it holds the writer lock
	// of all processes.
	Update(f func(Writer) error) error

	// Flush waits until everything queued before the call is committed.
	Flush() error

	// Clear removes all entries, queued ones included.
	Clear() error

	// Stats returns sizes and counters of this process's handle.
	Stats() StoreStats

	// Close commits what is queued and releases the storage. Later calls fail with ErrClosed.
	Close() error
}

// Reader looks keys up in one snapshot of a Store. No method allocates, except Range.
type Reader interface {
	// Get returns the value of key.
	Get(key []byte) (value []byte, ok bool)

	// Floor returns the entry with the greatest key that is not above the given one.
	Floor(key []byte) (k, v []byte, ok bool)

	// Ceil returns the entry with the smallest key that is not below the given one.
	Ceil(key []byte) (k, v []byte, ok bool)

	// Range iterates in key order over the entries whose keys are not below from (nil: all). The
	// yielded slices are valid as long as the snapshot.
	Range(from []byte) iter.Seq2[[]byte, []byte]
}

// Writer is a Reader that also sees and makes changes of its own transaction. Slices read from it are
// valid only until its next Put or Delete. A Range must not be interleaved with changes.
type Writer interface {
	Reader

	// Put stores key = value unconditionally. Errors: ErrKeySize, ErrValueSize, ErrFull.
	Put(key, value []byte) error

	// Delete removes key and tells whether it existed.
	Delete(key []byte) (bool, error)
}

// Merge decides whether the value next replaces the stored value old of the same key. It must be pure
// and quick and must not keep the slices. A nil Merge always replaces.
type Merge func(old, next []byte) bool

// Replaces applies m, where nil always replaces.
func (m Merge) Replaces(old, next []byte) bool { return m == nil || m(old, next) }

// StoreStats describes a Store. Sizes are those of the shared storage; counters count since this
// handle was opened, in this process only.
type StoreStats struct {
	Entries   uint64 // committed entries
	UsedBytes uint64 // bytes taken by them, including the store's own structure
	SizeBytes uint64 // bytes the store may use

	Commits  uint64 // write transactions
	Written  uint64 // entries stored by Write
	Deleted  uint64 // entries removed by Delete
	Kept     uint64 // writes refused by Merge
	Evicted  uint64 // entries removed to make room
	Queued   uint64 // operations waiting now
	Dropped  uint64 // operations lost because the queue was full
	Full     uint64 // writes lost because the storage was full
	Refused  uint64 // writes with a key or value outside the store's limits
	Failed   uint64 // operations lost to storage errors
	Faults   uint64 // reads or writes that met damaged storage
	Reopened uint64 // times the storage was opened again after damage, replacement or resizing

	Errors      uint64 // calls that failed
	Suspended   bool   // memory takes the place of the storage, see package steady
	Suspensions uint64 // times that began
}

// UsagePercent returns UsedBytes in percent of SizeBytes.
func (s StoreStats) UsagePercent() float64 {
	if s.SizeBytes == 0 {
		return 0
	}
	return 100 * float64(s.UsedBytes) / float64(s.SizeBytes)
}

// Errors of stores, to be tested with errors.Is.
var (
	ErrClosed    = errors.New("cache store is closed")
	ErrDamaged   = errors.New("cache store is damaged")
	ErrFull      = errors.New("cache store is full")
	ErrKeySize   = errors.New("cache store refuses keys of this size")
	ErrValueSize = errors.New("cache store refuses values of this size")
)
