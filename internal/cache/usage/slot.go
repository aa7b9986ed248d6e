package usage

import (
	"time"

	"github.com/cespare/xxhash/v2"

	"knot-resolver/internal/limits"
)

/*
A slot is one number: from the top 16 bits of tag, 24 bits with the minute of the last change
since 1970, and 24 bits of load. 0 is a free slot.
*/
type slot uint64

const (
	unit    = 256 // load of one use: halving loses nothing of the first eight times
	loadMax = 1<<24 - 1
	minutes = 1<<24 - 1
)

// key is where and as what an entry counts.
type key uint64

// keyOf hashes the key of a cache entry, the same in every process.
func keyOf(entry []byte) key { return key(xxhash.Sum64(entry)) }

func (k key) tag() uint64           { return uint64(k) >> 48 }
func (k key) index(slots int) int   { return int(uint64(k)>>1) & (slots - 1) } // slots is a power of two
func minuteOf(now time.Time) uint64 { return uint64(now.Unix()/60) & minutes }

func makeSlot(tag, minute, load uint64) slot { return slot(tag<<48 | minute<<24 | load) }

func (s slot) tag() uint64 { return uint64(s) >> 48 }

// load is what is left of the load at a minute. A clock that went back does not age.
func (s slot) load(minute uint64) uint64 {
	const half = uint64(limits.UsageHalfLife / time.Minute)
	age := (minute - uint64(s)>>24) & minutes
	if age > minutes/2 {
		age = 0
	}
	load := uint64(s) & loadMax
	load >>= min(age/half, 63)
	return load - load*(age%half)/(2*half) // straight between two halvings
}

// touch adds uses of k.
func (s slot) touch(k key, uses, minute uint64) slot {
	load, add := s.load(minute), uses*unit
	switch {
	case s.tag() == k.tag():
		return makeSlot(k.tag(), minute, min(load+add, loadMax))
	case load > add:
		return makeSlot(s.tag(), minute, load-add)
	}
	return makeSlot(k.tag(), minute, min(add-load, loadMax))
}

// uses returns how often k was used lately.
func (s slot) uses(k key, minute uint64) uint64 {
	if s.tag() != k.tag() {
		return 0
	}
	return (s.load(minute) + unit/2) / unit
}
