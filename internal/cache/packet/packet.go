// Package packet is the first cache of a worker: whole answers, ready to be sent but for
// what differs from client to client (id, letter case, TTLs, order of addresses).
//
// The cache is an arena without pointers, written as a ring. A slot remembers where an answer was written by the
// total number of octets written until then, so it is known exactly whether the ring has come round since: an answer is either
// whole or not found. A hit allocates nothing.
package packet

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"knot-resolver/internal/limits"
)

// Cache holds answers. It is safe for concurrent use.
type Cache struct {
	seed   maphash.Seed
	epoch  atomic.Uint32
	shards [limits.PacketShards]shard
}

// shard is one ring with its table.
type shard struct {
	mu      sync.Mutex
	arena   []byte
	written uint64 // octets written so far; the next entry goes to written % len(arena)
	buckets []bucket
}

// bucket is where the entries with one hash are: whoever comes when it is full takes the place of the oldest.
type bucket [4]slot

// slot points at an entry.
type slot struct {
	hash uint32
	size uint32
	end  uint64 // value of written behind the entry; 0 = empty
}

// New makes a Cache of about the given size in octets.
func New(size int) *Cache {
	c := &Cache{seed: maphash.MakeSeed()}
	each := size / len(c.shards)
	buckets := 1
	for buckets*len(bucket{})*limits.PacketMean < each {
		buckets *= 2
	}
	for i := range c.shards {
		c.shards[i].arena = make([]byte, each)
		c.shards[i].buckets = make([]bucket, buckets)
	}
	return c
}

// Epoch is the time between two calls of Clear. Who makes an answer takes it before looking at anything
// that a later Clear may be about.
func (c *Cache) Epoch() uint32 { return c.epoch.Load() }

// Clear forgets everything, also what is put under an epoch taken before.
func (c *Cache) Clear() { c.epoch.Add(1) }

/*
An entry in the arena, big-endian:

	0  epoch, 4
	4  time of storing, seconds since 1970, 8
	12 seconds it may be used, 4
	16 length of the key, 2; number of TTLs, 2
	20 rotation: offset of the first record in the message, 2; size of a record, 2; number of records, 2
	26 length of the message, 2
	28 key, offsets of the TTLs in the message (2 each), message
*/
const header = 28

// Answer is a finished answer to be stored.
type Answer struct {
	Message []byte
	TTLs    []uint16 // offsets of the TTL fields
	Life    uint32   // seconds: the least of these TTLs
	Rotate  Rotation
}

// Rotation is a run of records of equal size whose order may change.
type Rotation struct{ Offset, Size, Count uint16 }

func (c *Cache) find(key []byte) (*shard, uint32) {
	h := maphash.Bytes(c.seed, key)
	return &c.shards[h%uint64(len(c.shards))], uint32(h >> 32)
}

// Put stores an answer made in an epoch.
func (c *Cache) Put(key []byte, a *Answer, epoch uint32, now time.Time) {
	s, hash := c.find(key)
	size := header + len(key) + 2*len(a.TTLs) + len(a.Message)
	if size > len(s.arena)/4 || len(a.Message) > 65535 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.room(size)[:0]
	e = binary.BigEndian.AppendUint32(e, epoch)
	e = binary.BigEndian.AppendUint64(e, uint64(now.Unix()))
	e = binary.BigEndian.AppendUint32(e, a.Life)
	for _, v := range [...]uint16{uint16(len(key)), uint16(len(a.TTLs)), a.Rotate.Offset, a.Rotate.Size, a.Rotate.Count, uint16(len(a.Message))} {
		e = binary.BigEndian.AppendUint16(e, v)
	}
	e = append(e, key...)
	for _, at := range a.TTLs {
		e = binary.BigEndian.AppendUint16(e, at)
	}
	_ = append(e, a.Message...)
	s.bucket(hash).put(slot{hash: hash, size: uint32(size), end: s.written})
}

func (s *shard) bucket(hash uint32) *bucket { return &s.buckets[hash%uint32(len(s.buckets))] }

// put takes the slot of the same hash, or else of the entry that was written first.
func (b *bucket) put(o slot) {
	place := &b[0]
	for i := range b {
		if b[i].hash == o.hash {
			place = &b[i]
			break
		}
		if b[i].end < place.end {
			place = &b[i]
		}
	}
	*place = o
}

// find returns the slot of a hash; one that was never used is empty.
func (b *bucket) find(hash uint32) slot {
	for i := range b {
		if b[i].hash == hash {
			return b[i]
		}
	}
	return slot{}
}

// room reserves octets in the ring; an entry never wraps around its end.
func (s *shard) room(size int) []byte {
	at := int(s.written % uint64(len(s.arena)))
	if at+size > len(s.arena) {
		s.written += uint64(len(s.arena) - at)
		at = 0
	}
	s.written += uint64(size)
	return s.arena[at : at+size : at+size]
}

// entry returns the entry of a slot unless it was overwritten.
func (s *shard) entry(o slot) []byte {
	if o.end == 0 || s.written-(o.end-uint64(o.size)) > uint64(len(s.arena)) {
		return nil
	}
	at := int((o.end - uint64(o.size)) % uint64(len(s.arena)))
	return s.arena[at : at+int(o.size)]
}

// Append appends the stored answer with TTLs reduced by its age and addresses rotated by rotate. The id
// and the question are those it was stored with.
func (c *Cache) Append(dst, key []byte, rotate int, now time.Time) ([]byte, bool) {
	s, hash := c.find(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entry(s.bucket(hash).find(hash))
	if e == nil || binary.BigEndian.Uint32(e) != c.epoch.Load() {
		return dst, false
	}
	age := max(0, now.Unix()-int64(binary.BigEndian.Uint64(e[4:])))
	keyLength := int(binary.BigEndian.Uint16(e[16:]))
	if age >= int64(binary.BigEndian.Uint32(e[12:])) || !bytes.Equal(e[header:header+keyLength], key) {
		return dst, false
	}
	return appendAnswer(dst, e, header+keyLength, uint32(age), rotate), true
}

func appendAnswer(dst, e []byte, at int, age uint32, rotate int) []byte {
	ttls := e[at : at+2*int(binary.BigEndian.Uint16(e[18:]))]
	message := e[at+len(ttls):]
	start := len(dst)
	dst = append(dst, message[:binary.BigEndian.Uint16(e[26:])]...)
	out := dst[start:]
	r := Rotation{binary.BigEndian.Uint16(e[20:]), binary.BigEndian.Uint16(e[22:]), binary.BigEndian.Uint16(e[24:])}
	if r.Count > 1 && rotate%int(r.Count) != 0 {
		run := message[r.Offset : int(r.Offset)+int(r.Size)*int(r.Count)]
		cut := rotate % int(r.Count) * int(r.Size)
		copy(out[r.Offset:], run[cut:])
		copy(out[int(r.Offset)+len(run)-cut:], run[:cut])
	}
	for ; len(ttls) > 0; ttls = ttls[2:] {
		field := out[binary.BigEndian.Uint16(ttls):]
		ttl := binary.BigEndian.Uint32(field)
		binary.BigEndian.PutUint32(field, ttl-min(ttl, age))
	}
	return dst
}
