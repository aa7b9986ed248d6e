package gc

import (
	"hash/maphash"
	"math"
)

// Categories is the number of categories that records are sorted into: 0 is kept longest, the last
// goes first.
const Categories = 100

// Histogram counts the records of a cache by category.
type Histogram struct {
	Records [Categories]uint64
	Bytes   [Categories]uint64
}

// Add counts a record of the given size. A category beyond the last one counts as the last.
func (h *Histogram) Add(category uint8, size uint64) {
	c := min(category, Categories-1)
	h.Records[c]++
	h.Bytes[c] += size
}

// Total returns the number of records and of their bytes.
func (h *Histogram) Total() (records, bytes uint64) {
	for c := range Categories {
		records += h.Records[c]
		bytes += h.Bytes[c]
	}
	return records, bytes
}

// Plan says which records go: all above the limit category, and a share of it.
type Plan struct {
	Limit uint8
	Share float64 // of the limit category, 0 to 1
}

// Plan chooses what to delete in order to free the given percentage of all bytes.
func (h *Histogram) Plan(release float64) Plan {
	_, total := h.Total()
	left := float64(total) * release / 100
	for c := Categories - 1; c >= 0; c-- {
		bytes := float64(h.Bytes[c])
		if bytes > left {
			return Plan{Limit: uint8(c), Share: left / bytes}
		}
		left -= bytes
	}
	return Plan{Limit: 0, Share: 1}
}

// Deletes decides about one record. Which records of the limit category belong to the share depends
// on a hash, so that every zone gives the same part and not the first ones in key order everything.
func (p Plan) Deletes(category uint8, hash uint64) bool {
	c := min(category, Categories-1)
	return c > p.Limit || c == p.Limit && float64(hash) < p.Share*math.MaxUint64
}

// hasher returns a hash function of keys that nobody outside can foresee.
func hasher() func(key []byte) uint64 {
	seed := maphash.MakeSeed()
	return func(key []byte) uint64 { return maphash.Bytes(seed, key) }
}
