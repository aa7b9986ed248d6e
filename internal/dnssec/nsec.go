package dnssec

import "knot-resolver/internal/dns"

// nsecRecord is an NSEC whose range lies within the zone.
type nsecRecord struct {
	owner, next dns.Name
	types       dns.TypeBitmap
}

// addNSEC keeps a record if it can deny anything: its range must stay within the zone, and only
// the last one may go back to the apex (RFC 4034 section 4.1.1; DL-04, DL-05).
func (p *Proof) addNSEC(owner dns.Name, rdata []byte) {
	nsec, err := dns.ParseNSEC(rdata)
	if err != nil || !owner.Under(p.zone) || !nsec.Next.Under(p.zone) {
		return
	}
	if nsec.Next != p.zone && owner.Compare(nsec.Next) >= 0 {
		return
	}
	p.nsec = append(p.nsec, nsecRecord{owner, nsec.Next, nsec.Types})
}

// covers says whether no records exist at name, which lies strictly between owner and next.
func (r *nsecRecord) covers(name, zone dns.Name) bool {
	if r.owner.Compare(name) >= 0 || name.Under(r.owner) && cutsBelow(r.types) {
		return false
	}
	return r.next == zone || name.Compare(r.next) < 0
}

// absent finds the record that shows that neither name nor anything below it exists, and how many labels
// the closest encloser has.
func (p *Proof) absent(name dns.Name) (r *nsecRecord, encloser int) {
	for i := range p.nsec {
		r := &p.nsec[i]
		if r.covers(name, p.zone) && !r.next.Under(name) {
			return r, max(dns.CommonLabels(name, r.owner), dns.CommonLabels(name, r.next))
		}
	}
	return nil, 0
}

// present finds the record that shows that name exists and what it holds: its own, or one that
// steps over it to a name below, for an empty non-terminal.
func (p *Proof) present(name dns.Name) (r *nsecRecord, empty bool) {
	for i := range p.nsec {
		r := &p.nsec[i]
		if r.owner == name {
			return r, false
		}
		if r.covers(name, p.zone) && r.next.Below(name) {
			return r, true
		}
	}
	return nil, false
}

func (p *Proof) nsecNameError(qname dns.Name) (Denial, bool) {
	r, labels := p.absent(qname)
	if r == nil {
		return Denial{}, false
	}
	encloser := qname.Suffix(labels)
	wildcard, err := encloser.Wildcard()
	if err != nil {
		return Denial{}, false
	}
	w, _ := p.absent(wildcard)
	if w == nil {
		return Denial{}, false
	}
	return proven(false, encloser)
}

func (p *Proof) nsecNoData(qname dns.Name, qtype dns.Type) (Denial, bool) {
	if d, ok := p.nsecNoDataAt(qname, qtype); ok {
		return d, true
	}
	r, labels := p.absent(qname)
	if r == nil {
		return Denial{}, false
	}
	encloser := qname.Suffix(labels)
	wildcard, err := encloser.Wildcard()
	if err != nil {
		return Denial{}, false
	}
	if _, ok := p.nsecNoDataAt(wildcard, qtype); !ok {
		return Denial{}, false
	}
	return proven(false, encloser)
}

// nsecNoDataAt judges one existing name.
func (p *Proof) nsecNoDataAt(name dns.Name, qtype dns.Type) (Denial, bool) {
	r, empty := p.present(name)
	if r == nil || !empty && !deniesType(r.types, name, qtype) {
		return Denial{}, false
	}
	d, ok := proven(false, "")
	d.Cut = !empty && r.types.Has(dns.TypeNS) && !r.types.Has(dns.TypeSOA)
	return d, ok
}

func (p *Proof) nsecNoDS(child dns.Name) (Denial, bool) {
	for i := range p.nsec {
		if r := &p.nsec[i]; r.owner == child && delegatesUnsigned(r.types) {
			d, ok := proven(false, "")
			d.Cut = true
			return d, ok
		}
	}
	return Denial{}, false
}

func (p *Proof) nsecWildcardAnswer(qname dns.Name, labels int) (Denial, bool) {
	r, encloser := p.absent(qname)
	if r == nil || encloser != labels {
		return Denial{}, false
	}
	return proven(false, qname.Suffix(labels))
}
