package iterate

import (
	"errors"
	"time"

	"knot-resolver/internal/cache"
	"knot-resolver/internal/dns"
	"knot-resolver/internal/dnssec"
	"knot-resolver/internal/explain"
	"knot-resolver/internal/limits"
)

// accept validates what a response says about a question, stores it, and returns it. The
// error is a bogus Failure when another server may do better.
func (j *job) accept(c *cut, r *response, name dns.Name, t dns.Type) (cache.Entry, error) {
	var entry cache.Entry
	var err error
	switch r.class {
	case answered, aliased:
		entry, err = j.positive(c, r, name, t)
		if err == nil && r.class == aliased {
			j.learnChain(c, r, &entry, name, t)
		}
	case noData, nxDomain:
		entry, err = j.negative(c, r, name, t, r.class == nxDomain)
	default:
		err = failure(dns.EDENoReachableAuthority, "%s gives no usable answer to %v %v", r.server, name, t)
	}
	if err == nil {
		j.heed(c, r)
	}
	return entry, err
}

// positive accepts an RRset, or the alias in its place. A DNAME occludes the CNAME that comes with it.
func (j *job) positive(c *cut, r *response, name dns.Name, t dns.Type) (cache.Entry, error) {
	set := answerSet(r, name, t)
	if set == nil {
		return cache.Entry{}, failure(dns.EDEInvalidData, "no answer to %v %v in the response of %s", name, t, r.server)
	}
	if set.Type != t && (t == dns.TypeDS || t == dns.TypeDNSKEY || t == dns.TypeNS && name == c.zone) {
		return cache.Entry{}, failure(dns.EDEInvalidData, "%v %v is an alias, which it must not be", name, t) // BW-07
	}
	if set.Type == dns.TypeCNAME && t != dns.TypeCNAME && set.RDatas.Count() > 1 {
		return cache.Entry{}, failure(dns.EDEInvalidData, "%v has more than one CNAME", set.Owner)
	}
	e := cache.Entry{Kind: cache.Positive, Answer: *set, TTL: set.TTL, EDE: dns.NoEDE}
	if err := j.secure(c, r, set, &e); err != nil {
		return e, err
	}
	now := time.Now()
	e.TTL = j.e.held(c, e.TTL)
	j.put(c, set.Owner, set.Type, &e, now)
	return e, nil
}

// put stores what servers of a cut have said.
func (j *job) put(c *cut, name dns.Name, t dns.Type, e *cache.Entry, now time.Time) {
	if c.uncached {
		e.Inserted = now
		return
	}
	j.e.Cache.PutAnswer(name, t, e, now)
}

// keepDenials stores proofs that servers of a cut have given, for at most life seconds; it says whether it could.
func (j *job) keepDenials(c *cut, zone dns.Name, sets []dns.RRset, life uint32, now time.Time) bool {
	return !c.uncached && j.e.keepDenials(zone, sets, life, now)
}

func answerSet(r *response, name dns.Name, t dns.Type) *dns.RRset {
	if set := dnameAbove(r.answer, name); set != nil {
		return set
	}
	if set := setOf(r.answer, name, t); set != nil {
		return set
	}
	if t == dns.TypeANY && len(r.answer) > 0 {
		return &r.answer[0]
	}
	return setOf(r.answer, name, dns.TypeCNAME)
}

// dnameAbove finds a DNAME that applies to a name; it hides all other records at and below the name.
func dnameAbove(sets []dns.RRset, name dns.Name) *dns.RRset {
	for i := range sets {
		if set := &sets[i]; set.Type == dns.TypeDNAME && name.Below(set.Owner) {
			return set
		}
	}
	return nil
}

// secure gives a positive entry its rank, or says why it is bogus.
func (j *job) secure(c *cut, r *response, set *dns.RRset, e *cache.Entry) error {
	if !j.validate {
		e.Rank = cache.Unvalidated
		return nil
	}
	zone, err := j.zoneOf(c, set)
	if err != nil {
		return err
	}
	_, negative := j.e.negative(set.Owner)
	if !zone.secure || negative || set.Type == dns.TypeRRSIG {
		e.Rank, e.EDE, e.Reason = cache.Insecure, zone.ede, zone.reason
		return nil
	}
	keys, err := j.keysOf(zone)
	if err != nil {
		return err
	}
	signed, verdict := j.e.Validator.Verify(set, keys, time.Now(), j.budget)
	j.traceVerdict(explain.KindVerify, set.Owner, set.Type, verdict)
	if verdict.State != dnssec.Secure {
		return j.bogus(verdict)
	}
	e.Rank, e.TTL = cache.Secure, min(e.TTL, signed.TTL)
	if !signed.Wildcard {
		j.attest(keys, r, set, e)
		return nil
	}
	return j.wildcard(c, keys, r, set, signed.Labels, e)
}

