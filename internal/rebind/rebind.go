// Package rebind finds addresses in answers that names of the public DNS have no business pointing to: through such a name a page in
// a browser could reach a service of the local network.
package rebind

import (
	"net/netip"
	"slices"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/dns64"
)

// Options of a Guard.
type Options struct {
	Private []netip.Prefix // nil stands for Ranges
	Public  []netip.Prefix // addresses in these are all right although they are in Private
	Names   []dns.Name     // names at and below which every address is all right, lower case
	Strip   bool           // leave private addresses out of an answer instead of refusing it
}

// Guard knows which addresses may be answered.
type Guard struct{ Options }

// New makes a Guard.
func New(o Options) *Guard {
	if o.Private == nil {
		o.Private = Ranges()
	}
	return &Guard{o}
}

// Ranges are the addresses that are private without further configuration.
func Ranges() []netip.Prefix {
	var list []netip.Prefix
	for _, text := range []string{"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16",
		"::/128", "::1/128", "fc00::/7", "fe80::/10"} {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}

// Check returns the first private address in a set, which may be of any type.
func (g *Guard) Check(set *dns.RRset) (a netip.Addr, private bool) {
	if !holdsAddresses(set.Type) || g.trusts(set.Owner) {
		return a, false
	}
	for rdata := range set.RDatas.All() {
		if a, private = g.record(set.Type, rdata); private {
			return a, true
		}
	}
	return a, false
}

// Without returns a set without the records that hold private addresses. If there are any it has no signatures.
func (g *Guard) Without(set *dns.RRset) dns.RRset {
	kept := *set
	kept.RDatas, kept.Sigs = nil, nil
	for rdata := range set.RDatas.All() {
		if _, private := g.record(set.Type, rdata); !private {
			kept.RDatas = kept.RDatas.Append(rdata)
		}
	}
	return kept
}

// Allows says whether an address may be used for a name.
func (g *Guard) Allows(name dns.Name, a netip.Addr) bool { return g.trusts(name) || !g.private(a) }

func holdsAddresses(t dns.Type) bool {
	return t == dns.TypeA || t == dns.TypeAAAA || t == dns.TypeHTTPS || t == dns.TypeSVCB
}

func (g *Guard) trusts(name dns.Name) bool { return slices.ContainsFunc(g.Names, name.Under) }

// record returns the private address in a record of a type that holds addresses.
func (g *Guard) record(t dns.Type, rdata []byte) (a netip.Addr, private bool) {
	if a, ok := dns.AddrOf(t, rdata); ok {
		return a, g.private(a)
	}
	for hint := range dns.AddressHints(rdata) {
		if a, _ := netip.AddrFromSlice(hint); g.private(a) {
			return a, true
		}
	}
	return a, false
}

// private looks through forms in which an IPv6 address stands for an IPv4 address.
func (g *Guard) private(a netip.Addr) bool {
	if v4, ok := dns64.Extract(dns64.WellKnown(), a); ok {
		a = v4
	}
	a = a.Unmap()
	return contains(g.Private, a) && !contains(g.Public, a)
}

func contains(list []netip.Prefix, a netip.Addr) bool {
	return slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(a) })
}
