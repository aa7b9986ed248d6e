package dnssec

import (
	"time"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/limits"
)

// Signed describes the signature that made an RRset Secure.
type Signed struct {
	Wildcard   bool   // the set was expanded from a wildcard: the absence of its owner must be proven too
	Labels     int    // labels of the closest encloser when Wildcard, else of the owner without a leading asterisk
	TTL        uint32 // seconds the set may be kept at most (RFC 4035 section 5.3.3)
	Inception  time.Time
	Expiration time.Time
	Algorithm  uint8
	KeyTag     uint16
}

// Verify checks that one of the signatures of set was made with a key of the zone, and that the set is one this
// zone may hold. The set's own signatures are used, the first limits.SignaturesPerRRset of them.
func (v *Validator) Verify(set *dns.RRset, keys *Keys, now time.Time, b *limits.Budget) (Signed, Verdict) {
	if flaw := misplaced(set, keys.Zone); flaw.State == Bogus {
		return Signed{}, flaw
	}
	signed, verdict := v.verify(set, keys.Zone, keys.keys, now, b)
	if verdict.State == Secure && signed.Wildcard && (set.Type == dns.TypeDS || set.Type == dns.TypeDNSKEY || set.Type == dns.TypeDNAME) {
		return Signed{}, bogus(dns.EDEBogus, "%v %v comes from a wildcard", set.Owner, set.Type)
	}
	return signed, verdict
}

// misplaced refuses records at the wrong side of a zone cut, and denials that reach beyond the zone.
func misplaced(set *dns.RRset, zone dns.Name) Verdict {
	fault := ""
	switch set.Type {
	case dns.TypeDS:
		if !set.Owner.Below(zone) {
			fault = "must be signed by the parent zone"
		}
	case dns.TypeDNSKEY, dns.TypeSOA, dns.TypeNSEC3PARAM:
		if set.Owner != zone {
			fault = "must be at the apex of its zone"
		}
	case dns.TypeNSEC3:
		if set.Owner == zone || set.Owner.Parent() != zone {
			fault = "must be directly below the apex of its zone"
		}
	case dns.TypeNSEC:
		for rdata := range set.RDatas.All() {
			if nsec, err := dns.ParseNSEC(rdata); err != nil || !nsec.Next.Under(zone) {
				fault = "must point into its zone"
			}
		}
	}
	if fault == "" {
		return Verdict{}
	}
	return bogus(dns.EDEBogus, "%v %v, said to be of zone %v, %s", set.Owner, set.Type, zone, fault)
}

// verify tries signatures until one is good.
func (v *Validator) verify(set *dns.RRset, zone dns.Name, keys []key, now time.Time, b *limits.Budget) (Signed, Verdict) {
	c := check{v: v, set: set, zone: zone, keys: keys, now: v.moment(now), budget: b}
	failure := Verdict{}
	looked := 0
	for rdata := range set.Sigs.All() {
		if looked == limits.SignaturesPerRRset {
			break
		}
		looked++
		sig, err := dns.ParseRRSIG(rdata)
		if err != nil {
			failure = worse(failure, bogus(dns.EDEBogus, "malformed RRSIG of %v %v", set.Owner, set.Type))
			continue
		}
		verdict := c.signature(&sig)
		if verdict.State == Secure {
			signed := c.signed(&sig)
			signed.Expiration = signed.Expiration.Add(now.Sub(c.now)) // on the caller's clock
			return signed, verdict
		}
		failure = worse(failure, verdict)
		if c.stopped {
			return Signed{}, verdict
		}
	}
	switch {
	case looked > 0 && c.strange == looked:
		failure.EDE = dns.EDEDNSKEYMissing // more cannot be said: the key may be right and the DNSKEY set wrong
	case looked == 0:
		failure = bogus(dns.EDERRSIGsMissing, "no RRSIG of %v %v", set.Owner, set.Type)
	}
	return Signed{}, failure
}

// check is the verification of one RRset.
type check struct {
	v       *Validator
	set     *dns.RRset
	zone    dns.Name
	keys    []key
	now     time.Time
	budget  *limits.Budget
	form    canonicalSet // made when the first signature needs it
	scratch []byte
	strange int  // signatures by keys that the zone does not have
	stopped bool // the budget is used up
}

