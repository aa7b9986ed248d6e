package zone

import (
	"github.com/miekg/dns"
)

// maxChain bounds the CNAME and DNAME steps followed inside one zone.
const maxChain = 12

// Reply answers a query from the zones of one server. The reply may be larger
// than the client can take: see [Fit].
func Reply(zones []*Zone, q *dns.Msg) *dns.Msg {
	m := new(dns.Msg)
	m.SetReply(q)
	m.Compress = true
	opt := q.IsEdns0()
	if opt != nil {
		m.SetEdns0(serverUDPSize, opt.Do())
	}
	switch {
	case q.Opcode != dns.OpcodeQuery:
		m.Rcode = dns.RcodeNotImplemented
		return m
	case len(q.Question) != 1:
		m.Rcode = dns.RcodeFormatError
		return m
	case opt != nil && opt.Version() != 0:
		m.Rcode = dns.RcodeBadVers
		return m
	}
	qname, qtype := dns.CanonicalName(q.Question[0].Name), q.Question[0].Qtype
	z := pick(zones, qname, qtype)
	if z == nil || q.Question[0].Qclass != dns.ClassINET {
		m.Rcode = dns.RcodeRefused
		return m
	}
	r := &reply{z: z, all: zones, m: m, qtype: qtype, do: opt != nil && opt.Do()}
	r.run(qname)
	return m
}

// pick is the zone that answers: the deepest one, but the parent for a DS set
// at the apex when the server has both (RFC 4035 section 3.1.4.1).
func pick(zones []*Zone, qname string, qtype uint16) *Zone {
	var best, atApex *Zone
	for _, z := range zones {
		switch {
		case !dns.IsSubDomain(z.cfg.Origin, qname):
		case qtype == dns.TypeDS && z.cfg.Origin == qname:
			atApex = z
		case best == nil || dns.CountLabel(z.cfg.Origin) > dns.CountLabel(best.cfg.Origin):
			best = z
		}
	}
	if atApex != nil && (best == nil || !best.delegates(qname)) {
		return atApex
	}
	return best
}

// delegates tells whether name is a cut of the zone, with nothing but the zone
// itself above it.
func (z *Zone) delegates(name string) bool { return z.cutAt(name, dns.TypeNone) == name }

// reply is one answer in the making.
type reply struct {
	z     *Zone
	all   []*Zone
	m     *dns.Msg
	qtype uint16
	do    bool
}

// run follows the algorithm of RFC 1034 section 4.3.2 with the aliases inside
// the zone.
func (r *reply) run(name string) {
	r.m.Authoritative = true
	for range maxChain {
		target := r.step(name)
		if target == "" || !dns.IsSubDomain(r.z.cfg.Origin, target) {
			return
		}
		name = target
	}
}

// step answers for one name; it returns the next one if it was an alias.
func (r *reply) step(name string) (target string) {
	if cut := r.z.cutAt(name, r.qtype); cut != "" {
		r.refer(cut)
		return ""
	}
	if owner := r.z.dnameAbove(name); owner != "" {
		return r.rename(owner, name)
	}
	if n := r.z.nodes[name]; n != nil {
		return r.fromNode(n, name, func() []dns.RR { return r.z.denial.noData(name) })
	}
	encloser := r.z.encloser(name)
	n := r.z.nodes[wildcard(encloser)]
	if n == nil {
		r.m.Rcode = dns.RcodeNameError
		r.deny(func() []dns.RR { return r.z.denial.noNameNorWildcard(name, encloser) })
		return ""
	}
	had := len(r.m.Answer)
	target = r.fromNode(n, name, func() []dns.RR { return r.z.denial.noWildcardData(name, encloser) })
	if len(r.m.Answer) > had {
		r.prove(func() []dns.RR { return r.z.denial.noName(name, encloser) })
	}
	return target
}

// encloser is the closest existing ancestor.
func (z *Zone) encloser(name string) string {
	for z.nodes[name] == nil {
		name = parent(name)
	}
	return name
}

func (z *Zone) dnameAbove(name string) string {
	for name != z.cfg.Origin {
		name = parent(name)
		if n := z.nodes[name]; n != nil && n.sets[dns.TypeDNAME] != nil {
			return name
		}
	}
	return ""
}

// fromNode answers with the data of a node under the name asked for, which
// differs from the owner for a wildcard.
func (r *reply) fromNode(n *node, name string, noData func() []dns.RR) (target string) {
	switch cname := n.sets[dns.TypeCNAME]; {
	case r.qtype == dns.TypeANY && len(n.sets) > 0:
		r.answer(n, name, n.types()[0]) // one RRset is enough (RFC 8482 section 4.1)
	case r.qtype == dns.TypeRRSIG && len(n.sigs) > 0:
		for _, sigs := range n.sigs {
			r.m.Answer = append(r.m.Answer, renamed(sigs, name)...)
		}
	case n.sets[r.qtype] != nil:
		r.answer(n, name, r.qtype)
	case cname != nil:
		r.answer(n, name, dns.TypeCNAME)
		return dns.CanonicalName(cname[0].(*dns.CNAME).Target)
	default:
		r.deny(noData)
	}
	return ""
}

// answer adds an RRset to the answer section, with the addresses of name servers.
func (r *reply) answer(n *node, name string, qtype uint16) {
	r.m.Answer = append(r.m.Answer, renamed(n.sets[qtype], name)...)
	if r.do {
		r.m.Answer = append(r.m.Answer, renamed(n.sigs[qtype], name)...)
	}
	if qtype == dns.TypeNS {
		r.addresses(n.sets[qtype])
	}
}

// rename answers with a DNAME and the CNAME it stands for (RFC 6672 section 3.1).
func (r *reply) rename(owner, name string) (target string) {
	n := r.z.nodes[owner]
	r.answer(n, owner, dns.TypeDNAME)
	dname := n.sets[dns.TypeDNAME][0].(*dns.DNAME)
	target = name[:len(name)-len(owner)] + dns.CanonicalName(dname.Target)
	if _, ok := dns.IsDomainName(target); !ok {
		r.m.Rcode = dns.RcodeYXDomain
		return ""
	}
	r.m.Answer = append(r.m.Answer, &dns.CNAME{
		Hdr:    dns.RR_Header{Name: name, Rrtype: dns.TypeCNAME, Class: dns.ClassINET, Ttl: dname.Hdr.Ttl},
		Target: target,
	})
	return target
}

// renamed is the set under another owner: how a wildcard is expanded.
func renamed(set []dns.RR, name string) []dns.RR {
	if len(set) == 0 || set[0].Header().Name == name {
		return set
	}
	out := make([]dns.RR, len(set))
	for i, rr := range set {
		out[i] = dns.Copy(rr)
		out[i].Header().Name = name
	}
	return out
}
