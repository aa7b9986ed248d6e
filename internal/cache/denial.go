package cache

import (
	"bytes"
	"hash/fnv"
	"time"

	"knot-resolver/internal/dns"
)

// Chain says with which denial records a zone was last seen.
type Chain struct {
	NSEC3      bool
	Iterations uint16
	Salt       []byte
}

// Keys of denial records: those of a zone lie together behind the zone's name, NSEC in canonical order of owners, NSEC3 by
// parameters and hash, so that the record covering a name is the greatest key not above it (RFC 8198).
const (
	tagChain = 'P' // parameters of the chain in use
	tagNSEC  = 'N' // then the owner relative to the zone
	tagNSEC3 = '3' // then 4 octets that stand for the parameters, then the raw hash
)

func chainKey(dst []byte, zone dns.Name) []byte { return append(zone.AppendKey(dst), 0, tagChain) }

// nsecKey also returns the length of what the keys of all NSECs of the zone begin with.
func nsecKey(dst []byte, zone, owner dns.Name) (key []byte, prefix int) {
	key = append(zone.AppendKey(dst), 0, tagNSEC)
	prefix = len(key)
	var b buffer
	relative := owner.AppendKey(b[:0])[prefix-2-len(dst):]
	return append(key, relative...), prefix
}

// nsec3Key also returns the length of what the keys of all NSEC3s of the chain begin with.
func nsec3Key(dst []byte, zone dns.Name, c *Chain, hash []byte) (key []byte, prefix int) {
	h := fnv.New32a()
	h.Write([]byte{byte(c.Iterations >> 8), byte(c.Iterations)})
	h.Write(c.Salt)
	key = h.Sum(append(zone.AppendKey(dst), 0, tagNSEC3))
	return append(key, hash...), len(key)
}

// PutNSEC stores a validated NSEC set of a zone for the denial of other names, for at most life seconds.
func (c *Cache) PutNSEC(zone dns.Name, set *dns.RRset, life uint32, now time.Time) {
	key, _ := nsecKey(nil, zone, set.Owner)
	c.putDenial(zone, &Chain{}, key, set, life, now)
}

// PutNSEC3 stores a validated NSEC3 set with its raw hash.
func (c *Cache) PutNSEC3(zone dns.Name, chain *Chain, hash []byte, set *dns.RRset, life uint32, now time.Time) {
	key, _ := nsec3Key(nil, zone, chain, hash)
	c.putDenial(zone, chain, key, set, life, now)
}

// putDenial writes a set, and which chain it belongs to, unless copies with enough life left are there: denials of
// different names bring the same records again and again.
func (c *Cache) putDenial(zone dns.Name, chain *Chain, key []byte, set *dns.RRset, life uint32, now time.Time) {
	ttl := c.clamp(min(set.TTL, life))
	later := now.Add(time.Duration(ttl/2) * time.Second)
	var known, lasts bool
	c.View(func(v *View) {
		old, ok := v.Chain(zone, later)
		known = ok && old.NSEC3 == chain.NSEC3 && old.Iterations == chain.Iterations && bytes.Equal(old.Salt, chain.Salt)
		if stored, ok := v.r.Get(key); ok {
			_, _, lasts = peek(stored, later)
		}
	})
	e := Entry{Kind: Positive, Rank: Secure, TTL: ttl, Inserted: now, EDE: dns.NoEDE}
	if !known {
		e.Answer = chain.set(zone, ttl)
		c.store.Write(chainKey(nil, zone), e.Append(nil))
	}
	if !lasts {
		e.Answer = *set
		e.Answer.TTL = max(ttl, min(set.TTL, c.ttlMax))
		c.store.Write(key, e.Append(nil))
	}
}

// set is how a chain is stored: in the form of NSEC3PARAM, with the hash algorithm saying whether it is one of NSEC3.
func (c *Chain) set(zone dns.Name, ttl uint32) dns.RRset {
	rdata := []byte{0, byte(c.Iterations >> 8), byte(c.Iterations)}
	if c.NSEC3 {
		rdata[0] = 1
	}
	return dns.RRset{Owner: zone, Type: dns.TypeNSEC3PARAM, TTL: ttl, RDatas: dns.RDatas(nil).Append(append(rdata, c.Salt...))}
}

// Chain returns which denial records of a zone are known.
func (v *View) Chain(zone dns.Name, now time.Time) (chain Chain, ok bool) {
	e, ok := v.denial(chainKey(v.key[:0], zone), 0, zone, now)
	if !ok {
		return Chain{}, false
	}
	rdata := e.Answer.RDatas.First()
	if len(rdata) < 3 {
		return Chain{}, false
	}
	return Chain{NSEC3: rdata[0] == 1, Iterations: uint16(rdata[1])<<8 | uint16(rdata[2]), Salt: rdata[3:]}, true
}

// NSEC returns the stored NSEC set of a zone at or nearest before a name, TTLs reduced by age.
func (v *View) NSEC(zone, name dns.Name, now time.Time) (dns.RRset, bool) {
	key, prefix := nsecKey(v.key[:0], zone, name)
	e, ok := v.denial(key, prefix, name, now)
	return e.Answer, ok
}

// NSEC3 returns the stored NSEC3 set of a chain at or nearest before a hash; the chain is a
// ring, so before its first hash comes the last.
func (v *View) NSEC3(zone dns.Name, chain *Chain, hash []byte, now time.Time) (dns.RRset, bool) {
	key, prefix := nsec3Key(v.key[:0], zone, chain, hash)
	e, ok := v.denial(key, prefix, zone, now)
	if !ok {
		for i := range key[prefix:] {
			key[prefix+i] = 0xff
		}
		e, ok = v.denial(key, prefix, zone, now)
	}
	return e.Answer, ok
}

// denial reads the entry at a key, or the nearest before it that has the same first octets; prefix 0 wants the key itself.
func (v *View) denial(key []byte, prefix int, near dns.Name, now time.Time) (Entry, bool) {
	var found, k []byte
	var ok bool
	if prefix == 0 {
		found, ok = v.r.Get(key)
	} else if k, found, ok = v.r.Floor(key); ok {
		ok = bytes.HasPrefix(k, key[:prefix])
	}
	if !ok {
		return Entry{}, false
	}
	if _, rank, fresh := peek(found, now); !fresh || rank != Secure {
		return Entry{}, false
	}
	e, ok := v.entry(found, near)
	if !ok {
		return Entry{}, false
	}
	if prefix == 0 {
		k = key
	}
	v.used(k)
	left, ok := e.Remaining(now)
	e.Answer.TTL -= min(e.Answer.TTL, e.TTL-left)
	return e, ok
}
