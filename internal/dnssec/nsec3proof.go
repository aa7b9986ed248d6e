package dnssec

import "knot-resolver/internal/dns"

// match finds the record of an existing name.
func (p *Proof) match(name dns.Name) *nsec3Record {
	hash, ok := p.hasher.hash(name)
	if !ok {
		return nil
	}
	for i := range p.nsec3 {
		if p.nsec3[i].hash == hash {
			return &p.nsec3[i]
		}
	}
	return nil
}

// cover finds the record that shows that a name has no record of its own.
func (p *Proof) cover(name dns.Name) *nsec3Record {
	hash, ok := p.hasher.hash(name)
	if !ok {
		return nil
	}
	for i := range p.nsec3 {
		if p.nsec3[i].covers(&hash) {
			return &p.nsec3[i]
		}
	}
	return nil
}

// encloser is a closest encloser proof (RFC 5155 section 7.2.1): the deepest ancestor that exists, and
// the absence of the next name towards qname.
type encloser struct {
	name         dns.Name
	match, cover *nsec3Record
}

// closestEncloser walks from the apex down. It ends at the first ancestor shown to be absent, so its work depends
// on how deep the zone is, not on how long a name the client made up.
func (p *Proof) closestEncloser(qname dns.Name) (e encloser, ok bool) {
	parent := encloser{}
	for labels := p.zone.Labels(); labels <= qname.Labels() && p.hasher.exceeded == nil; labels++ {
		name := qname.Suffix(labels)
		if r := p.match(name); r != nil {
			if cutsBelow(r.types) { // RFC 5155 section 8.3
				return e, false
			}
			parent = encloser{name: name, match: r}
			continue
		}
		if r := p.cover(name); r != nil && parent.match != nil {
			parent.cover = r
			return parent, true
		}
		parent = encloser{}
	}
	return e, false
}

func (p *Proof) nsec3NameError(qname dns.Name) (Denial, bool) {
	if len(p.nsec3) == 0 {
		return Denial{}, false
	}
	e, ok := p.closestEncloser(qname)
	if !ok {
		return Denial{}, false
	}
	wildcard, err := e.name.Wildcard()
	if err != nil {
		return Denial{}, false
	}
	w := p.cover(wildcard)
	if w == nil {
		return Denial{}, false
	}
	return proven(e.cover.optOut, e.name)
}

func (p *Proof) nsec3NoData(qname dns.Name, qtype dns.Type) (Denial, bool) {
	if len(p.nsec3) == 0 {
		return Denial{}, false
	}
	if r := p.match(qname); r != nil {
		if !deniesType(r.types, qname, qtype) {
			return Denial{}, false
		}
		d, ok := proven(false, "")
		d.Cut = r.types.Has(dns.TypeNS) && !r.types.Has(dns.TypeSOA)
		return d, ok
	}
	e, ok := p.closestEncloser(qname)
	if !ok {
		return Denial{}, false
	}
	if qtype == dns.TypeDS && e.cover.optOut { // RFC 5155 section 8.6
		d, ok := proven(true, e.name)
		d.Cut = true
		return d, ok
	}
	wildcard, err := e.name.Wildcard()
	if err != nil {
		return Denial{}, false
	}
	if w := p.match(wildcard); w != nil {
		if !deniesType(w.types, wildcard, qtype) {
			return Denial{}, false
		}
		return proven(e.cover.optOut, e.name)
	}
	// The empty name above an unsigned delegation has no NSEC3 in an opt-out span (RFC 5155 section 7.1).
	if e.cover.optOut {
		return proven(true, e.name)
	}
	return Denial{}, false
}

func (p *Proof) nsec3NoDS(child dns.Name) (Denial, bool) {
	if len(p.nsec3) == 0 {
		return Denial{}, false
	}
	if r := p.match(child); r != nil {
		if !delegatesUnsigned(r.types) {
			return Denial{}, false
		}
		d, ok := proven(false, "")
		d.Cut = true
		return d, ok
	}
	e, ok := p.closestEncloser(child)
	if !ok || !e.cover.optOut {
		return Denial{}, false
	}
	d, ok := proven(true, e.name)
	d.Cut = true
	return d, ok
}

func (p *Proof) nsec3WildcardAnswer(qname dns.Name, labels int) (Denial, bool) {
	if len(p.nsec3) == 0 {
		return Denial{}, false
	}
	r := p.cover(qname.Suffix(labels + 1))
	if r == nil {
		return Denial{}, false
	}
	return proven(r.optOut, qname.Suffix(labels))
}
