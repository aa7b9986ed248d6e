package iterate

import (
	"net/netip"
	"slices"
	"time"

	"knot-resolver/internal/cache"
	"knot-resolver/internal/dns"
	"knot-resolver/internal/explain"
	"knot-resolver/internal/limits"
)

// cachedAddresses fills in what the cache knows of a server without glue.
func (s *session) cachedAddresses(ns *nameserver) {
	if s.anyUsable(ns.addrs) || ns.lookedUp {
		return
	}
	for _, t := range s.e.addressTypes() {
		if e, ok := s.e.cached(ns.name, t, rankFor(s.validate), time.Now()); ok && e.Kind == cache.Positive && e.Answer.Type == t {
			ns.addrs = s.e.askable(ns.name, appendAddrs(ns.addrs, &e.Answer))
		}
	}
	ns.lookedUp = s.anyUsable(ns.addrs)
}

// addressTypes lists the types of addresses in use, the more promising first.
func (e *Engine) addressTypes() []dns.Type {
	switch {
	case !e.IPv6:
		return []dns.Type{dns.TypeA}
	case e.NAT64.IsValid():
		return []dns.Type{dns.TypeAAAA, dns.TypeA}
	case !e.IPv4:
		return []dns.Type{dns.TypeAAAA}
	}
	return []dns.Type{dns.TypeA, dns.TypeAAAA}
}

func appendAddrs(to []netip.Addr, set *dns.RRset) []netip.Addr {
	for rdata := range set.RDatas.All() {
		if a, ok := dns.AddrOf(set.Type, rdata); ok && len(to) < limits.AddressesPerNS {
			to = append(to, a)
		}
	}
	return to
}

// lookUpServer resolves the address of one more server of the cut. It returns false when none
// is left or the search must end (NXNS: AM-02).
func (s *session) lookUpServer() bool {
	ns := s.unresolved()
	if ns == nil || s.lookups == limits.NSLookupsPerCut || s.depth == limits.Nesting || s.ctx.Err() != nil ||
		!s.budget.Left(limits.KindNSLookupFailures) || s.budget.Charge(limits.KindNSLookups, 1) != nil {
		return false
	}
	s.lookups++
	ns.lookedUp = true
	for _, t := range s.e.addressTypes() {
		node := s.trace.Add(explain.Step{Kind: explain.KindServer, Name: ns.name.String(), Type: t.String(), Zone: s.cut.zone.String()})
		sub := s.child(node)
		sub.depth++
		out := sub.follow(ns.name, t)
		if out.RCode == dns.RCodeServFail {
			s.fault(out.Reason)
		}
		for i := range out.Answer {
			if out.Answer[i].Type == t {
				ns.addrs = s.e.askable(ns.name, appendAddrs(ns.addrs, &out.Answer[i]))
			}
		}
		if s.anyUsable(ns.addrs) {
			break // the other family only when this one has nothing
		}
	}
	if !s.anyUsable(ns.addrs) {
		_ = s.budget.Charge(limits.KindNSLookupFailures, 1)
	}
	s.addServer(ns)
	return true
}

// learnt adds addresses that others found meanwhile: the servers belong to the cut, which sessions share.
func (s *session) learnt() bool {
	before := len(s.servers)
	for i := range s.cut.servers {
		s.addServer(&s.cut.servers[i])
	}
	return len(s.servers) > before
}

// parentSide adds, when nothing else is left, the glue that came with the referrals to the servers' own
// zones: zones do publish wrong addresses of their servers, or none.
func (s *session) parentSide() bool {
	if s.parental {
		return false
	}
	s.parental = true
	before := len(s.servers)
	for i := range s.cut.servers {
		ns := s.cut.servers[i]
		if ns.addrs = s.glueAbove(ns.name); ns.name.Under(s.cut.zone) && !s.anyUsable(ns.addrs) {
			ns.addrs = append(ns.addrs, s.fromParent(ns.name)...)
		}
		s.addServer(&ns)
	}
	return len(s.servers) > before
}

func (s *session) anyUsable(addrs []netip.Addr) bool {
	return slices.ContainsFunc(addrs, func(a netip.Addr) bool {
		_, ok := s.e.server(a)
		return ok
	})
}

// fromParent asks the servers of the parent zone for the address of a server inside the zone: some leave out glue
// in referrals that they give when asked for it.
func (s *session) fromParent(server dns.Name) (addrs []netip.Addr) {
	if s.cut.zone == dns.Root || s.depth == limits.Nesting || s.budget.Charge(limits.KindNSLookups, 1) != nil {
		return nil
	}
	t := s.e.addressTypes()[0]
	sub := s.child(s.trace.Add(explain.Step{Kind: explain.KindServer, Name: server.String(), Type: t.String(), Text: "asking the parent zone"}))
	sub.depth++
	parent, err := sub.closest(s.cut.zone.Parent(), t)
	if err != nil {
		return nil
	}
	for range 2 { // a server's name must be no alias (RFC 2181 section 10.3), but some are
		r, err := sub.session(parent, server, t).next()
		if err != nil {
			s.fault(err.Error())
			return nil
		}
		if set := setOf(r.answer, server, t); set != nil {
			return s.e.askable(server, appendAddrs(nil, set))
		}
		alias := setOf(r.answer, server, dns.TypeCNAME)
		if alias == nil {
			return s.e.askable(server, glueOf(r, server))
		}
		if server, err = dns.Target(alias.RDatas.First()); err != nil || !server.Under(s.cut.zone) {
			return nil
		}
	}
	return nil
}

// glueAbove returns the addresses of a server in the cached delegations on the way to its name.
func (s *session) glueAbove(server dns.Name) (addrs []netip.Addr) {
	for zone := server; zone != dns.Root; zone = zone.Parent() {
		d, ok := s.e.Cache.Cut(zone, rankFor(s.validate), time.Now())
		if !ok {
			return addrs
		}
		for _, ns := range d.Servers {
			if ns.Name == server {
				addrs = append(addrs, ns.Addrs...)
			}
		}
		if zone = d.Zone; zone == dns.Root {
			return addrs
		}
	}
	return addrs
}

// unresolved picks a server whose address is not known but can be: a name inside the zone itself cannot.
func (s *session) unresolved() *nameserver {
	start := int(random64() % uint64(max(1, len(s.cut.servers))))
	for i := range s.cut.servers {
		ns := &s.cut.servers[(start+i)%len(s.cut.servers)]
		if !ns.lookedUp && !s.anyUsable(ns.addrs) && (s.cut.zone == dns.Root || !ns.name.Under(s.cut.zone)) {
			return ns
		}
	}
	return nil
}
