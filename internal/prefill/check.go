package prefill

import (
	"fmt"
	"net/netip"
	"time"

	"knot-resolver/internal/cache"
	"knot-resolver/internal/dns"
	"knot-resolver/internal/dnssec"
	"knot-resolver/internal/limits"
)

// Content is what of a zone goes into the cache.
type Content struct {
	Zone        dns.Name
	Serial      uint32
	Rank        cache.Rank   // of the sets
	Sets        []dns.RRset  // that the zone is authoritative for; TTLs are how long they may be used
	Delegations []delegation // to other zones
}

// delegation is a zone cut that has not begun to age.
type delegation struct {
	cache.Delegation
	ttl uint32 // seconds
}

// Trust is what a zone is validated with.
type Trust struct {
	Validator *dnssec.Validator
	Anchor    dnssec.Anchor
	Signed    bool // there is an anchor: without one nothing can be validated
}

// Check checks digest and signatures of a zone and takes it apart. Without an anchor its content is insecure.
func (z *Zone) Check(trust Trust, now time.Time) (*Content, error) {
	if err := z.CheckDigest(); err != nil {
		return nil, err
	}
	c := &Content{Zone: z.Origin, Serial: z.SOA.Serial, Rank: cache.Insecure}
	own, cuts := z.split()
	if !trust.Signed {
		c.Sets = own
	} else if err := c.validate(z, own, trust, now); err != nil {
		return nil, err
	}
	for i := range cuts {
		d, err := z.delegated(&cuts[i], trust)
		if err != nil {
			return nil, err
		}
		c.Delegations = append(c.Delegations, d)
	}
	return c, nil
}

// validate takes the sets over whose signatures are good; one that is not refuses the zone.
func (c *Content) validate(z *Zone, sets []dns.RRset, trust Trust, now time.Time) error {
	c.Rank = cache.Secure
	dnskey := z.Set(z.Origin, dns.TypeDNSKEY)
	if dnskey == nil {
		return fmt.Errorf("%w %v: no DNSKEY records", ErrZone, z.Origin)
	}
	keys, verdict := trust.Validator.Keys(dnskey, trust.Anchor, now, new(limits.Budget))
	if verdict.State != dnssec.Secure {
		return fmt.Errorf("%w %v: %s", ErrZone, z.Origin, verdict.Reason)
	}
	for _, set := range sets {
		signed, verdict := trust.Validator.Verify(&set, keys, now, new(limits.Budget))
		if verdict.State != dnssec.Secure {
			return fmt.Errorf("%w %v: %v %v: %s", ErrZone, z.Origin, set.Owner, set.Type, verdict.Reason)
		}
		set.TTL = min(set.TTL, signed.TTL)
		c.Sets = append(c.Sets, set)
	}
	return nil
}

// split tells what the zone is authoritative for (RFC 4035 section 2.2) from the NS sets of its delegations. Glue is neither.
func (z *Zone) split() (own, cuts []dns.RRset) {
	var cut dns.Name // everything below a name comes right after it
	for _, set := range z.sets {
		if cut == "" || !set.Owner.Under(cut) {
			cut = ""
			if ns := z.Set(set.Owner, dns.TypeNS); ns != nil && set.Owner != z.Origin {
				cut, cuts = set.Owner, append(cuts, *ns)
			}
		}
		if cut == "" || set.Owner == cut && (set.Type == dns.TypeDS || set.Type == dns.TypeNSEC) {
			own = append(own, set)
		}
	}
	return own, cuts
}

// delegated makes a zone cut of an NS set. All that makes it secure or insecure was validated.
func (z *Zone) delegated(ns *dns.RRset, trust Trust) (delegation, error) {
	d := delegation{cache.Delegation{Zone: ns.Owner, Rank: cache.Insecure, EDE: dns.NoEDE}, ns.TTL}
	for rdata := range ns.RDatas.All() {
		name, err := dns.Target(rdata)
		if err != nil {
			return d, fmt.Errorf("%w %v: NS of %v: %w", ErrZone, z.Origin, ns.Owner, err)
		}
		if len(d.Servers) < limits.NSKept {
			d.Servers = append(d.Servers, cache.NS{Name: name, Addrs: z.addresses(name)})
		}
	}
	if !trust.Signed {
		return d, nil
	}
	ds := z.Set(ns.Owner, dns.TypeDS)
	if ds == nil {
		return d, z.unsigned(ns.Owner)
	}
	_, verdict := trust.Validator.Delegation(ds)
	switch verdict.State {
	case dnssec.Secure:
		d.Rank, d.DS, d.ttl = cache.Secure, *ds, min(d.ttl, ds.TTL)
	case dnssec.Insecure:
		d.EDE, d.Reason = verdict.EDE, verdict.Reason
	default:
		return d, fmt.Errorf("%w %v: %s", ErrZone, z.Origin, verdict.Reason)
	}
	return d, nil
}

// unsigned demands the proof that a delegation has no DS set.
func (z *Zone) unsigned(name dns.Name) error {
	if set := z.Set(name, dns.TypeNSEC); set != nil {
		nsec, err := dns.ParseNSEC(set.RDatas.First())
		if err == nil && nsec.Types.Has(dns.TypeNS) && !nsec.Types.Has(dns.TypeDS) {
			return nil
		}
	}
	return fmt.Errorf("%w %v: no DS set of %v, nor an NSEC record that says so", ErrZone, z.Origin, name)
}

// addresses returns the glue of a server.
func (z *Zone) addresses(server dns.Name) (addrs []netip.Addr) {
	for _, t := range [...]dns.Type{dns.TypeA, dns.TypeAAAA} {
		set := z.Set(server, t)
		if set == nil {
			continue
		}
		for rdata := range set.RDatas.All() {
			if a, ok := dns.AddrOf(t, rdata); ok && len(addrs) < limits.AddressesPerNS {
				addrs = append(addrs, a)
			}
		}
	}
	return addrs
}
