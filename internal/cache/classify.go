package cache

import (
	"math/bits"
	"time"

	"knot-resolver/internal/dns"
)

// Categories of entries that no longer live or never did.
const (
	categoryLiving  = 64 // the highest of those that live
	categoryRubbish = 99
)

// Classify says how soon the collector may delete an entry: 0 is kept longest, 99 goes first. ok is
// false for keys that are no entries and must stay. A living entry is judged by what it costs to fetch
// again, by its remaining share of life, and by how often it was used lately; one that has expired goes
// before all that live, the popular ones last, since they may still be served when servers are away.
func Classify(key, value []byte, uses uint64, now time.Time) (category uint8, ok bool) {
	if string(key) == "VERS" {
		return 0, false
	}
	kind, rank, fresh := peek(value, now)
	if kind == 0 {
		return categoryRubbish, true
	}
	category = worth(kind, rank, value, now)
	category -= min(category, popularity(uses))
	if !fresh {
		return categoryLiving + 1 + category/2, true
	}
	return category, true
}

// worth is the category of an entry that nobody has used.
func worth(kind Kind, rank Rank, value []byte, now time.Time) uint8 {
	ttl, inserted := seconds(value)
	left := max(0, int64(ttl)-max(0, now.Unix()-inserted))
	category := uint8(56 - 16*left/int64(max(1, ttl)))
	switch {
	case kind == Failure:
		return categoryLiving
	case kind == delegation:
		return category / 2 // every name below it would have to be walked to again
	case rank != Secure:
		return category + 8 // costs no signature check to fetch again
	}
	return category
}

// popularity is four times the binary logarithm of the uses, with two bits behind the point: 0 for
// none, 4 for one, 56 for some ten thousand.
func popularity(uses uint64) uint8 {
	n := min(uses, 1<<16) + 1
	log := bits.Len64(n) - 1
	fraction := n << 2 >> log & 3
	return uint8(4*log) + uint8(fraction)
}

// TypeOf names what a key holds, for reports: a record type, or one of the other things that are kept.
func TypeOf(key []byte) string {
	for len(key) > 1 && key[0] != 0 { // the labels of the name
		end := 0
		for end < len(key) && key[end] != 0 {
			end++
		}
		key = key[min(end+1, len(key)):]
	}
	if len(key) < 2 {
		return "other"
	}
	switch tag := key[1]; {
	case tag == tagSet && len(key) == 4:
		return dns.Type(uint16(key[2])<<8 | uint16(key[3])).String()
	case tag == tagNXDomain:
		return "NXDOMAIN"
	case tag == tagDelegation:
		return "delegation"
	case tag == tagFailure:
		return "failure"
	case tag == tagNSEC:
		return "NSEC"
	case tag == tagNSEC3:
		return "NSEC3"
	case tag == tagChain:
		return "NSEC3PARAM"
	}
	return "other"
}
