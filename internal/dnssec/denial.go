package dnssec

import (
	"time"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/limits"
)

// Verified is an RRset with the signature that made it Secure.
type Verified struct {
	Set    dns.RRset
	Signed Signed
}

// Proof is the NSEC and NSEC3 records of one zone that may be used to deny something. Its methods say what they
// prove about a name. It belongs to one goroutine.
type Proof struct {
	zone     dns.Name
	nsec     []nsecRecord
	nsec3    []nsec3Record
	hasher   hasher
	blanket  Verdict // when set, the answer to every question: too many records, too many iterations
	shortage Verdict // why records had to be left out: explains a proof that falls short
	terse    bool    // nobody reads why a proof falls short
}

// Denial is what a Proof says. The verdict is Secure when the statement is proven, Insecure when it has to be
// accepted without being secure (opt-out, NSEC3 iterations), Bogus when it is not proven.
type Denial struct {
	Verdict
	OptOut bool // rests on an opt-out span: there may be unsigned delegations in it (RFC 5155 section 9.2)
	Cut    bool // NoData and NoDS: the records show a delegation at the name, or cannot exclude one
	// ClosestEncloser is the deepest existing ancestor, when the proof had to establish it.
	ClosestEncloser dns.Name
}

// Proof verifies the NSEC and NSEC3 sets among sets, one by one, and returns them as a Proof and as sets that may be
// stored. More than limits.NSEC3Records of them are refused before any is verified.
func (v *Validator) Proof(sets []dns.RRset, keys *Keys, now time.Time, b *limits.Budget) (*Proof, []Verified) {
	count := 0
	for i := range sets {
		if isDenial(&sets[i]) {
			count++
		}
	}
	if count > limits.NSEC3Records {
		return &Proof{zone: keys.Zone, blanket: bogus(dns.EDEBogus, "%d NSEC and NSEC3 sets in one response of %v", count, keys.Zone)}, nil
	}
	var verified []Verified
	shortage := Verdict{}
	for i := range sets {
		if !isDenial(&sets[i]) {
			continue
		}
		signed, verdict := v.Verify(&sets[i], keys, now, b)
		if verdict.State != Secure {
			shortage = worse(shortage, verdict)
			continue
		}
		if signed.Wildcard {
			shortage = worse(shortage, bogus(dns.EDEBogus, "%v %v comes from a wildcard: its place in %v is another", sets[i].Owner, sets[i].Type, keys.Zone))
		}
		verified = append(verified, Verified{sets[i], signed})
	}
	p := v.NewProof(keys.Zone, verified, b)
	p.shortage = shortage
	return p, verified
}

// NewProof makes a Proof of sets that Verify accepted for the zone, in this response or before.
// Records that cannot deny anything are left out.
func (v *Validator) NewProof(zone dns.Name, verified []Verified, b *limits.Budget) *Proof {
	p := &Proof{zone: zone, hasher: hasher{budget: b}}
	v.fill(p, verified)
	return p
}

// Reprove makes of p what NewProof makes, of records that were found by a Hasher: what that has computed is not computed again,
// records of other chains are left out, and the memory of p is used again. It gives no reasons for what it cannot prove.
func (v *Validator) Reprove(p *Proof, zone dns.Name, verified []Verified, h *Hasher) {
	*p = Proof{zone: zone, hasher: h.hasher, terse: true, nsec: p.nsec[:0], nsec3: p.nsec3[:0]}
	v.fill(p, verified)
}

func (v *Validator) fill(p *Proof, verified []Verified) {
	for i := range verified {
		set := &verified[i].Set
		if verified[i].Signed.Wildcard { // its owner is not the one in the zone (DL-08)
			continue
		}
		for rdata := range set.RDatas.All() {
			switch set.Type {
			case dns.TypeNSEC:
				p.addNSEC(set.Owner, rdata)
			case dns.TypeNSEC3:
				p.addNSEC3(set.Owner, rdata, v.options.NSEC3Iterations)
			}
		}
	}
}

func isDenial(set *dns.RRset) bool { return set.Type == dns.TypeNSEC || set.Type == dns.TypeNSEC3 }

// NameError says whether qname is proven not to exist, nor any wildcard that would answer for it
// (RFC 4035 section 5.4, RFC 5155 section 8.4).
func (p *Proof) NameError(qname dns.Name) Denial {
	if d, done := p.outside(qname); done {
		return d
	}
	if d, ok := p.nsecNameError(qname); ok {
		return d
	}
	if d, ok := p.nsec3NameError(qname); ok {
		return d
	}
	return p.missing("that %v does not exist", qname)
}

// NoData says whether qname, or the wildcard that answers for it, is proven to have no records of qtype
// (RFC 4035 section 5.4, RFC 5155 sections 8.5 to 8.7).
func (p *Proof) NoData(qname dns.Name, qtype dns.Type) Denial {
	if d, done := p.outside(qname); done {
		return d
	}
	if qtype == dns.TypeDS && qname == p.zone && qname != dns.Root {
		return Denial{Verdict: bogus(dns.EDEBogus, "%v DS denied by %v itself instead of its parent zone", qname, p.zone)}
	}
	if d, ok := p.nsecNoData(qname, qtype); ok {
		return d
	}
	if d, ok := p.nsec3NoData(qname, qtype); ok {
		return d
	}
	return p.missing("that %v has no %v", qname, qtype)
}

