package cache

import "time"

// Classify says how soon the collector may delete an entry: 0 is kept longest, 99 goes first. ok is
// false for keys that are no entries and must stay. Usage statistics are not kept yet, so
// a living entry is judged by what it costs to fetch again and by its remaining share of life.
func Classify(key, value []byte, now time.Time) (category uint8, ok bool) {
	if string(key) == "VERS" {
		return 0, false
	}
	kind, rank, fresh := peek(value, now)
	if kind == 0 {
		return 99, true
	}
	ttl, inserted := seconds(value)
	if !fresh {
		return 97, true
	}
	left := int64(ttl) - max(0, now.Unix()-inserted)
	category = uint8(32 - 32*left/int64(max(1, ttl)))
	switch {
	case kind == Failure:
		category += 30
	case kind == delegation:
		category /= 2 // every name below it would have to be walked to again
	case rank != Secure:
		category += 8 // costs no signature check to fetch again
	}
	return category, true
}
