package iterate

import (
	"net/netip"
	"time"

	"knot-resolver/internal/cache"
	"knot-resolver/internal/dns"
	"knot-resolver/internal/dnssec"
	"knot-resolver/internal/explain"
	"knot-resolver/internal/limits"
	"knot-resolver/internal/upstream"
)

// Forward sends questions for names at and below an apex to configured servers instead of those that the DNS names.
type Forward struct {
	Apex          dns.Name
	Servers       []Server
	Authoritative bool // they serve a zone at the apex; otherwise they resolve for us
	Insecure      bool // their answers are not validated
	First         bool // when they fail, the DNS is asked as if there were no rule
	Uncached      bool // their answers are not stored
	// Tags make it a rule of the clients that [Policy.Uses] knows by one of them. What it leads to is stored nowhere: others would see it.
	Tags []string
}

// Server is one of the servers of a rule.
type Server struct {
	Addr netip.AddrPort
	TLS  *upstream.Auth // how it proves who it is, when it is asked over TLS
	TCP  bool           // it is asked over TCP, not over UDP
}

// target is where the questions of a cut go when it was configured.
type target struct {
	servers   []Server
	apex      dns.Name // nothing outside is believed (BW-04)
	recursive bool     // they are resolvers
	cd        bool     // and are not to validate for us
}

// forward returns the rule for a question of somebody, past one that is passed over: the one with the longest apex. A DS set belongs
// to the zone above.
func (e *Engine) forward(name dns.Name, t dns.Type, past *Forward, who Policy) *Forward {
	if len(e.Forwards) == 0 {
		return nil
	}
	if t == dns.TypeDS {
		name = name.Parent()
	}
	var best *Forward
	for i := range e.Forwards {
		f := &e.Forwards[i]
		if f == past || !name.Under(f.Apex) || len(f.Tags) > 0 && !who.Uses(f.Tags) {
			continue
		}
		if best == nil || f.closer(best) {
			best = f
		}
	}
	return best
}

// closer says whether a rule goes before one that comes before it in the configuration.
func (f *Forward) closer(other *Forward) bool {
	if f.Apex == other.Apex && len(other.Tags) > 0 {
		return len(f.Tags) > 0
	}
	return len(f.Apex) >= len(other.Apex)
}

// own says whether a question of somebody goes to servers that are not everybody's.
func (e *Engine) own(name dns.Name, t dns.Type, who Policy) bool {
	if !e.tagged {
		return false
	}
	f := e.forward(name, t, nil, who)
	return f != nil && len(f.Tags) > 0
}

// forward is the rule for a question, which may be to ask the resolvers of last resort.
func (j *job) forward(name dns.Name, t dns.Type) *Forward {
	f := j.e.forward(name, t, j.past, j.routes)
	if j.rescue != nil && (f == nil || f.Apex == dns.Root) {
		return j.rescue
	}
	return f
}

// Forwarded returns the apex of the rule that sends a question of somebody to configured servers.
func (e *Engine) Forwarded(name dns.Name, t dns.Type, who Policy) (apex dns.Name, ok bool) {
	if f := e.forward(name, t, nil, who); f != nil {
		return f.Apex, true
	}
	return "", false
}

// belongs says whether a cached denial may speak for a question: one that was proven by a zone above the apex of a
// forward rule may not (BW-10).
func (e *Engine) belongs(entry *cache.Entry, name dns.Name, t dns.Type) bool {
	if entry.Kind != cache.NXDomain {
		return true
	}
	f := e.forward(name, t, nil, e.Policy)
	if f == nil {
		return true
	}
	soa := setOf(entry.Authority, "", dns.TypeSOA)
	return soa != nil && soa.Owner.Under(f.Apex)
}

