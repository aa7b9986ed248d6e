package iterate

import (
	"math"
	"net/netip"
	"time"

	"knot-resolver/internal/cache"
	"knot-resolver/internal/dns"
	"knot-resolver/internal/dnssec"
	"knot-resolver/internal/explain"
	"knot-resolver/internal/limits"
)

// delegated makes the cut a referral leads to and remembers it.
func (j *job) delegated(parent *cut, r *response, name dns.Name, t dns.Type) (*cut, error) {
	ns := nsOf(r)
	if t == dns.TypeDS && ns.Owner == name {
		return nil, failure(dns.EDENotAuthoritative, "a server of %v refers to %v when asked for its DS", parent.zone, name)
	}
	d := &cache.Delegation{Zone: ns.Owner, Rank: cache.Unvalidated, EDE: dns.NoEDE, Servers: j.serversOf(parent, ns, r)}
	ttl := j.e.Cache.Clamp(ns.TTL)
	if j.validate {
		var err error
		if parent, err = j.referrer(parent, r, d.Zone); err != nil {
			return nil, err
		}
		d.Rank = cache.Insecure
		d.EDE, d.Reason = parent.ede, parent.reason
		if _, own := j.e.anchors.of(d.Zone); parent.secure && !own {
			signed, err := j.secureDelegation(parent, r, d)
			if err != nil {
				return nil, err
			}
			ttl = min(ttl, signed)
		}
	}
	now := time.Now()
	d.Expires = now.Add(time.Duration(ttl) * time.Second)
	if parent.expires.Before(d.Expires) && parent.zone != dns.Root {
		d.Expires = parent.expires // nothing outlives the delegation above it (GD-03)
	}
	if !parent.uncached {
		j.e.Cache.PutDelegation(d, now)
	}
	c := j.restored(d)
	c.uncached = parent.uncached
	if j.trace.On() {
		j.trace.Add(explain.Step{Kind: explain.KindReferral, Zone: c.zone.String(), Verdict: map[bool]string{true: "secure", false: "insecure"}[c.secure], Text: c.reason})
	}
	return c, nil
}

// heed has a delegation end when the zone's own NS set does, if that is sooner: who is about to move his zone can lower the TTL of
// that set, not the TTL at his parent. The set never begins, changes or prolongs a delegation (GD-01, BW-02).
func (j *job) heed(c *cut, r *response) {
	ns := setOf(r.authority, c.zone, dns.TypeNS)
	if ns == nil || c.zone == dns.Root || c.target != nil || c.uncached {
		return
	}
	now := time.Now()
	if end := now.Add(time.Duration(max(ns.TTL, limits.DelegationTTL)) * time.Second); end.Before(c.expires) {
		j.e.Cache.EndDelegation(c.zone, rankFor(j.validate), end, now)
		c.expires = end
	}
}

// referrer returns the zone that holds a delegation. The servers of a zone may be those of one below it, too, and refer from there at once:
// then that one has signed what comes with the referral.
func (j *job) referrer(parent *cut, r *response, child dns.Name) (*cut, error) {
	for i := range r.authority {
		set := &r.authority[i]
		if !parent.secure || set.Type != dns.TypeDS && !isDenial(*set) {
			continue
		}
		if signer, ok := dnssec.Signer(set); ok && signer.Below(parent.zone) && child.Below(signer) {
			return j.descend(parent, signer)
		}
	}
	return parent, nil
}

// serversOf reads the servers of a referral with the glue that is believed.
func (j *job) serversOf(parent *cut, ns *dns.RRset, r *response) []cache.NS {
	var servers []cache.NS
	for rdata := range ns.RDatas.All() {
		name, err := dns.Target(rdata)
		if err != nil || len(servers) == limits.NSKept {
			continue
		}
		s := cache.NS{Name: name}
		if j.believesGlue(name, parent.zone, ns.Owner) {
			s.Addrs = j.e.askable(name, glueOf(r, name))
		}
		servers = append(servers, s)
	}
	return servers
}

func (j *job) believesGlue(server, parent, child dns.Name) bool {
	switch j.e.Glue {
	case GlueStrict:
		return server.Under(child)
	case GluePermissive:
		return true
	}
	return server.Under(parent)
}

func glueOf(r *response, server dns.Name) (addrs []netip.Addr) {
	for i := range r.extra {
		if set := &r.extra[i]; set.Owner == server && (set.Type == dns.TypeA || set.Type == dns.TypeAAAA) {
			addrs = appendAddrs(addrs, set)
		}
	}
	return addrs
}

// secureDelegation finds out from a signed parent whether the child is signed: the
// referral holds its DS set or the proof that there is none; if it holds neither,
// the parent is asked. It returns for how long that is known.
func (j *job) secureDelegation(parent *cut, r *response, d *cache.Delegation) (ttl uint32, err error) {
	keys, err := j.keysOf(parent)
	if err != nil {
		return 0, err
	}
	now := time.Now()
	if ds := setOf(r.authority, d.Zone, dns.TypeDS); ds != nil {
		signed, verdict := j.e.Validator.Verify(ds, keys, now, j.budget)
		j.traceVerdict(explain.KindVerify, ds.Owner, ds.Type, verdict)
		if verdict.State != dnssec.Secure {
			return 0, j.bogus(verdict)
		}
		return signed.TTL, j.signedBy(d, ds)
	}
	proof, sets, ttl := j.proofSets(keys, r.authority)
	denial := proof.NoDS(d.Zone)
	j.traceVerdict(explain.KindProof, d.Zone, dns.TypeDS, denial.Verdict)
	if denial.State == dnssec.Insecure || denial.State == dnssec.Secure {
		j.keepDenials(parent, parent.zone, sets, math.MaxUint32, now) // without SOA there is no other bound than their own TTL
		d.Rank = cache.Insecure
		if denial.EDE != dns.NoEDE {
			d.EDE, d.Reason = denial.EDE, denial.Reason
		}
		return ttl, nil
	}
	return j.askForDS(d)
}

// signedBy gives a delegation its validated DS set, or makes it insecure when no DS in it can be used.
func (j *job) signedBy(d *cache.Delegation, ds *dns.RRset) error {
	_, verdict := j.e.Validator.Delegation(ds)
	switch verdict.State {
	case dnssec.Secure:
		d.Rank, d.DS = cache.Secure, *ds
	case dnssec.Insecure:
		d.Rank, d.EDE, d.Reason = cache.Insecure, verdict.EDE, verdict.Reason
	default:
		return j.bogus(verdict)
	}
	return nil
}

// askForDS resolves the DS set of a child whose referral said nothing valid about it.
func (j *job) askForDS(d *cache.Delegation) (ttl uint32, err error) {
	entry, err := j.find(d.Zone, dns.TypeDS)
	if err != nil {
		return 0, err
	}
	left, _ := entry.Remaining(time.Now())
	switch entry.Kind {
	case cache.Positive:
		if entry.Answer.Type != dns.TypeDS {
			return 0, failure(dns.EDEBogus, "the DS of %v is an alias", d.Zone)
		}
		return left, j.signedBy(d, &entry.Answer)
	case cache.NoData:
		if entry.Cut || entry.OptOut {
			return left, nil
		}
	}
	return 0, &Failure{RCode: dns.RCodeServFail, EDE: dns.EDENSECMissing, Bogus: true,
		Reason: "there is a referral to " + d.Zone.String() + ", but its parent proves that there is no such delegation"}
}
