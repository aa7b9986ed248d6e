package policy

import (
	"cmp"
	"encoding/binary"
	"net/netip"
	"slices"
)

// subnets finds the longest of many subnets that holds an address, and from there the wider ones. It is
// made once and then only read: the address space cut into intervals, in order, each with its subnet,
// so that one binary search answers.
type subnets struct {
	v4, v6 []interval
	nodes  []subnet
	items  []int32
}

// interval begins at an address and ends before the next interval.
type interval struct {
	hi, lo uint64
	node   int32 // index of the longest subnet there; none if there is none
}

// subnet is one of the subnets with what belongs to it: indexes into whatever the caller keeps.
type subnet struct {
	prefix      netip.Prefix
	wider       int32 // index of the next wider subnet that holds this one
	first, last int32 // its items are items[first:last] of the table
}

const none = -1

// newSubnets makes the table of prefixes. Their indexes are the items; those of equal prefixes keep their order.
func newSubnets(prefixes []netip.Prefix) *subnets {
	order := make([]int, len(prefixes))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		x, y := prefixes[a].Masked(), prefixes[b].Masked()
		return cmp.Or(x.Addr().Compare(y.Addr()), cmp.Compare(x.Bits(), y.Bits()))
	})
	s := new(subnets)
	for _, i := range order {
		p := prefixes[i].Masked()
		if last := len(s.nodes) - 1; last < 0 || s.nodes[last].prefix != p {
			s.nodes = append(s.nodes, subnet{prefix: p, wider: none, first: int32(len(s.items))})
		}
		s.items = append(s.items, int32(i))
		s.nodes[len(s.nodes)-1].last = int32(len(s.items))
	}
	s.v4, s.v6 = s.cut(true), s.cut(false)
	return s
}

// cut makes the intervals of one family. Subnets are nested or apart, so an open one ends before
// whatever begins outside of it.
func (s *subnets) cut(v4 bool) (all []interval) {
	var open []int32
	put := func(hi, lo uint64, node int32) {
		if last := len(all) - 1; last >= 0 && all[last].hi == hi && all[last].lo == lo {
			all[last].node = node
			return
		}
		all = append(all, interval{hi, lo, node})
	}
	closeLast := func() {
		end, more := after(s.nodes[open[len(open)-1]].prefix)
		open = open[:len(open)-1]
		if more {
			put(end[0], end[1], top(open))
		}
	}
	for i := range s.nodes {
		n := &s.nodes[i]
		if n.prefix.Addr().Is4() != v4 {
			continue
		}
		for len(open) > 0 && !s.nodes[top(open)].prefix.Contains(n.prefix.Addr()) {
			closeLast()
		}
		n.wider = top(open)
		start := words(n.prefix.Addr())
		put(start[0], start[1], int32(i))
		open = append(open, int32(i))
	}
	for len(open) > 0 {
		closeLast()
	}
	return all
}

func top(open []int32) int32 {
	if len(open) == 0 {
		return none
	}
	return open[len(open)-1]
}

// words are the 128 bits of an address; an IPv4 address fills the last 32.
func words(a netip.Addr) [2]uint64 {
	if a.Is4() {
		b := a.As4()
		return [2]uint64{0, uint64(binary.BigEndian.Uint32(b[:]))}
	}
	b := a.As16()
	return [2]uint64{binary.BigEndian.Uint64(b[:]), binary.BigEndian.Uint64(b[8:])}
}

// after is the first address behind a subnet; more is false when there is none.
func after(p netip.Prefix) (end [2]uint64, more bool) {
	end = words(p.Addr())
	host := p.Addr().BitLen() - p.Bits()
	if host >= 64 {
		end[0] += 1 << (host - 64)
		return end, host < 128 && end[0] != 0
	}
	end[1] += 1 << host
	if end[1] == 0 {
		end[0]++
		return end, end[0] != 0
	}
	return end, p.Addr().Is6() || end[1] <= 0xffffffff
}

// find returns the index of the longest subnet that holds an address, none if there is none. An
// address that is not valid is in no subnet.
func (s *subnets) find(a netip.Addr) int32 {
	list := s.v6
	if a.Is4() {
		list = s.v4
	}
	if len(list) == 0 || !a.IsValid() {
		return none
	}
	w := words(a)
	low, high := 0, len(list) // the first interval behind the address is in between
	for low < high {
		if mid := (low + high) / 2; list[mid].hi > w[0] || list[mid].hi == w[0] && list[mid].lo > w[1] {
			high = mid
		} else {
			low = mid + 1
		}
	}
	if low == 0 {
		return none
	}
	return list[low-1].node
}