// NoDS says whether child is proven to be a delegation without DS, or to lie in an opt-out span: either way its data are
// Insecure (RFC 4035 section 5.2, RFC 5155 section 8.9).
func (p *Proof) NoDS(child dns.Name) Denial {
	if d, done := p.outside(child); done {
		return d
	}
	if child == p.zone {
		return Denial{Verdict: bogus(dns.EDEBogus, "%v DS denied by %v itself instead of its parent zone", child, p.zone)}
	}
	if d, ok := p.nsecNoDS(child); ok {
		return d
	}
	if d, ok := p.nsec3NoDS(child); ok {
		return d
	}
	return p.missing("that %v is a delegation without DS", child)
}

// WildcardAnswer says whether an answer that was expanded from the wildcard below the ancestor of qname with the given
// number of labels (Signed.Labels) was due: nothing closer may exist (RFC 4035 section 5.3.4, RFC 5155 section 8.8).
func (p *Proof) WildcardAnswer(qname dns.Name, labels int) Denial {
	if d, done := p.outside(qname); done {
		return d
	}
	if labels < p.zone.Labels() || labels >= qname.Labels() {
		return Denial{Verdict: bogus(dns.EDEBogus, "%v cannot come from a wildcard with %d labels in %v", qname, labels, p.zone)}
	}
	if d, ok := p.nsecWildcardAnswer(qname, labels); ok {
		return d
	}
	if d, ok := p.nsec3WildcardAnswer(qname, labels); ok {
		return d
	}
	return p.missing("that nothing closer to %v exists than the wildcard of %v", qname, qname.Suffix(labels))
}

// outside answers without looking at records where it can. A zone says nothing about names it does not hold (DW-09).
func (p *Proof) outside(name dns.Name) (Denial, bool) {
	if p.blanket.State == Bogus {
		return Denial{Verdict: p.blanket}, true
	}
	if !name.Under(p.zone) {
		return Denial{Verdict: bogus(dns.EDEBogus, "%v is not in zone %v, which denies it", name, p.zone)}, true
	}
	return Denial{Verdict: p.blanket, Cut: true}, p.blanket.State != Indeterminate
}

// missing is the verdict on a proof that falls short. A record that had to be left out explains it better than its absence.
func (p *Proof) missing(format string, args ...any) Denial {
	if p.hasher.exceeded != nil {
		return Denial{Verdict: overBudget("NSEC3 of "+p.zone.String(), p.hasher.exceeded)}
	}
	if p.shortage.State == Bogus {
		return Denial{Verdict: p.shortage}
	}
	if p.terse {
		return Denial{Verdict: Verdict{State: Bogus, EDE: dns.EDENSECMissing}}
	}
	args = append([]any{p.zone}, args...)
	return Denial{Verdict: bogus(dns.EDENSECMissing, "no NSEC or NSEC3 of %v shows "+format, args...)}
}

// proven is a Secure denial, or an Insecure one when it rests on opt-out.
func proven(optOut bool, encloser dns.Name) (Denial, bool) {
	d := Denial{Verdict: secure(), OptOut: optOut, ClosestEncloser: encloser}
	if optOut {
		d.Verdict = insecure(dns.NoEDE, "NSEC3 opt-out: unsigned delegations may exist")
	}
	return d, true
}

// cutsBelow says whether names below the owner of these types are in another zone or renamed, so that the
// record proves nothing about them (RFC 6840 sections 4.1 and 4.4; DL-07).
func cutsBelow(types dns.TypeBitmap) bool {
	return types.Has(dns.TypeNS) && !types.Has(dns.TypeSOA) || types.Has(dns.TypeDNAME)
}

// deniesType says whether the types at an existing name leave no answer to qtype. The parent's record at a zone cut
// speaks for DS only, and the child's for all else (RFC 6840 section 4.1).
func deniesType(types dns.TypeBitmap, name dns.Name, qtype dns.Type) bool {
	cut := types.Has(dns.TypeNS) && !types.Has(dns.TypeSOA)
	switch {
	case types.Has(qtype) || types.Has(dns.TypeCNAME):
		return false
	case qtype == dns.TypeDS:
		return !types.Has(dns.TypeSOA) || name == dns.Root
	case qtype == dns.TypeANY:
		return !cut && onlyDenial(types)
	}
	return !cut
}

// delegatesUnsigned says whether the types are those of a delegation without DS, as the parent zone sees it.
func delegatesUnsigned(types dns.TypeBitmap) bool {
	return types.Has(dns.TypeNS) && !types.Has(dns.TypeDS) && !types.Has(dns.TypeSOA)
}

// onlyDenial says whether nothing but NSEC and RRSIG is set.
func onlyDenial(types dns.TypeBitmap) bool {
	for window := types; len(window) >= 2; window = window[2+int(window[1]):] {
		for i, octet := range window[2 : 2+int(window[1])] {
			if window[0] == 0 && i == int(dns.TypeNSEC)/8 {
				octet &^= 0x80>>(dns.TypeNSEC&7) | 0x80>>(dns.TypeRRSIG&7)
			}
			if octet != 0 {
				return false
			}
		}
	}
	return true
}
