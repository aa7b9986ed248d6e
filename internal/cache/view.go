package cache

import (
	"bytes"
	"time"

	"knot-resolver/internal/dns"
)

// View is one snapshot of the cache: look-ups that belong together share one, because beginning and ending
// a snapshot costs as much as some of them. It is valid only in the function it is passed to.
//
// Views are leased objects: keys and bound functions that live in them do not go to the heap each time. Writers
// lease them for that, too.
type View struct {
	r    Reader
	uses Uses // may be nil
	f    func(*View)
	run  func(Reader) error // made once
	key  buffer

	arena *Arena // where entries that are found live; nil: each has memory of its own
	value []byte // where values to be written are built

	// What Answer has passed on its way up from a name: the nearest cut, none if empty.
	walked, zone dns.Name
	rank         Rank
}

// View runs f on a snapshot; a damaged store is an empty one. f must be short and must use nothing of the cache but the View.
func (c *Cache) View(f func(*View)) {
	v := c.views.Get().(*View)
	v.f = f
	_ = c.store.View(v.run)
	v.f, v.r, v.arena, v.walked, v.zone = nil, nil, nil, "", ""
	c.views.Put(v)
}

func (c *Cache) newView() any {
	v := &View{uses: c.uses}
	v.run = func(r Reader) error {
		v.r = r
		v.f(v)
		return nil
	}
	return v
}

// Answer looks up what is known of a question: the RRset, a CNAME in its place, a DNAME
// above it, or a denial. Entries of less than the wanted rank count as unknown.
func (v *View) Answer(name dns.Name, t dns.Type, want Rank, now time.Time) (Entry, bool) {
	found := v.answer(name, t, want, now)
	if found == nil {
		return Entry{}, false
	}
	return v.entry(found, name)
}

func (v *View) answer(name dns.Name, t dns.Type, want Rank, now time.Time) []byte {
	key := v.key.name(name)
	n := len(key)
	for _, k := range [...]struct {
		tag byte
		typ dns.Type
	}{{tagSet, t}, {tagNXDomain, 0}, {tagSet, dns.TypeCNAME}} {
		if k.tag == tagNXDomain && t == dns.TypeDS || k.typ == dns.TypeCNAME && (t == dns.TypeDS || t == dns.TypeANY) {
			continue
		}
		at := tagged(key[:n], k.tag, k.typ)
		if found, ok := v.r.Get(at); ok && good(found, want, k.typ, t, now) {
			v.used(at)
			return found
		}
	}
	return v.above(name, key[:n], want, now)
}

// good says whether a stored value may answer; the stored NODATA of type CNAME says nothing about other types.
func good(v []byte, want Rank, stored, asked dns.Type, now time.Time) bool {
	kind, rank, fresh := peek(v, now)
	return fresh && rank >= want && (stored == asked || kind != NoData)
}

// above looks for a DNAME or a validated denial (RFC 8020) at the ancestors of a name,
// up to the nearest zone cut. Only validated ones are safe to apply to other names.
func (v *View) above(name dns.Name, key []byte, want Rank, now time.Time) []byte {
	for zone := name; len(key) > 0; zone = zone.Parent() {
		if found, ok := v.r.Get(tagged(key, tagDelegation, 0)); ok {
			if h, _, ok := parseHeader(found); ok && h.fresh(now) {
				v.walked, v.zone, v.rank = name, zone, h.rank
				return nil
			}
		}
		key = parent(key)
		for _, k := range [...]struct {
			tag  byte
			typ  dns.Type
			rank Rank
		}{{tagNXDomain, 0, Secure}, {tagSet, dns.TypeDNAME, max(want, Secure)}} {
			at := tagged(key, k.tag, k.typ)
			found, ok := v.r.Get(at)
			if !ok {
				continue
			}
			if kind, rank, fresh := peek(found, now); fresh && rank >= k.rank && kind != NoData {
				v.used(at)
				return found
			}
		}
	}
	v.walked, v.zone = name, ""
	return nil
}

// used counts a use of the entry at a key.
func (v *View) used(key []byte) {
	if v.uses != nil {
		v.uses.Touch(key)
	}
}

// Failure returns the remembered failure of a question (RFC 9520).
func (v *View) Failure(name dns.Name, t dns.Type, now time.Time) (Entry, bool) {
	found, ok := v.r.Get(tagged(v.key.name(name), tagFailure, t))
	if !ok {
		return Entry{}, false
	}
	if _, _, fresh := peek(found, now); !fresh {
		return Entry{}, false
	}
	return v.entry(found, name)
}

// Cut returns the deepest known delegation at or above name; none means the root.
func (v *View) Cut(name dns.Name, want Rank, now time.Time) (Delegation, bool) {
	zone, found := v.cut(name, want, now)
	if found == nil {
		return Delegation{}, false
	}
	return parseDelegation(zone, bytes.Clone(found))
}

// Zone returns only the name and the rank of what Cut finds.
func (v *View) Zone(name dns.Name, want Rank, now time.Time) (zone dns.Name, rank Rank, ok bool) {
	if v.walked == name && (v.zone == "" || v.rank >= want) {
		return v.zone, v.rank, v.zone != ""
	}
	zone, found := v.cut(name, want, now)
	if found == nil {
		return "", 0, false
	}
	h, _, ok := parseHeader(found)
	return zone, h.rank, ok && h.kind == delegation
}

func (v *View) cut(name dns.Name, want Rank, now time.Time) (zone dns.Name, found []byte) {
	zone = name
	if v.walked == name {
		if zone = v.zone; zone == "" {
			return "", nil
		}
	}
	for key := v.key.name(zone); len(key) > 0; key, zone = parent(key), zone.Parent() {
		at := tagged(key, tagDelegation, 0)
		if found, ok := v.r.Get(at); ok {
			if _, rank, fresh := peek(found, now); fresh && rank >= want {
				v.used(at)
				return zone, found
			}
		}
	}
	return "", nil
}
