package zone

import (
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// nsec3OptOutFlag is the only flag of NSEC3 records (RFC 5155 section 3.1.2.1).
const nsec3OptOutFlag = 1

// nsec3Chain is the NSEC3 chain of a zone (RFC 5155 section 7).
type nsec3Chain struct {
	z      *Zone
	hashes []string   // ascending
	rrs    [][]dns.RR // per hash: NSEC3 and its signatures
}

func (z *Zone) nsec3Param() *dns.NSEC3PARAM {
	return &dns.NSEC3PARAM{
		Hdr:        dns.RR_Header{Name: z.cfg.Origin, Rrtype: dns.TypeNSEC3PARAM, Class: dns.ClassINET},
		Hash:       dns.SHA1,
		Iterations: z.cfg.Iterations,
	}
}

func newNSEC3Chain(z *Zone) *nsec3Chain {
	c := &nsec3Chain{z: z}
	byHash := map[string]string{}
	for _, name := range z.Names() {
		if z.isHashed(name) {
			byHash[c.hash(name)] = name
		}
	}
	for h := range byHash {
		c.hashes = append(c.hashes, h)
	}
	slices.Sort(c.hashes)
	for i, h := range c.hashes {
		set := []dns.RR{c.record(h, c.hashes[(i+1)%len(c.hashes)], z.nodes[byHash[h]])}
		c.rrs = append(c.rrs, append(set, z.signatures(set)...))
	}
	return c
}

// isHashed tells whether a name is in the chain. With opt-out, insecure
// delegations and names that exist only for their sake are not.
func (z *Zone) isHashed(name string) bool {
	if z.cfg.Denial != NSEC3OptOut {
		return true
	}
	for other, n := range z.nodes {
		isInsecureCut := n.isCut() && len(n.sets[dns.TypeDS]) == 0
		if !n.glue && len(n.sets) > 0 && !isInsecureCut && dns.IsSubDomain(name, other) {
			return true
		}
	}
	return false
}

func (c *nsec3Chain) record(hash, next string, n *node) *dns.NSEC3 {
	types := n.types()
	if len(n.sigs) > 0 {
		types = n.types(dns.TypeRRSIG)
	}
	flags := uint8(0)
	if c.z.cfg.Denial == NSEC3OptOut {
		flags = nsec3OptOutFlag
	}
	owner := strings.ToLower(hash) + "." + strings.TrimPrefix(c.z.cfg.Origin, ".")
	return &dns.NSEC3{
		Hdr:        dns.RR_Header{Name: owner, Rrtype: dns.TypeNSEC3, Class: dns.ClassINET, Ttl: c.z.negativeTTL()},
		Hash:       dns.SHA1,
		Flags:      flags,
		Iterations: c.z.cfg.Iterations,
		HashLength: 20,
		NextDomain: next,
		TypeBitMap: types,
	}
}

func (c *nsec3Chain) hash(name string) string {
	return dns.HashName(name, dns.SHA1, c.z.cfg.Iterations, "")
}

// match is the NSEC3 of exactly this name, nil if there is none.
func (c *nsec3Chain) match(name string) []dns.RR {
	i, found := slices.BinarySearch(c.hashes, c.hash(name))
	if !found {
		return nil
	}
	return c.rrs[i]
}

// cover is the NSEC3 whose span has the hash of the name.
func (c *nsec3Chain) cover(name string) []dns.RR {
	i, _ := slices.BinarySearch(c.hashes, c.hash(name))
	return c.rrs[(i+len(c.rrs)-1)%len(c.rrs)]
}

// provable is the closest encloser that is in the chain: with opt-out the
// closest existing one need not be.
func (c *nsec3Chain) provable(encloser string) string {
	for c.match(encloser) == nil {
		encloser = parent(encloser)
	}
	return encloser
}

// encloserProof matches the closest provable encloser and covers the next
// closer name (RFC 5155 section 7.2.1).
func (c *nsec3Chain) encloserProof(name, encloser string) []dns.RR {
	return slices.Concat(c.match(encloser), c.cover(nextCloser(name, encloser)))
}

func (c *nsec3Chain) noData(name string) []dns.RR {
	if rrs := c.match(name); rrs != nil {
		return rrs
	}
	return c.encloserProof(name, c.provable(name))
}

func (c *nsec3Chain) noName(name, encloser string) []dns.RR {
	return c.cover(nextCloser(name, c.provable(encloser)))
}

func (c *nsec3Chain) noNameNorWildcard(name, encloser string) []dns.RR {
	encloser = c.provable(encloser)
	return slices.Concat(c.encloserProof(name, encloser), c.cover(wildcard(encloser)))
}

func (c *nsec3Chain) noWildcardData(name, encloser string) []dns.RR {
	return slices.Concat(c.encloserProof(name, encloser), c.match(wildcard(encloser)))
}
