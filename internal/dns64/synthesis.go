package dns64

import (
	"net/netip"
	"slices"

	"knot-resolver/internal/dns"
)

// Options of a Synthesis.
type Options struct {
	Prefixes   []netip.Prefix // of translators, of valid length; each gives an address
	Exclude    []netip.Prefix // AAAA records in these do not count
	Ignore     []dns.Name     // at and below these names AAAA records count only where there is no A record; lower case
	ReverseTTL uint32         // of the aliases made for reverse names, seconds
}

// Synthesis makes AAAA records and reverse aliases.
type Synthesis struct{ Options }

// New makes a Synthesis.
func New(o Options) *Synthesis { return &Synthesis{o} }

// Ignored says whether AAAA records of a name count only where there is no A record.
func (s *Synthesis) Ignored(name dns.Name) bool {
	return slices.ContainsFunc(s.Ignore, name.Under)
}

// Usable returns the AAAA records of a set that count. A set of which some are left out loses its signatures.
func (s *Synthesis) Usable(set *dns.RRset) dns.RRset {
	usable := *set
	usable.RDatas = nil
	for rdata := range set.RDatas.All() {
		if a, ok := dns.AddrOf(dns.TypeAAAA, rdata); ok && !contains(s.Exclude, a) {
			usable.RDatas = usable.RDatas.Append(rdata)
		}
	}
	if len(usable.RDatas) < len(set.RDatas) {
		usable.Sigs = nil
	}
	return usable
}

func contains(list []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(a) })
}

// LimitTTL is the longest TTL of records made where there is no SOA to tell (RFC 6147 section 5.1.7), seconds.
const LimitTTL = 600

// Limit is the longest TTL of records made because of a denial: that of its SOA (RFC 6147 section 5.1.7).
func Limit(authority []dns.RRset) uint32 {
	for i := range authority {
		if authority[i].Type == dns.TypeSOA {
			return authority[i].TTL
		}
	}
	return LimitTTL
}

// AAAA makes the set that stands for an A set, with a TTL of at most limit.
func (s *Synthesis) AAAA(a *dns.RRset, limit uint32) dns.RRset {
	made := dns.RRset{Owner: a.Owner, Type: dns.TypeAAAA, TTL: min(a.TTL, limit)}
	for _, p := range s.Prefixes {
		for rdata := range a.RDatas.All() {
			if v4, ok := dns.AddrOf(dns.TypeA, rdata); ok {
				made.RDatas = made.RDatas.Append(Embed(p, v4).AsSlice())
			}
		}
	}
	return made
}

// Reverse makes the alias of the reverse name of an address with one of the prefixes: to the reverse
// name of the IPv4 address in it (RFC 6147 section 5.3.1).
func (s *Synthesis) Reverse(name dns.Name) (alias dns.RRset, target dns.Name, ok bool) {
	a, ok := dns.ReverseAddr6(name)
	if !ok {
		return alias, "", false
	}
	for _, p := range s.Prefixes {
		if v4, ok := Extract(p, a); ok {
			target = dns.ReverseName(v4)
			return dns.RRset{Owner: name, Type: dns.TypeCNAME, TTL: s.ReverseTTL, RDatas: dns.RDatas(nil).Append([]byte(target))}, target, true
		}
	}
	return alias, "", false
}
