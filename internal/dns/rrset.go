package dns

import (
	"encoding/binary"
	"iter"
	"slices"
)

// RDatas is a packed list of RDATA: for each a 16-bit length and the uncompressed octets.
type RDatas []byte

// Append adds one RDATA of at most 65535 octets.
func (r RDatas) Append(rdata []byte) RDatas {
	r = slices.Grow(r, 2+len(rdata))
	r = binary.BigEndian.AppendUint16(r, uint16(len(rdata)))
	return append(r, rdata...)
}

// All yields every RDATA as a view; a list whose lengths do not add up ends early.
func (r RDatas) All() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for rest := r; len(rest) >= 2; {
			n := int(binary.BigEndian.Uint16(rest)) + 2
			if n > len(rest) || !yield(rest[2:n:n]) {
				return
			}
			rest = rest[n:]
		}
	}
}

// Count returns the number of RDATA.
func (r RDatas) Count() int {
	count := 0
	for range r.All() {
		count++
	}
	return count
}

// First returns the first RDATA, nil when there is none.
func (r RDatas) First() []byte {
	for rdata := range r.All() {
		return rdata
	}
	return nil
}

// Contains says whether the list holds exactly these octets.
func (r RDatas) Contains(rdata []byte) bool {
	for have := range r.All() {
		if string(have) == string(rdata) {
			return true
		}
	}
	return false
}

// Valid says whether the lengths add up exactly. Lists that come from outside (a cache file) must be checked.
func (r RDatas) Valid() bool {
	for len(r) >= 2 {
		n := int(binary.BigEndian.Uint16(r)) + 2
		if n > len(r) {
			return false
		}
		r = r[n:]
	}
	return len(r) == 0
}

// RRset is all records of one owner and type, class IN, with the signatures that cover them.
type RRset struct {
	Owner  Name
	Type   Type
	TTL    uint32 // seconds; the lowest of its records
	RDatas RDatas
	Sigs   RDatas // RDATA of the RRSIGs that cover Type
}

// Question is the question section's single entry.
type Question struct {
	Name  Name // case as received
	Type  Type
	Class Class
}
