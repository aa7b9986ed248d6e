package iterate

import (
	"net/netip"
	"slices"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/upstream"
)

// class is what a response means for the question asked.
type class uint8

const (
	answered class = iota // the RRset asked for
	aliased               // a CNAME at the name or a DNAME above it
	noData                // the name exists, the type does not
	nxDomain
	referral  // to a zone below the one asked, at or above the name
	lame      // not authoritative, an upward or sideways referral, or nothing at all
	errored   // an RCODE that says the server will not or cannot answer
	malformed // the records cannot be read
)

func (c class) String() string {
	return [...]string{"answer", "alias", "nodata", "nxdomain", "referral", "lame", "error", "malformed"}[c]
}

// response is a reply with its records sorted out. Only records inside the zone asked are
// kept, but for the additional section, which referrals treat by their own rules.
type response struct {
	class     class
	rcode     dns.RCode
	server    netip.AddrPort
	answer    []dns.RRset
	authority []dns.RRset
	extra     []dns.RRset
	aa        bool
	edns      bool
	upward    bool // the authority section refers to servers of other zones than the one asked and those below
}

// read makes a response out of a reply to a question asked in a zone.
func read(reply *upstream.Reply, zone, name dns.Name, t dns.Type, permissive bool) *response {
	m := &reply.Msg
	r := &response{rcode: m.RCode(), aa: m.Flags().Has(dns.FlagAA), edns: m.HasEDNS}
	var errs [3]error
	r.answer, errs[0] = m.RRsets(dns.Answer)
	r.authority, errs[1] = m.RRsets(dns.Authority)
	r.extra, errs[2] = m.RRsets(dns.Additional)
	for _, err := range errs {
		if err != nil {
			r.class = malformed
			return r
		}
	}
	adopt(r.answer, r.extra)
	r.upward = slices.ContainsFunc(r.authority, func(set dns.RRset) bool { return set.Type == dns.TypeNS && !set.Owner.Under(zone) })
	r.answer, r.authority = within(r.answer, zone), within(r.authority, zone)
	r.class = classify(r, zone, name, t, permissive)
	return r
}

// adopt attaches signatures that came in another section. Whether they fit is seen when they are checked.
func adopt(sets, other []dns.RRset) {
	for i := range sets {
		set := &sets[i]
		if stray := setOf(other, set.Owner, dns.TypeRRSIG); stray != nil {
			for rdata := range stray.RDatas.All() {
				if sig, err := dns.ParseRRSIG(rdata); err == nil && sig.Covered == set.Type && !set.Sigs.Contains(rdata) {
					set.Sigs = set.Sigs.Append(rdata)
				}
			}
		}
	}
}

// within keeps the sets of a zone: a server can say nothing about other names (BW-01).
func within(sets []dns.RRset, zone dns.Name) []dns.RRset {
	kept := sets[:0]
	for _, set := range sets {
		if set.Owner.Under(zone) {
			kept = append(kept, set)
		}
	}
	return kept
}

// classify decides what a response is (RFC 1034 section 5.3.3, RFC 2308 section 2).
func classify(r *response, zone, name dns.Name, t dns.Type, permissive bool) class {
	if r.rcode != dns.RCodeNoError && r.rcode != dns.RCodeNXDomain && r.rcode != dns.RCodeYXDomain {
		return errored
	}
	trusted := r.aa || permissive || name == zone
	if c, ok := classifyAnswer(r, name, t); ok {
		return c // even without AA: many servers forget it, and DNSSEC judges content, not flags
	}
	if r.rcode == dns.RCodeYXDomain { // it goes with a DNAME only (RFC 6672 section 2.2)
		return errored
	}
	soa := soaOf(r, zone, name)
	if r.rcode == dns.RCodeNXDomain {
		if trusted || soa != nil || denies(r) {
			return nxDomain
		}
		return lame
	}
	if soa != nil {
		return noData
	}
	if ns := nsOf(r); ns != nil {
		if ns.Owner.Below(zone) && name.Under(ns.Owner) {
			return referral
		}
		if !(r.aa && ns.Owner == zone) {
			return lame
		}
	}
	if r.aa && !r.upward || denies(r) {
		return noData
	}
	return lame
}

// denies says whether a response has the records of a proof, which make up for a missing SOA or AA bit.
func denies(r *response) bool {
	return setOf(r.authority, "", dns.TypeNSEC) != nil || setOf(r.authority, "", dns.TypeNSEC3) != nil
}

func classifyAnswer(r *response, name dns.Name, t dns.Type) (class, bool) {
	if dnameAbove(r.answer, name) != nil {
		return aliased, true
	}
	for i := range r.answer {
		set := &r.answer[i]
		switch {
		case set.Owner == name && (set.Type == t || t == dns.TypeANY):
			return answered, true
		case set.Owner == name && set.Type == dns.TypeCNAME:
			return aliased, true
		}
	}
	return 0, false
}

// soaOf returns the SOA of a denial: of the zone asked or one between it and the name.
func soaOf(r *response, zone, name dns.Name) *dns.RRset {
	for i := range r.authority {
		if set := &r.authority[i]; set.Type == dns.TypeSOA && name.Under(set.Owner) && set.Owner.Under(zone) {
			return set
		}
	}
	return nil
}

func nsOf(r *response) *dns.RRset { return setOf(r.authority, "", dns.TypeNS) }

// setOf returns the first set of a type, of any owner when that is empty.
func setOf(sets []dns.RRset, owner dns.Name, t dns.Type) *dns.RRset {
	for i := range sets {
		if sets[i].Type == t && (owner == "" || sets[i].Owner == owner) {
			return &sets[i]
		}
	}
	return nil
}