// signature judges one RRSIG.
func (c *check) signature(sig *dns.RRSIG) Verdict {
	if fault := c.fields(sig); fault != "" {
		return c.bogus(dns.EDEBogus, sig, fault)
	}
	if code, fault := c.times(sig); fault != "" {
		return c.bogus(code, sig, fault)
	}
	if !c.v.supports(sig.Algorithm) {
		return c.bogus(dns.EDEBogus, sig, "has an unsupported algorithm: "+algorithmName(sig.Algorithm))
	}
	candidates := matching(c.keys, sig.Algorithm, sig.KeyTag)
	if len(candidates) == 0 {
		return c.unknownKey(sig)
	}
	if c.form.owner == "" {
		c.form = canonicalise(c.set)
	}
	c.scratch = c.form.signedBy(c.scratch[:0], sig)
	for _, k := range candidates {
		good, err := c.try(k, sig.Signature)
		if err != nil {
			c.stopped = true
			return overBudget(c.set.Owner.String()+" "+c.set.Type.String(), err)
		}
		if good {
			return secure()
		}
	}
	return c.bogus(dns.EDEBogus, sig, "is wrong: the records or the signature were changed")
}

// unknownKey distinguishes a DNSKEY set that its entry key did not sign from data signed by a key the zone does not have.
func (c *check) unknownKey(sig *dns.RRSIG) Verdict {
	if c.set.Type == dns.TypeDNSKEY {
		return bogus(dns.EDERRSIGsMissing, "no RRSIG of %v DNSKEY is by a key that the DS or trust anchor names", c.zone)
	}
	c.strange++
	return c.bogus(dns.EDEBogus, sig, "is by a key that the zone does not have")
}

// try runs one public-key operation. A key that cannot be used counts as a failed check (DW-03).
func (c *check) try(k *key, signature []byte) (good bool, err error) {
	digest := c.v.proven.digest(k, c.scratch, signature)
	if c.v.proven.has(digest) {
		return true, nil
	}
	if !c.budget.Left(limits.KindSignatureFailures) {
		return false, &limits.Exceeded{Kind: limits.KindSignatureFailures, Limit: limits.SignatureFailures}
	}
	public, err := c.v.parse(k)
	if err != nil {
		_ = c.budget.Charge(limits.KindSignatureFailures, 1) // the next try sees it
		return false, nil
	}
	if err := c.budget.Charge(limits.KindSignatureChecks, 1); err != nil {
		return false, err
	}
	if err := c.budget.Charge(limits.KindCryptoUnits, public.weight); err != nil {
		return false, err
	}
	if public.verify(c.scratch, signature) {
		c.v.proven.add(digest)
		return true, nil
	}
	_ = c.budget.Charge(limits.KindSignatureFailures, 1)
	return false, nil
}

// fields checks everything about an RRSIG but times and the signature itself (RFC 4035 section 5.3.1).
func (c *check) fields(sig *dns.RRSIG) string {
	switch {
	case sig.Covered != c.set.Type:
		return "covers another type"
	case sig.Signer != c.zone:
		return "is not by zone " + c.zone.String()
	case !c.set.Owner.Under(c.zone):
		return "is by a zone that does not hold the name"
	case int(sig.Labels) > ownerLabels(c.set.Owner):
		return "has more labels than the name"
	case int(sig.Labels) < c.zone.Labels():
		return "claims a wildcard above its zone"
	}
	return ""
}

// times compares with the clock without tolerance.
func (c *check) times(sig *dns.RRSIG) (dns.EDECode, string) {
	now := uint32(c.now.Unix())
	switch {
	case serialAfter(sig.Inception, sig.Expiration):
		return dns.EDEExpiredBeforeValid, "expires before it becomes valid"
	case serialAfter(sig.Inception, now):
		return dns.EDESignatureNotYetValid, "is not valid before " + c.text(sig.Inception)
	case serialAfter(now, sig.Expiration):
		return dns.EDESignatureExpired, "expired " + c.text(sig.Expiration)
	}
	return 0, ""
}

func (c *check) text(t uint32) string { return serialTime(t, c.now).Format(time.RFC3339) }

func (c *check) bogus(code dns.EDECode, sig *dns.RRSIG, fault string) Verdict {
	return bogus(code, "RRSIG of %v %v by %v key %d %s", c.set.Owner, c.set.Type, sig.Signer, sig.KeyTag, fault)
}

func (c *check) signed(sig *dns.RRSIG) Signed {
	expiration := serialTime(sig.Expiration, c.now)
	left := uint32(max(0, expiration.Unix()-c.now.Unix()))
	return Signed{
		Wildcard: int(sig.Labels) < ownerLabels(c.set.Owner), Labels: int(sig.Labels),
		TTL:       min(c.set.TTL, sig.OriginalTTL, left),
		Inception: serialTime(sig.Inception, c.now), Expiration: expiration,
		Algorithm: sig.Algorithm, KeyTag: sig.KeyTag,
	}
}

// Signer returns the zone that claims to have signed the set: the signer of the first RRSIG whose signer
// holds the name. It is a hint where to look for keys, nothing more.
func Signer(set *dns.RRset) (dns.Name, bool) {
	for rdata := range set.Sigs.All() {
		if sig, err := dns.ParseRRSIG(rdata); err == nil && set.Owner.Under(sig.Signer) {
			return sig.Signer, true
		}
	}
	return "", false
}
