package iterate

import (
	"slices"
	"strings"
	"time"

	"knot-resolver/internal/cache"
	"knot-resolver/internal/dns"
	"knot-resolver/internal/dnssec"
	"knot-resolver/internal/limits"
)

// keepDenials stores the validated records of a denial for names not asked yet (RFC 8198), for at most life seconds. It says
// whether all of them will serve, so that the denial itself need not be stored.
func (e *Engine) keepDenials(zone dns.Name, sets []dns.RRset, life uint32, now time.Time) (all bool) {
	all = len(sets) > 0
	for i := range sets {
		switch set := &sets[i]; set.Type {
		case dns.TypeNSEC:
			all = e.keepNSEC(zone, set, life, now) && all
		case dns.TypeNSEC3:
			all = e.keepNSEC3(zone, set, life, now) && all
		}
	}
	return all
}

func (e *Engine) keepNSEC(zone dns.Name, set *dns.RRset, life uint32, now time.Time) bool {
	nsec, err := dns.ParseNSEC(set.RDatas.First())
	if err != nil || set.RDatas.Count() != 1 || minimalRange(set.Owner, nsec.Next) {
		return false
	}
	e.Cache.PutNSEC(zone, set, life, now)
	return true
}

// minimalRange says whether an NSEC was made for one name (RFC 4470 and its relatives): next is the first
// name possible after owner, so it will deny nothing else.
func minimalRange(owner, next dns.Name) bool {
	return len(next) > 2 && next[0] == 1 && next[1] == 0 && next.Parent() == owner || strings.HasPrefix(next.FirstLabel(), owner.FirstLabel()+"\x00")
}

func (e *Engine) keepNSEC3(zone dns.Name, set *dns.RRset, life uint32, now time.Time) bool {
	nsec3, err := dns.ParseNSEC3(set.RDatas.First())
	hash, ok := dnssec.OwnerHash(set.Owner)
	// A big salt would make every later look-up expensive (DW-06); opt-out denies nothing for sure.
	if err != nil || !ok || set.RDatas.Count() != 1 || nsec3.Flags != 0 || len(nsec3.Salt) > limits.AggressiveSalt {
		return false
	}
	chain := cache.Chain{NSEC3: true, Iterations: nsec3.Iterations, Salt: nsec3.Salt}
	e.Cache.PutNSEC3(zone, &chain, hash[:], set, life, now)
	return true
}

// synthesised answers a question from validated denial records and wildcards of its zone, as
// the zone's servers would (RFC 8198). The entry is good as long as s is not used again.
func (e *Engine) synthesised(s *synthesis, v *cache.View, name dns.Name, t dns.Type, b *limits.Budget, now time.Time) (cache.Entry, bool) {
	switch t {
	case dns.TypeNSEC, dns.TypeNSEC3, dns.TypeRRSIG, dns.TypeANY:
		return cache.Entry{}, false
	}
	holder := name
	if t == dns.TypeDS {
		holder = name.Parent() // a DS set belongs to the zone above
	}
	zone, ok := e.secureZone(v, holder, now)
	if !ok {
		return cache.Entry{}, false
	}
	chain, zone, ok := deepestChain(v, zone, holder, now)
	if !ok {
		return cache.Entry{}, false
	}
	if f := e.forward(name, t, nil, e.Policy); f != nil && !zone.Under(f.Apex) {
		return cache.Entry{}, false // what is public says nothing about it (BW-10)
	}
	s.begin(synthesis{e: e, v: v, zone: zone, name: name, typ: t, now: now, chain: chain, budget: b})
	if chain.NSEC3 {
		s.gatherNSEC3()
	} else {
		s.gatherNSEC()
	}
	if len(s.records) == 0 {
		return cache.Entry{}, false
	}
	return s.conclude()
}

// deepestChain returns the chain of denial records closest above a name, of a signed zone or one below it. A zone that the servers
// of its parent answer for never shows by a referral, but by what it proved.
func deepestChain(v *cache.View, zone, name dns.Name, now time.Time) (cache.Chain, dns.Name, bool) {
	for ; name.Below(zone); name = name.Parent() {
		if chain, ok := v.Chain(name, now); ok {
			return chain, name, true
		}
	}
	chain, ok := v.Chain(zone, now)
	return chain, zone, ok
}

// secureZone returns the deepest known zone above a name, if it is signed.
func (e *Engine) secureZone(v *cache.View, name dns.Name, now time.Time) (dns.Name, bool) {
	if _, negative := e.negative(name); negative {
		return "", false
	}
	zone, rank, ok := v.Zone(name, cache.Insecure, now)
	if !ok {
		zone = dns.Root
	}
	for holder := name; holder.Below(zone); holder = holder.Parent() {
		if _, anchored := e.anchors.of(holder); anchored { // an island, or the apex of a forward rule
			return holder, true
		}
	}
	_, anchored := e.anchors.of(zone)
	return zone, anchored || ok && rank == cache.Secure
}

// synthesis collects the records that bear on one question. Its memory can be used again.
type synthesis struct {
	e       *Engine
	v       *cache.View
	zone    dns.Name
	name    dns.Name
	typ     dns.Type
	now     time.Time
	chain   cache.Chain
	budget  *limits.Budget
	records []dnssec.Verified
	labels  int // of the closest encloser

	hasher    dnssec.Hasher // of the chain
	proof     dnssec.Proof
	authority []dns.RRset // of the entry
}

// begin turns to another question.
func (s *synthesis) begin(next synthesis) {
	next.hasher, next.proof, next.records, next.authority = s.hasher, s.proof, s.records[:0], s.authority[:0]
	*s = next
	s.hasher.Begin(s.chain.Iterations, s.chain.Salt, s.budget)
}

