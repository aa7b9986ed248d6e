package upstream

import "net/netip"

// generations is a Store of bounded size: two maps, of which the older is dropped whenever
// the younger has half of all entries. What was used in between survives in the younger.
type generations struct {
	half       int
	young, old map[netip.AddrPort]Record
}

func newGenerations(size int) *generations {
	return &generations{half: max(1, size/2), young: make(map[netip.AddrPort]Record)}
}

// Load implements Store.
func (g *generations) Load(server netip.AddrPort) (Record, bool) {
	if r, ok := g.young[server]; ok {
		return r, true
	}
	r, ok := g.old[server]
	if ok {
		g.Save(server, r)
	}
	return r, ok
}

// Save implements Store.
func (g *generations) Save(server netip.AddrPort, r Record) {
	if _, known := g.young[server]; !known && len(g.young) >= g.half {
		g.young, g.old = make(map[netip.AddrPort]Record), g.young
	}
	g.young[server] = r
}
