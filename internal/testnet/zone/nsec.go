package zone

import (
	"slices"

	"github.com/miekg/dns"
)

// denial gives the records, with signatures, that prove a negative statement.
// Encloser is always the closest existing ancestor of name.
type denial interface {
	// noData proves that an existing name (also a delegation, for DS) lacks a type.
	noData(name string) []dns.RR
	// noName proves that name does not exist, so that a wildcard may apply.
	noName(name, encloser string) []dns.RR
	// noNameNorWildcard proves NXDOMAIN.
	noNameNorWildcard(name, encloser string) []dns.RR
	// noWildcardData proves that name does not exist and the wildcard lacks a type.
	noWildcardData(name, encloser string) []dns.RR
}

// nsecChain is the NSEC chain of a zone (RFC 4035 section 3.1.3).
type nsecChain struct {
	z    *Zone
	keys [][]string // sort keys of the owners, ascending
	rrs  [][]dns.RR // per owner: NSEC and its signatures
}

// newNSECChain adds NSEC records to the nodes of the zone.
func newNSECChain(z *Zone) *nsecChain {
	var owners []string
	for _, name := range z.Names() {
		if len(z.nodes[name].sets) > 0 {
			owners = append(owners, name)
		}
	}
	c := &nsecChain{z: z}
	for i, owner := range owners {
		n := z.nodes[owner]
		nsec := &dns.NSEC{
			Hdr:        dns.RR_Header{Name: owner, Rrtype: dns.TypeNSEC, Class: dns.ClassINET, Ttl: z.negativeTTL()},
			NextDomain: owners[(i+1)%len(owners)],
			TypeBitMap: n.types(dns.TypeRRSIG, dns.TypeNSEC),
		}
		n.sets[dns.TypeNSEC] = []dns.RR{nsec}
		n.sigs[dns.TypeNSEC] = z.signatures(n.sets[dns.TypeNSEC])
		c.keys = append(c.keys, sortKey(owner))
		c.rrs = append(c.rrs, slices.Concat(n.sets[dns.TypeNSEC], n.sigs[dns.TypeNSEC]))
	}
	return c
}

// types is the type bitmap of the node with further types, ascending.
func (n *node) types(more ...uint16) []uint16 {
	for t := range n.sets {
		if !n.isCut() || t == dns.TypeNS || t == dns.TypeDS {
			more = append(more, t)
		}
	}
	slices.Sort(more)
	return slices.Compact(more)
}

// at is the NSEC whose owner is name, or else the one that covers it.
func (c *nsecChain) at(name string) []dns.RR {
	i, found := slices.BinarySearchFunc(c.keys, sortKey(name), slices.Compare[[]string])
	if !found {
		i--
	}
	return c.rrs[i]
}

func (c *nsecChain) noData(name string) []dns.RR { return c.at(name) }

func (c *nsecChain) noName(name, _ string) []dns.RR { return c.at(name) }

func (c *nsecChain) noNameNorWildcard(name, encloser string) []dns.RR {
	return slices.Concat(c.at(name), c.at(wildcard(encloser)))
}

func (c *nsecChain) noWildcardData(name, encloser string) []dns.RR {
	return slices.Concat(c.at(name), c.at(wildcard(encloser)))
}