// release lets go of everything but the memory.
func (s *synthesis) release() {
	clear(s.records[:cap(s.records)])
	clear(s.authority[:cap(s.authority)])
	s.begin(synthesis{})
}

func (s *synthesis) add(set dns.RRset) {
	for i := range s.records {
		if s.records[i].Set.Owner == set.Owner {
			return
		}
	}
	s.records = append(s.records, dnssec.Verified{Set: set})
}

func (s *synthesis) gatherNSEC() {
	set, ok := s.v.NSEC(s.zone, s.name, s.now)
	if !ok {
		return
	}
	s.add(set)
	nsec, err := dns.ParseNSEC(set.RDatas.First())
	if err != nil || set.Owner == s.name {
		return
	}
	s.labels = max(dns.CommonLabels(s.name, set.Owner), dns.CommonLabels(s.name, nsec.Next))
	if wildcard, err := s.name.Suffix(s.labels).Wildcard(); err == nil {
		if set, ok := s.v.NSEC(s.zone, wildcard, s.now); ok {
			s.add(set)
		}
	}
}

// gatherNSEC3 looks for the closest encloser from the apex down, within a bound of hashing (DW-06).
func (s *synthesis) gatherNSEC3() {
	depth := s.name.Labels() - s.zone.Labels()
	price := (depth + 2) * dnssec.HashBlocks(s.chain.Iterations, s.chain.Salt)
	if s.budget.Spent(limits.KindNSEC3Blocks)+price > limits.AggressiveBlocks {
		return
	}
	for labels := s.zone.Labels(); labels <= s.name.Labels(); labels++ {
		set, exact, ok := s.nsec3(s.name.Suffix(labels))
		if labels == s.zone.Labels() && !exact { // the apex exists, whether its record was seen or not
			s.labels = labels
			continue
		}
		if !ok {
			s.records = s.records[:0]
			return
		}
		if exact {
			s.labels = labels
			s.records = s.records[:0] // of the names that exist only the closest counts
			s.add(set)
			continue
		}
		s.add(set)
		break
	}
	if s.labels == s.name.Labels() {
		return
	}
	if wildcard, err := s.name.Suffix(s.labels).Wildcard(); err == nil {
		if set, _, ok := s.nsec3(wildcard); ok {
			s.add(set)
		}
	}
}

// nsec3 returns the record at the hash of a name, or before it.
func (s *synthesis) nsec3(name dns.Name) (set dns.RRset, exact, ok bool) {
	hash, ok := s.hasher.Hash(name)
	if !ok {
		return set, false, false
	}
	if set, ok = s.v.NSEC3(s.zone, &s.chain, hash[:], s.now); !ok {
		return set, false, false
	}
	owner, _ := dnssec.OwnerHash(set.Owner)
	return set, owner == hash, true
}

// conclude draws what the records prove.
func (s *synthesis) conclude() (cache.Entry, bool) {
	proof := &s.proof
	s.e.Validator.Reprove(proof, s.zone, s.records, &s.hasher)
	e := cache.Entry{Kind: cache.NXDomain, Rank: cache.Secure, Inserted: s.now, EDE: dns.EDESynthesized,
		Reason: "2NEP: proven by records of " + s.zone.String() + " in the cache"}
	if proven(proof.NameError(s.name)) {
		return s.denial(e)
	}
	if d := proof.NoData(s.name, s.typ); proven(d) {
		e.Kind, e.Cut = cache.NoData, d.Cut
		return s.denial(e)
	}
	if s.labels < s.zone.Labels() || s.labels >= s.name.Labels() || !proven(proof.WildcardAnswer(s.name, s.labels)) {
		return e, false
	}
	return s.fromWildcard(e)
}

func proven(d dnssec.Denial) bool { return d.State == dnssec.Secure && !d.OptOut }

// denial completes a denial with the SOA of the zone.
func (s *synthesis) denial(e cache.Entry) (cache.Entry, bool) {
	soa, ok := cached(s.v, s.zone, dns.TypeSOA, cache.Secure, s.now)
	if !ok || soa.Kind != cache.Positive || soa.Answer.Type != dns.TypeSOA {
		return e, false
	}
	soa.Answer.TTL = min(soa.Answer.TTL, negativeTTL(&soa.Answer))
	e.TTL = soa.Answer.TTL
	s.authority = append(s.authority, soa.Answer)
	return s.withProof(e)
}

// fromWildcard expands a cached wildcard.
func (s *synthesis) fromWildcard(e cache.Entry) (cache.Entry, bool) {
	wildcard, err := s.name.Suffix(s.labels).Wildcard()
	if err != nil {
		return e, false
	}
	source, ok := s.wildcardSet(wildcard, s.typ)
	if !ok {
		source, ok = s.wildcardSet(wildcard, dns.TypeCNAME)
	}
	if !ok {
		return e, false
	}
	e.Kind, e.Answer, e.TTL = cache.Positive, source.Answer, source.Answer.TTL
	e.Answer.Owner = s.name
	return s.withProof(e)
}

// wildcardSet returns what is stored under the name of a wildcard itself.
func (s *synthesis) wildcardSet(wildcard dns.Name, t dns.Type) (cache.Entry, bool) {
	source, ok := cached(s.v, wildcard, t, cache.Secure, s.now)
	return source, ok && source.Kind == cache.Positive && source.Answer.Owner == wildcard
}

func (s *synthesis) withProof(e cache.Entry) (cache.Entry, bool) {
	for i := range s.records {
		e.TTL = min(e.TTL, s.records[i].Set.TTL)
		s.authority = append(s.authority, s.records[i].Set)
	}
	e.Authority = slices.Clip(s.authority)
	return e, e.TTL > 0
}
