// Package renumber rewrites addresses in answers, for networks whose hosts are reached at other addresses than the DNS says.
package renumber

import (
	"bytes"
	"net/netip"
	"slices"

	"knot-resolver/internal/dns"
)

// Rule rewrites the addresses of one subnet.
type Rule struct {
	Source      netip.Prefix
	Destination netip.Addr // of the family of Source
	Exact       bool       // Destination is the address itself, not where the prefix comes from
}

// Rules are applied in order: the first whose source has an address decides.
type Rules []Rule

// Address rewrites one address.
func (r Rules) Address(a netip.Addr) (netip.Addr, bool) {
	for i := range r {
		if r[i].Source.Contains(a) {
			return r[i].apply(a), true
		}
	}
	return a, false
}

func (r *Rule) apply(a netip.Addr) netip.Addr {
	if r.Exact {
		return r.Destination
	}
	in, out := r.Destination.AsSlice(), a.AsSlice()
	bits := r.Source.Bits()
	whole := copy(out, in[:bits/8])
	if rest := bits % 8; rest > 0 {
		mask := byte(0xff) << (8 - rest)
		out[whole] = in[whole]&mask | out[whole]&^mask
	}
	made, _ := netip.AddrFromSlice(out)
	return made
}

// Answer rewrites the addresses in A, AAAA, SVCB and HTTPS records. Sets that change lose their signatures. The
// list given stays as it is.
func (r Rules) Answer(sets []dns.RRset) (answer []dns.RRset, changed bool) {
	answer = sets
	for i := range sets {
		rdatas, other := r.rdatas(sets[i].Type, sets[i].RDatas)
		if !other {
			continue
		}
		if !changed {
			answer, changed = slices.Clone(sets), true
		}
		answer[i].RDatas, answer[i].Sigs = rdatas, nil
	}
	return answer, changed
}

// rdatas rewrites the records of a set. Those that become equal become one.
func (r Rules) rdatas(t dns.Type, list dns.RDatas) (out dns.RDatas, changed bool) {
	switch t {
	case dns.TypeA, dns.TypeAAAA, dns.TypeSVCB, dns.TypeHTTPS:
	default:
		return list, false
	}
	for rdata := range list.All() {
		rdata = bytes.Clone(rdata)
		if t == dns.TypeA || t == dns.TypeAAAA {
			changed = r.octets(rdata) || changed
		} else {
			for hint := range dns.AddressHints(rdata) {
				changed = r.octets(hint) || changed
			}
		}
		if !out.Contains(rdata) {
			out = out.Append(rdata)
		}
	}
	return out, changed
}

// octets rewrites an address in place.
func (r Rules) octets(b []byte) bool {
	a, ok := netip.AddrFromSlice(b)
	if !ok {
		return false
	}
	a, ok = r.Address(a)
	return ok && copy(b, a.AsSlice()) > 0
}
