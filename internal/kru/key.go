package kru

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
	"runtime"
)

// Key stands for a party in one table.
type Key uint64

// Key returns the key of the network that an address is in, of so many bits. Networks of IPv4 and IPv6 differ, and those
// in different accounts.
func (t *Table) Key(ip netip.Addr, network int, account uint8) Key {
	s := newSip(t.head.key[0], t.head.key[1])
	runtime.KeepAlive(t)
	// The last word begins with how many octets of the address are hashed: no input is the beginning of another.
	last := uint64(account)<<48 | uint64(network)<<40
	if ip.Is4() {
		b := ip.As4()
		return Key(s.sum(4<<56 | last | uint64(binary.BigEndian.Uint32(b[:])&(^uint32(0)<<(32-network)))))
	}
	b := ip.As16()
	high, low := binary.BigEndian.Uint64(b[:]), binary.BigEndian.Uint64(b[8:])
	if network <= 64 {
		s.absorb(high & (^uint64(0) << (64 - network)))
		return Key(s.sum(8<<56 | last))
	}
	s.absorb(high)
	s.absorb(low & (^uint64(0) << (128 - network)))
	return Key(s.sum(16<<56 | last))
}

// sip is SipHash-1-3.
type sip struct{ v0, v1, v2, v3 uint64 }

func newSip(k0, k1 uint64) sip {
	return sip{k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573}
}

// sum absorbs the last word and finishes.
func (s *sip) sum(last uint64) uint64 {
	s.absorb(last)
	s.v2 ^= 0xff
	s.round()
	s.round()
	s.round()
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3
}

func (s *sip) absorb(m uint64) {
	s.v3 ^= m
	s.round()
	s.v0 ^= m
}

func (s *sip) round() {
	s.v0 += s.v1
	s.v2 += s.v3
	s.v1 = bits.RotateLeft64(s.v1, 13) ^ s.v0
	s.v3 = bits.RotateLeft64(s.v3, 16) ^ s.v2
	s.v0 = bits.RotateLeft64(s.v0, 32)
	s.v2 += s.v1
	s.v0 += s.v3
	s.v1 = bits.RotateLeft64(s.v1, 17) ^ s.v2
	s.v3 = bits.RotateLeft64(s.v3, 21) ^ s.v0
	s.v2 = bits.RotateLeft64(s.v2, 32)
}
