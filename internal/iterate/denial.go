package iterate

import (
	"slices"
	"time"

	"knot-resolver/internal/cache"
	"knot-resolver/internal/dns"
	"knot-resolver/internal/dnssec"
	"knot-resolver/internal/explain"
	"knot-resolver/internal/limits"
)

// negative accepts a denial: NODATA, or NXDOMAIN.
func (j *job) negative(c *cut, r *response, name dns.Name, t dns.Type, nx bool) (cache.Entry, error) {
	e := cache.Entry{Kind: cache.NoData, Rank: cache.Unvalidated, EDE: dns.NoEDE}
	if nx {
		e.Kind = cache.NXDomain
	}
	soa := soaOf(r, c.zone, name)
	if soa != nil {
		e.TTL = negativeTTL(soa)
		e.Authority = append(e.Authority, *soa)
	}
	now := time.Now()
	if j.validate {
		zone, err := j.secureDenial(c, r, soa, name, t, &e)
		if err != nil {
			return e, err
		}
		if e.Rank == cache.Secure && !e.OptOut && soa != nil && j.keepProof(c, zone, soa, &e, now) && e.Kind == cache.NXDomain {
			e.Inserted = now
			return e, nil // it will be found again by its proof
		}
	}
	if e.Rank != cache.Secure && !slices.ContainsFunc(e.Authority, isDenial) {
		e.Authority = append(e.Authority, unproven(r.authority)...)
	}
	if soa == nil { // not to be remembered, nor trusted for long (RFC 2308 section 5, BW-09)
		e.Inserted = now
		return e, nil
	}
	e.TTL = j.e.held(c, e.TTL)
	j.put(c, name, t, &e, now)
	return e, nil
}

// keepProof stores the parts of a secure denial for the denial of other names.
func (j *job) keepProof(c *cut, zone dns.Name, soa *dns.RRset, e *cache.Entry, now time.Time) bool {
	apex := cache.Entry{Kind: cache.Positive, Rank: cache.Secure, Answer: *soa, TTL: min(soa.TTL, limits.NegativeTTL), EDE: dns.NoEDE}
	j.put(c, zone, dns.TypeSOA, &apex, now)
	return j.keepDenials(c, zone, e.Authority[1:], negativeTTL(soa), now) // RFC 9077
}

// negativeTTL is how long a denial may be kept (RFC 2308 section 5).
func negativeTTL(set *dns.RRset) uint32 {
	soa, err := dns.ParseSOA(set.RDatas.First())
	if err != nil {
		return 0
	}
	return min(set.TTL, soa.Minimum, limits.NegativeTTL)
}

func (j *job) secureDenial(c *cut, r *response, soa *dns.RRset, name dns.Name, t dns.Type, e *cache.Entry) (dns.Name, error) {
	c = j.island(c, deniedBy(soa, name, t))
	zone := c
	if soa != nil && c.secure && soa.Owner.Below(c.zone) && (t != dns.TypeDS || soa.Owner != name) {
		var err error
		if zone, err = j.descend(c, soa.Owner); err != nil {
			return "", err
		}
	}
	if _, negative := j.e.negative(name); !zone.secure || negative {
		e.Rank, e.EDE, e.Reason = cache.Insecure, zone.ede, zone.reason
		return zone.zone, nil
	}
	keys, err := j.keysOf(zone)
	if err != nil {
		return "", err
	}
	if soa != nil {
		signed, verdict := j.e.Validator.Verify(soa, keys, time.Now(), j.budget)
		j.traceVerdict(explain.KindVerify, soa.Owner, soa.Type, verdict)
		if verdict.State != dnssec.Secure {
			return "", j.bogus(verdict)
		}
		e.TTL = min(e.TTL, signed.TTL)
	}
	if err := j.prove(keys, r, name, t, e); err != nil {
		if len(j.evidence) == 0 && (soa != nil || zone.target == nil) {
			return "", err // the zone speaks for itself, or servers that would have referred: nothing says that the name is not in it
		}
		return "", j.excused(zone, name, t, e, err)
	}
	return zone.zone, nil
}

// deniedBy is a name in the zone that denies: its apex when the SOA shows it. A DS set is denied by the zone above.
func deniedBy(soa *dns.RRset, name dns.Name, t dns.Type) dns.Name {
	switch {
	case soa != nil:
		return soa.Owner
	case t == dns.TypeDS && name != dns.Root:
		return name.Parent()
	}
	return name
}

// prove demands the NSEC or NSEC3 proof of a denial and takes its rank from it.
func (j *job) prove(keys *dnssec.Keys, r *response, name dns.Name, t dns.Type, e *cache.Entry) error {
	proof, sets, ttl := j.proofSets(keys, r.authority)
	denial := proof.NoData(name, t)
	if e.Kind == cache.NXDomain {
		denial = proof.NameError(name)
	}
	j.traceVerdict(explain.KindProof, name, t, denial.Verdict)
	if denial.State == dnssec.Bogus {
		return j.bogus(denial.Verdict)
	}
	e.Rank, e.OptOut, e.Cut = cache.Secure, denial.OptOut, denial.Cut
	if denial.State == dnssec.Insecure {
		e.Rank, e.EDE, e.Reason = cache.Insecure, denial.EDE, denial.Reason
	}
	e.Authority, e.TTL = append(e.Authority, sets...), min(e.TTL, ttl)
	return nil
}

// proof verifies the denial records of a section.
func (j *job) proof(keys *dnssec.Keys, authority []dns.RRset) (*dnssec.Proof, uint32) {
	p, _, ttl := j.proofSets(keys, authority)
	return p, ttl
}

func (j *job) proofSets(keys *dnssec.Keys, authority []dns.RRset) (p *dnssec.Proof, sets []dns.RRset, ttl uint32) {
	p, verified := j.e.Validator.Proof(authority, keys, time.Now(), j.budget)
	ttl = limits.NegativeTTL
	for i := range verified {
		set := verified[i].Set
		set.TTL = verified[i].Signed.TTL
		sets = append(sets, set)
		ttl = min(ttl, set.TTL)
	}
	return p, sets, ttl
}

// unproven returns the proof that came with a denial that is not validated here. Clients
// who ask for DNSSEC may have an anchor of their own.
func unproven(authority []dns.RRset) (sets []dns.RRset) {
	for _, set := range authority {
		if isDenial(set) && len(sets) < limits.NSEC3Records {
			sets = append(sets, set)
		}
	}
	return sets
}

func isDenial(set dns.RRset) bool { return set.Type == dns.TypeNSEC || set.Type == dns.TypeNSEC3 }
