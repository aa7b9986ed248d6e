package cache

import (
	"bytes"
	"time"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/limits"
)

// Options of a Cache.
type Options struct {
	TTLMin, TTLMax time.Duration // bounds of every entry that is no failure
}

// Cache looks up and stores entries.
type Cache struct {
	store          Store
	ttlMin, ttlMax uint32
}

// New makes a Cache over a store, whose Merge should be [Replaces].
func New(store Store, o Options) *Cache {
	return &Cache{store: store, ttlMin: uint32(o.TTLMin / time.Second), ttlMax: uint32(o.TTLMax / time.Second)}
}

// Store returns the store beneath.
func (c *Cache) Store() Store { return c.store }

// view runs f on a snapshot; a damaged store is an empty one.
func (c *Cache) view(f func(Reader)) {
	_ = c.store.View(func(r Reader) error {
		f(r)
		return nil
	})
}

// Answer looks up what is known of a question: the RRset, a CNAME in its place, a DNAME
// above it, or a denial. Entries of less than the wanted rank count as unknown.
func (c *Cache) Answer(name dns.Name, t dns.Type, want Rank, now time.Time) (Entry, bool) {
	var b buffer
	var found []byte
	c.view(func(r Reader) {
		key := b.name(name)
		n := len(key)
		for _, k := range [...]struct {
			tag byte
			typ dns.Type
		}{{tagSet, t}, {tagNXDomain, 0}, {tagSet, dns.TypeCNAME}} {
			if k.tag == tagNXDomain && t == dns.TypeDS || k.typ == dns.TypeCNAME && (t == dns.TypeDS || t == dns.TypeANY) {
				continue
			}
			if v, ok := r.Get(tagged(key[:n], k.tag, k.typ)); ok && good(v, want, k.typ, t, now) {
				found = bytes.Clone(v)
				return
			}
		}
		found = above(r, key[:n], want, now)
	})
	if found == nil {
		return Entry{}, false
	}
	return ParseEntry(found)
}

// good says whether a stored value may answer; the stored NODATA of type CNAME says nothing about other types.
func good(v []byte, want Rank, stored, asked dns.Type, now time.Time) bool {
	kind, rank, fresh := peek(v, now)
	return fresh && rank >= want && (stored == asked || kind != NoData)
}

// above looks for a DNAME or a validated denial (RFC 8020) at the ancestors of a name,
// up to the nearest zone cut. Only validated ones are safe to apply to other names.
func above(r Reader, name []byte, want Rank, now time.Time) []byte {
	for len(name) > 0 {
		if v, ok := r.Get(tagged(name, tagDelegation, 0)); ok {
			if _, _, fresh := peek(v, now); fresh {
				return nil
			}
		}
		name = parent(name)
		for _, k := range [...]struct {
			tag  byte
			typ  dns.Type
			rank Rank
		}{{tagNXDomain, 0, Secure}, {tagSet, dns.TypeDNAME, max(want, Secure)}} {
			v, ok := r.Get(tagged(name, k.tag, k.typ))
			if !ok {
				continue
			}
			if kind, rank, fresh := peek(v, now); fresh && rank >= k.rank && kind != NoData {
				return bytes.Clone(v)
			}
		}
	}
	return nil
}

// Failure returns the remembered failure of a question (RFC 9520).
func (c *Cache) Failure(name dns.Name, t dns.Type, now time.Time) (Entry, bool) {
	var b buffer
	var found []byte
	c.view(func(r Reader) {
		if v, ok := r.Get(tagged(b.name(name), tagFailure, t)); ok {
			if _, _, fresh := peek(v, now); fresh {
				found = bytes.Clone(v)
			}
		}
	})
	if found == nil {
		return Entry{}, false
	}
	return ParseEntry(found)
}

// Cut returns the deepest known delegation at or above name; none means the root.
func (c *Cache) Cut(name dns.Name, want Rank, now time.Time) (Delegation, bool) {
	var b buffer
	var found []byte
	zone := name
	c.view(func(r Reader) {
		for key := b.name(name); len(key) > 0; key, zone = parent(key), zone.Parent() {
			if v, ok := r.Get(tagged(key, tagDelegation, 0)); ok {
				if _, rank, fresh := peek(v, now); fresh && rank >= want {
					found = bytes.Clone(v)
					return
				}
			}
		}
	})
	if found == nil {
		return Delegation{}, false
	}
	return parseDelegation(zone, found)
}

// PutAnswer stores e for a question. It bounds the TTLs in e to what will be stored.
func (c *Cache) PutAnswer(name dns.Name, t dns.Type, e *Entry, now time.Time) {
	e.Inserted = now
	e.TTL = c.clamp(e.TTL)
	if e.Kind != Positive {
		e.TTL = min(e.TTL, limits.NegativeTTL)
	}
	e.Answer.TTL = min(c.clamp(e.Answer.TTL), e.TTL)
	for i := range e.Authority {
		e.Authority[i].TTL = min(c.clamp(e.Authority[i].TTL), e.TTL)
	}
	tag := byte(tagSet)
	if e.Kind == NXDomain {
		tag = tagNXDomain
	}
	c.put(tagged(new(buffer).name(name), tag, t), e.Append(nil))
}

// PutFailure remembers for some seconds that a question could not be resolved, and why.
func (c *Cache) PutFailure(name dns.Name, t dns.Type, ede dns.EDECode, reason string, ttl uint32, now time.Time) {
	e := Entry{Kind: Failure, Rank: Unvalidated, TTL: ttl, Inserted: now, EDE: ede, Reason: reason}
	c.put(tagged(new(buffer).name(name), tagFailure, t), e.Append(nil))
}

// PutDelegation stores a zone cut.
func (c *Cache) PutDelegation(d *Delegation, now time.Time) {
	if now.Before(d.Expires) {
		c.put(tagged(new(buffer).name(d.Zone), tagDelegation, 0), d.append(nil, now))
	}
}

func (c *Cache) put(key, value []byte) { c.store.Write(key, value) }

func (c *Cache) clamp(ttl uint32) uint32 { return min(max(ttl, c.ttlMin), c.ttlMax) }

// Clamp bounds a TTL in seconds as every stored entry is.
func (c *Cache) Clamp(ttl uint32) uint32 { return c.clamp(ttl) }

// Clear removes everything at and below name, or at name alone, at most limit entries (0: no
// bound), and returns how many there were. With exact, t other than 0 removes only that type.
func (c *Cache) Clear(name dns.Name, exact bool, t dns.Type, limit int) (removed int, err error) {
	if err := c.store.Flush(); err != nil {
		return 0, err
	}
	var b buffer
	prefix := b.name(name)
	if exact {
		prefix = append(prefix, 0)
	}
	err = c.store.Update(func(w Writer) error {
		var keys [][]byte
		for k := range w.Range(prefix) {
			if !bytes.HasPrefix(k, prefix) || limit > 0 && len(keys) == limit {
				break
			}
			if t == 0 || isOfType(k, t) {
				keys = append(keys, bytes.Clone(k))
			}
		}
		for _, k := range keys {
			if _, err := w.Delete(k); err != nil {
				return err
			}
		}
		removed = len(keys)
		return nil
	})
	return removed, err
}

func isOfType(key []byte, t dns.Type) bool {
	suffix := tagged(nil, tagSet, t)
	return bytes.HasSuffix(key, suffix)
}
