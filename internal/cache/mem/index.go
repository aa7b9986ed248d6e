package mem

import (
	"bytes"
	"iter"
	"slices"
	"sort"
	"sync/atomic"
)

// entry is immutable except for its mark; a replaced value is a new entry.
type entry struct {
	key, value []byte
	used       atomic.Bool // read since the clock hand passed
}

// entryOverhead is what an entry costs besides its bytes: the struct, two allocations' rounding and
// its place in a chunk that is three quarters full.
const entryOverhead = 104

func (e *entry) size() int64 { return int64(len(e.key) + len(e.value) + entryOverhead) }

// chunkMax balances the two copies of an insertion: within a chunk, and in the list of chunks each
// time a chunk is split.
const chunkMax = 256

// index is a sorted list cut into chunks, none of them empty. It does the work of a B-tree of two
// levels: look-ups are two binary searches, and an ordered walk needs no stack.
type index struct {
	chunks [][]*entry
	count  int
}

// pos is a place in the index; the end is pos{len(chunks), 0}.
type pos struct{ chunk, item int }

// slot returns the place at which key is or would be inserted, which may be behind the last entry of
// a chunk.
func (x *index) slot(key []byte) (p pos, found bool) {
	above := sort.Search(len(x.chunks), func(i int) bool { return bytes.Compare(x.chunks[i][0].key, key) > 0 })
	p.chunk = max(above-1, 0)
	if len(x.chunks) == 0 {
		return p, false
	}
	p.item, found = slices.BinarySearchFunc(x.chunks[p.chunk], key, func(e *entry, key []byte) int {
		return bytes.Compare(e.key, key)
	})
	return p, found
}

// get returns the entry of key or nil.
func (x *index) get(key []byte) *entry {
	p, found := x.slot(key)
	if !found {
		return nil
	}
	return x.chunks[p.chunk][p.item]
}

// ceil returns the place of the smallest key that is not below the given one, or the end.
func (x *index) ceil(key []byte) pos {
	p, _ := x.slot(key)
	if p.chunk < len(x.chunks) && p.item == len(x.chunks[p.chunk]) {
		return pos{p.chunk + 1, 0}
	}
	return p
}

// at returns the entry at p, or nil at the end.
func (x *index) at(p pos) *entry {
	if p.chunk >= len(x.chunks) {
		return nil
	}
	return x.chunks[p.chunk][p.item]
}

// next returns the place after p, which must not be the end.
func (x *index) next(p pos) pos {
	if p.item+1 < len(x.chunks[p.chunk]) {
		return pos{p.chunk, p.item + 1}
	}
	return pos{p.chunk + 1, 0}
}

// floor returns the entry with the greatest key that is not above the given one, or nil.
func (x *index) floor(key []byte) *entry {
	p, found := x.slot(key)
	if found {
		return x.at(p)
	}
	if p.item == 0 { // only below the very first key, see slot
		return nil
	}
	return x.chunks[p.chunk][p.item-1]
}

// all iterates from the given place to the end.
func (x *index) all(p pos) iter.Seq[*entry] {
	return func(yield func(*entry) bool) {
		for e := x.at(p); e != nil; e = x.at(p) {
			if !yield(e) {
				return
			}
			p = x.next(p)
		}
	}
}

// set inserts e and returns the entry it replaced, or nil.
func (x *index) set(e *entry) *entry {
	p, found := x.slot(e.key)
	if found {
		old := x.chunks[p.chunk][p.item]
		x.chunks[p.chunk][p.item] = e
		return old
	}
	x.count++
	if len(x.chunks) == 0 {
		x.chunks = [][]*entry{{e}}
		return nil
	}
	c := slices.Insert(x.chunks[p.chunk], p.item, e)
	x.chunks[p.chunk] = c
	if len(c) > chunkMax {
		half := len(c) / 2
		right := append(make([]*entry, 0, chunkMax+1), c[half:]...)
		clear(c[half:])
		x.chunks[p.chunk] = c[:half]
		x.chunks = slices.Insert(x.chunks, p.chunk+1, right)
	}
	return nil
}

// remove deletes key and returns its entry, or nil.
func (x *index) remove(key []byte) *entry {
	p, found := x.slot(key)
	if !found {
		return nil
	}
	x.count--
	c := x.chunks[p.chunk]
	e := c[p.item]
	c = slices.Delete(c, p.item, p.item+1)
	x.chunks[p.chunk] = c
	switch {
	case len(c) == 0:
		x.chunks = slices.Delete(x.chunks, p.chunk, p.chunk+1)
	case p.chunk+1 < len(x.chunks) && len(c)+len(x.chunks[p.chunk+1]) <= chunkMax/2:
		x.chunks[p.chunk] = append(c, x.chunks[p.chunk+1]...)
		x.chunks = slices.Delete(x.chunks, p.chunk+1, p.chunk+2)
	}
	return e
}