// wildcard demands the proof that nothing closer than the wildcard exists (RFC 4035 section 5.3.4).
func (j *job) wildcard(c *cut, keys *dnssec.Keys, r *response, set *dns.RRset, labels int, e *cache.Entry) error {
	proof, sets, ttl := j.proofSets(keys, r.authority)
	denial := proof.WildcardAnswer(set.Owner, labels)
	j.traceVerdict(explain.KindProof, set.Owner, set.Type, denial.Verdict)
	if denial.State == dnssec.Bogus {
		return j.bogus(denial.Verdict)
	}
	if denial.State == dnssec.Insecure {
		e.Rank, e.EDE, e.Reason = cache.Insecure, denial.EDE, denial.Reason
	}
	e.OptOut = denial.OptOut
	e.Authority, e.TTL = sets, min(e.TTL, ttl)
	if e.Rank == cache.Secure && !e.OptOut {
		j.keepWildcard(c, keys.Zone, set, labels, sets, e.TTL)
	}
	return nil
}

// keepWildcard stores what was expanded under the name of the wildcard, for other names (RFC 8198 section 5.3).
func (j *job) keepWildcard(c *cut, zone dns.Name, set *dns.RRset, labels int, proofs []dns.RRset, ttl uint32) {
	now := time.Now()
	j.keepDenials(c, zone, proofs, ttl, now)
	if wildcard, err := set.Owner.Suffix(labels).Wildcard(); err == nil {
		source := cache.Entry{Kind: cache.Positive, Rank: cache.Secure, Answer: *set, TTL: ttl, EDE: dns.NoEDE}
		source.Answer.Owner = wildcard
		j.put(c, wildcard, set.Type, &source, now)
	}
}

// zoneOf finds the zone an RRset belongs to: servers of a zone may also serve zones below it, and then answer for those
// without a referral.
func (j *job) zoneOf(c *cut, set *dns.RRset) (*cut, error) {
	holder := set.Owner
	if set.Type == dns.TypeDS && holder != dns.Root {
		holder = holder.Parent()
	}
	c = j.island(c, holder)
	if !c.secure || set.Type == dns.TypeRRSIG {
		return c, nil
	}
	if signer, ok := dnssec.Signer(set); ok && signer.Below(c.zone) {
		return j.descend(c, signer)
	}
	if len(set.Sigs) > 0 {
		return c, nil
	}
	if _, err := j.keysOf(c); err != nil { // without keys there is no proof either
		return nil, err
	}
	zone, err := j.descend(c, holder)
	return zone, undecided(set, err)
}

// undecided is the failure of not finding out whether an unsigned set may be unsigned. Another server may have signatures.
func undecided(set *dns.RRset, err error) error {
	var f *Failure
	if !errors.As(err, &f) || f.Bogus || f.Passing {
		return err
	}
	return &Failure{RCode: dns.RCodeServFail, EDE: dns.EDERRSIGsMissing, Bogus: true,
		Reason: "no RRSIG of " + set.Owner.String() + " " + set.Type.String() + ", nor a proof that there is none: " + f.Reason}
}

// learnChain stores what a response says about the targets of its alias, as long as
// they are in the zone asked and in no zone below it. It saves asking again; the chain is followed through the cache.
func (j *job) learnChain(c *cut, r *response, e *cache.Entry, name dns.Name, t dns.Type) {
	for range limits.AliasSteps {
		next, alias, err := chain(e, name, t, newCollector())
		if err != nil || !alias || !next.Under(c.zone) {
			return
		}
		if d, ok := j.e.Cache.Cut(next, rankFor(j.validate), time.Now()); ok && d.Zone.Below(c.zone) {
			return
		}
		var entry cache.Entry
		switch soa := soaOf(r, c.zone, next); {
		case answerSet(r, next, t) != nil:
			entry, err = j.positive(c, r, next, t)
		case soa != nil && r.aa:
			entry, err = j.negative(c, r, next, t, r.rcode == dns.RCodeNXDomain)
		default:
			return
		}
		if err != nil {
			return
		}
		e, name = &entry, next
	}
}

func (j *job) traceVerdict(kind explain.Kind, name dns.Name, t dns.Type, v dnssec.Verdict) {
	if !j.trace.On() {
		return
	}
	s := explain.Step{Kind: kind, Name: name.String(), Type: t.String(), Verdict: v.State.String(), Text: v.Reason}
	if v.EDE != dns.NoEDE {
		s.EDE = v.EDE.String()
	}
	j.trace.Add(s)
}
