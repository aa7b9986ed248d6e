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

func nsecPrefix(dst []byte, zone dns.Name) []byte { return append(zone.AppendKey(dst), 0, tagNSEC) }

func nsecKey(dst []byte, zone, owner dns.Name) []byte {
	var b buffer
	relative := owner.AppendKey(b[:0])[len(zone.AppendKey(nil)):]
	return append(nsecPrefix(dst, zone), relative...)
}

func nsec3Prefix(dst []byte, zone dns.Name, c *Chain) []byte {
	h := fnv.New32a()
	h.Write([]byte{byte(c.Iterations >> 8), byte(c.Iterations)})
	h.Write(c.Salt)
	return h.Sum(append(zone.AppendKey(dst), 0, tagNSEC3))
}

// PutNSEC stores a validated NSEC set of a zone for the denial of other names.
func (c *Cache) PutNSEC(zone dns.Name, set *dns.RRset, now time.Time) {
	c.putChain(zone, &Chain{}, set.TTL, now)
	c.putDenial(nsecKey(nil, zone, set.Owner), set, now)
}

// PutNSEC3 stores a validated NSEC3 set with its raw hash.
func (c *Cache) PutNSEC3(zone dns.Name, chain *Chain, hash []byte, set *dns.RRset, now time.Time) {
	c.putChain(zone, chain, set.TTL, now)
	c.putDenial(append(nsec3Prefix(nil, zone, chain), hash...), set, now)
}

// putDenial writes a set unless a copy with enough life left is there: denials of
// different names bring the same records again and again.
func (c *Cache) putDenial(key []byte, set *dns.RRset, now time.Time) {
	e := Entry{Kind: Positive, Rank: Secure, TTL: c.clamp(set.TTL), Inserted: now, EDE: dns.NoEDE, Answer: *set}
	if !c.lasts(key, e.TTL, now) {
		c.put(key, e.Append(nil))
	}
}

func (c *Cache) putChain(zone dns.Name, chain *Chain, ttl uint32, now time.Time) {
	key := chainKey(nil, zone)
	if old, ok := c.Chain(zone, now); ok && old.NSEC3 == chain.NSEC3 && old.Iterations == chain.Iterations && bytes.Equal(old.Salt, chain.Salt) &&
		c.lasts(key, ttl, now) {
		return
	}
	rdata := []byte{0, byte(chain.Iterations >> 8), byte(chain.Iterations)}
	if chain.NSEC3 {
		rdata[0] = 1
	}
	set := dns.RRset{Owner: zone, Type: dns.TypeNSEC3PARAM, TTL: ttl, RDatas: dns.RDatas(nil).Append(append(rdata, chain.Salt...))}
	e := Entry{Kind: Positive, Rank: Secure, TTL: c.clamp(ttl), Inserted: now, EDE: dns.NoEDE, Answer: set}
	c.put(key, e.Append(nil))
}

// lasts says whether an entry is there that is good for half of a TTL.
func (c *Cache) lasts(key []byte, ttl uint32, now time.Time) (yes bool) {
	c.view(func(r Reader) {
		if v, ok := r.Get(key); ok {
			_, _, yes = peek(v, now.Add(time.Duration(ttl/2)*time.Second))
		}
	})
	return yes
}

// Chain returns which denial records of a zone are known.
func (c *Cache) Chain(zone dns.Name, now time.Time) (chain Chain, ok bool) {
	e, ok := c.denial(chainKey(nil, zone), now, false, nil)
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
func (c *Cache) NSEC(zone, name dns.Name, now time.Time) (dns.RRset, bool) {
	e, ok := c.denial(nsecKey(nil, zone, name), now, true, nsecPrefix(nil, zone))
	return e.Answer, ok
}

// NSEC3 returns the stored NSEC3 set of a chain at or nearest before a hash; the chain is a
// ring, so before its first hash comes the last.
func (c *Cache) NSEC3(zone dns.Name, chain *Chain, hash []byte, now time.Time) (dns.RRset, bool) {
	prefix := nsec3Prefix(nil, zone, chain)
	key := append(bytes.Clone(prefix), hash...)
	e, ok := c.denial(key, now, true, prefix)
	if !ok {
		e, ok = c.denial(append(bytes.Clone(prefix), bytes.Repeat([]byte{0xff}, len(hash))...), now, true, prefix)
	}
	return e.Answer, ok
}

// denial reads the entry at a key, or the nearest before it with the given prefix.
func (c *Cache) denial(key []byte, now time.Time, floor bool, prefix []byte) (Entry, bool) {
	var found []byte
	c.view(func(r Reader) {
		v, ok := r.Get(key)
		if !ok && floor {
			var k []byte
			if k, v, ok = r.Floor(key); ok && !bytes.HasPrefix(k, prefix) {
				ok = false
			}
		}
		if !ok {
			return
		}
		if _, rank, fresh := peek(v, now); fresh && rank == Secure {
			found = bytes.Clone(v)
		}
	})
	if found == nil {
		return Entry{}, false
	}
	e, ok := ParseEntry(found)
	if !ok {
		return Entry{}, false
	}
	left, ok := e.Remaining(now)
	e.Answer.TTL -= min(e.Answer.TTL, e.TTL-left)
	return e, ok
}
