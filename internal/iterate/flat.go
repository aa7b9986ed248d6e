package iterate

import (
	"sync"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/limits"
)

// flats counts how often in a row a minimised question found no zone cut below a zone. Minimisation keeps names from servers that
// need not know them (RFC 9156 section 1): below a zone without cuts there are none, and every step asks for nothing.
type flats struct {
	mu    sync.Mutex
	count map[dns.Name]uint8
}

// uncut notes that a question found no cut below a zone.
func (f *flats) uncut(zone dns.Name) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.count == nil || len(f.count) >= limits.FlatZones {
		f.count = make(map[dns.Name]uint8) // they are found out again
	}
	f.count[zone] = min(f.count[zone]+1, limits.FlatAfter)
}

// cut notes that there is a cut below a zone.
func (f *flats) cut(zone dns.Name) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.count, zone)
}

// flat says whether a zone seems to have no cuts below it.
func (f *flats) flat(zone dns.Name) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.count[zone] == limits.FlatAfter
}
