package zone

import (
	"slices"

	"github.com/miekg/dns"
)

// refer fills in a referral to the child zone: its name servers, the DS set or
// the proof that there is none, and glue (RFC 4035 section 3.1.4). A chain of
// aliases that led here just ends.
func (r *reply) refer(cut string) {
	if len(r.m.Answer) > 0 {
		return
	}
	r.m.Authoritative = false
	n := r.z.nodes[cut]
	r.authority(n.sets[dns.TypeNS])
	if ds := n.sets[dns.TypeDS]; ds != nil && r.do {
		r.authority(ds)
		r.authority(n.sigs[dns.TypeDS])
	} else {
		r.prove(func() []dns.RR { return r.z.denial.noData(cut) })
	}
	r.addresses(n.sets[dns.TypeNS])
}

// deny adds the SOA and a proof: the two parts of a negative answer.
func (r *reply) deny(proof func() []dns.RR) {
	apex := r.z.nodes[r.z.cfg.Origin]
	r.authority(apex.sets[dns.TypeSOA])
	if r.do {
		r.authority(apex.sigs[dns.TypeSOA])
	}
	r.prove(proof)
}

// prove adds a proof if the client wants one and the zone has any.
func (r *reply) prove(proof func() []dns.RR) {
	if r.do && r.z.denial != nil {
		r.authority(proof())
	}
}

// authority adds records that are not there yet: one NSEC often proves two things.
func (r *reply) authority(rrs []dns.RR) {
	for _, rr := range rrs {
		if !slices.Contains(r.m.Ns, rr) {
			r.m.Ns = append(r.m.Ns, rr)
		}
	}
}

// addresses adds what the server knows about the addresses of name servers,
// be it data, glue, or glue that should not be there.
func (r *reply) addresses(set []dns.RR) {
	for _, rr := range set {
		host := dns.CanonicalName(rr.(*dns.NS).Ns)
		r.m.Extra = append(r.m.Extra, r.z.foreign[host]...)
		for _, z := range r.all {
			n := z.nodes[host]
			if n == nil || (z != r.z && n.glue) {
				continue
			}
			r.m.Extra = append(r.m.Extra, n.sets[dns.TypeA]...)
			r.m.Extra = append(r.m.Extra, n.sets[dns.TypeAAAA]...)
			if r.do {
				r.m.Extra = append(r.m.Extra, n.sigs[dns.TypeA]...)
				r.m.Extra = append(r.m.Extra, n.sigs[dns.TypeAAAA]...)
			}
			break
		}
	}
	// The OPT pseudo-record came first; by custom it goes last.
	slices.SortStableFunc(r.m.Extra, func(a, b dns.RR) int { return isOPT(a) - isOPT(b) })
}

func isOPT(rr dns.RR) int {
	if rr.Header().Rrtype == dns.TypeOPT {
		return 1
	}
	return 0
}
