package cache

import (
	"bytes"
	"sync"
	"time"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/limits"
)

// Options of a Cache.
type Options struct {
	TTLMin, TTLMax time.Duration // bounds of every entry that is no failure
	Uses           Uses          // is told which entries are used; optional
}

// Uses counts uses of entries by their keys, which it must not keep. It is called while a snapshot is
// held, so it must be quick.
type Uses interface {
	Touch(key []byte)
	TouchSample(key []byte) // stands for limits.UsageSample uses
}

// Cache looks up and stores entries.
type Cache struct {
	store          Store
	views          sync.Pool // of *View
	uses           Uses      // may be nil
	ttlMin, ttlMax uint32
}

// New makes a Cache over a store, whose Merge should be [Replaces].
func New(store Store, o Options) *Cache {
	c := &Cache{store: store, uses: o.Uses, ttlMin: uint32(o.TTLMin / time.Second), ttlMax: uint32(o.TTLMax / time.Second)}
	c.views.New = c.newView
	return c
}

// Store returns the store beneath.
func (c *Cache) Store() Store { return c.store }

// Answer is [View.Answer] on a snapshot of its own.
func (c *Cache) Answer(name dns.Name, t dns.Type, want Rank, now time.Time) (e Entry, ok bool) {
	c.View(func(v *View) { e, ok = v.Answer(name, t, want, now) })
	return e, ok
}

// Failure is [View.Failure] on a snapshot of its own.
func (c *Cache) Failure(name dns.Name, t dns.Type, now time.Time) (e Entry, ok bool) {
	c.View(func(v *View) { e, ok = v.Failure(name, t, now) })
	return e, ok
}

// Cut is [View.Cut] on a snapshot of its own.
func (c *Cache) Cut(name dns.Name, want Rank, now time.Time) (d Delegation, ok bool) {
	c.View(func(v *View) { d, ok = v.Cut(name, want, now) })
	return d, ok
}

// Used counts for limits.UsageSample answers to a question that were given without a look at the cache. The
// name is in wire form and lower case.
func (c *Cache) Used(name []byte, t dns.Type) {
	if c.uses == nil {
		return
	}
	var b buffer
	key := b.name(dns.Name(name))
	n := len(key)
	c.uses.TouchSample(tagged(key[:n], tagSet, t))
	if t != dns.TypeCNAME {
		c.uses.TouchSample(tagged(key[:n], tagSet, dns.TypeCNAME))
	}
}

// PutAnswer stores e for a question. It bounds the TTLs in e to what will be stored. The records of proofs keep theirs: what they
// prove together ends with the first of them, or with the SOA.
func (c *Cache) PutAnswer(name dns.Name, t dns.Type, e *Entry, now time.Time) {
	e.Inserted = now
	e.TTL = c.clamp(e.TTL)
	if e.Kind != Positive {
		e.TTL = min(e.TTL, limits.NegativeTTL)
	}
	e.Answer.TTL = min(c.clamp(e.Answer.TTL), e.TTL)
	for i := range e.Authority {
		set := &e.Authority[i]
		if set.TTL = c.clamp(set.TTL); set.Type != dns.TypeNSEC && set.Type != dns.TypeNSEC3 {
			set.TTL = min(set.TTL, e.TTL)
		}
	}
	tag := byte(tagSet)
	if e.Kind == NXDomain {
		tag = tagNXDomain
	}
	c.put(name, tag, t, e)
}

// PutFailure remembers for some seconds that a question could not be resolved, and why.
func (c *Cache) PutFailure(name dns.Name, t dns.Type, ede dns.EDECode, reason string, ttl uint32, now time.Time) {
	e := Entry{Kind: Failure, Rank: Unvalidated, TTL: ttl, Inserted: now, EDE: ede, Reason: reason}
	c.put(name, tagFailure, t, &e)
}

// PutDelegation stores a zone cut.
func (c *Cache) PutDelegation(d *Delegation, now time.Time) {
	if now.Before(d.Expires) {
		v := c.views.Get().(*View)
		defer c.views.Put(v)
		v.value = d.append(v.value[:0], now)
		c.store.Write(tagged(v.key.name(d.Zone), tagDelegation, 0), v.value)
	}
}

// EndDelegation has the cached delegation of exactly this zone end at a time, if it would live longer.
func (c *Cache) EndDelegation(zone dns.Name, want Rank, end, now time.Time) {
	if d, ok := c.Cut(zone, want, now); ok && d.Zone == zone && end.Before(d.Expires) {
		d.Expires = end
		c.PutDelegation(&d, now)
	}
}

func (c *Cache) put(name dns.Name, tag byte, t dns.Type, e *Entry) {
	v := c.views.Get().(*View)
	defer c.views.Put(v)
	v.value = e.Append(v.value[:0])
	c.store.Write(tagged(v.key.name(name), tag, t), v.value)
}

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
