package cache

import (
	"bytes"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/limits"
)

// Arena is memory that the entries found in a [View] live in, instead of each having memory of its own: of one owner,
// who uses none of them after Reset. The zero Arena is ready for use.
type Arena struct {
	octets []byte
	sets   []dns.RRset
}

// Reset takes back the memory of all entries.
func (a *Arena) Reset() {
	clear(a.sets) // they may hold on to other memory
	a.octets, a.sets = a.octets[:0], a.sets[:0]
	if cap(a.octets) > limits.ArenaBytes {
		*a = Arena{}
	}
}

// copy returns b in memory of the arena. When that has to grow, earlier copies stay where they are.
func (a *Arena) copy(b []byte) []byte {
	from := len(a.octets)
	a.octets = append(a.octets, b...)
	return a.octets[from:len(a.octets):len(a.octets)]
}

// Lend has what is found from now on in this view put into an arena.
func (v *View) Lend(a *Arena) { v.arena = a }

// entry reads a copy of an entry found for a name.
func (v *View) entry(found []byte, near dns.Name) (Entry, bool) {
	if v.arena == nil {
		return parseEntry(bytes.Clone(found), near, nil)
	}
	return parseEntry(v.arena.copy(found), near, v.arena)
}