// walkFirst walks, and once more past the rule for the name, if its servers are only the first to be asked and do not help.
func (j *job) walkFirst(name dns.Name, t dns.Type) (cache.Entry, error) {
	entry, err := j.walk(name, t)
	f := j.forward(name, t)
	if err == nil || f == nil || !f.First || overspent(err) || asFailure(err).Bogus {
		return entry, err
	}
	past := j.child(j.trace.Add(explain.Step{Kind: explain.KindFallback, Name: name.String(), Type: t.String(), Text: "the servers of the forward rule do not help"}))
	past.past = f
	return past.walk(name, t)
}

// walkOwn walks for one client alone, as what is found is not for others.
func (j *job) walkOwn(name dns.Name, t dns.Type) (cache.Entry, error) {
	defer func(mine Policy) { j.policy = mine }(j.policy)
	j.policy = j.e.Policy
	return j.walkFirst(name, t)
}

// forwarded makes the cut for a rule. Whether its zone is signed is for the zones above to say.
func (j *job) forwarded(f *Forward) (*cut, error) {
	c := &cut{zone: f.Apex, ede: dns.NoEDE, uncached: f.Uncached || len(f.Tags) > 0, expires: time.Now().Add(limits.RootHintsTTL * time.Second)}
	c.target = &target{servers: f.Servers, apex: f.Apex, recursive: !f.Authoritative, cd: !j.validate || f.Insecure}
	if !j.validate || f.Insecure {
		return c, nil
	}
	if j.e.underAnchor(c.zone) {
		if err := j.secureForward(c); err != nil {
			return nil, err
		}
	}
	j.configured(c)
	return c, nil
}

// underAnchor says whether the zones above an apex decide if it is signed: when one of them has a trust anchor, and neither the apex
// itself nor a negative anchor settles it.
func (e *Engine) underAnchor(apex dns.Name) bool {
	if _, own := e.anchors.of(apex); own || apex == dns.Root {
		return false
	}
	if _, negative := e.negative(apex); negative {
		return false
	}
	for zone := apex.Parent(); ; zone = zone.Parent() {
		if _, ok := e.anchors.of(zone); ok {
			return true
		}
		if zone == dns.Root {
			return false
		}
	}
}

// secureForward finds out from the DS set of the apex, or from its denial, what secures a cut.
func (j *job) secureForward(c *cut) error {
	entry, err := j.find(c.zone, dns.TypeDS)
	if err != nil {
		return err
	}
	switch {
	case entry.Rank != cache.Secure:
		c.ede, c.reason = entry.EDE, entry.Reason
	case entry.Kind == cache.Positive:
		anchor, verdict := j.e.Validator.Delegation(&entry.Answer)
		c.secure, c.anchor, c.ede, c.reason = verdict.State == dnssec.Secure, anchor, verdict.EDE, verdict.Reason
	case entry.Kind == cache.NXDomain:
		return &Failure{RCode: dns.RCodeServFail, EDE: dns.EDEBogus, Bogus: true,
			Reason: c.zone.String() + " is forwarded, but the zone above proves that it does not exist; a rule with dnssec: false does not validate"}
	case !entry.Cut && !entry.OptOut:
		return j.holder(c, &entry)
	}
	return nil
}

// holder makes the zone that holds an apex, which is no zone of its own, the zone of the cut.
func (j *job) holder(c *cut, entry *cache.Entry) error {
	soa := setOf(entry.Authority, "", dns.TypeSOA)
	if soa == nil {
		return nil
	}
	c.zone = soa.Owner
	if _, ok := j.e.anchors.of(c.zone); ok {
		return nil
	}
	ds, err := j.find(c.zone, dns.TypeDS)
	if err != nil {
		return err
	}
	if ds.Kind == cache.Positive && ds.Rank == cache.Secure {
		anchor, verdict := j.e.Validator.Delegation(&ds.Answer)
		c.secure, c.anchor = verdict.State == dnssec.Secure, anchor
	}
	return nil
}

// bailiwick is what a response to a question asked at a cut may speak about.
func (c *cut) bailiwick(name dns.Name) dns.Name {
	if c.target != nil && name.Under(c.target.apex) && c.target.apex.Under(c.zone) {
		return c.target.apex
	}
	return c.zone
}
