package iterate

import (
	"errors"
	"net/netip"
	"time"

	"knot-resolver/internal/cache"
	"knot-resolver/internal/dns"
	"knot-resolver/internal/explain"
	"knot-resolver/internal/limits"
)

// Policy judges questions, for one client or for nobody in particular.
type Policy interface {
	// Judge begins the judgement of one question. The result belongs to one goroutine.
	Judge() Judge
	// Uses says whether forward rules with these tags, at least one, are for the client.
	Uses(tags []string) bool
}

// Judge decides about the names along a chain of aliases, in order.
type Judge interface {
	// Asked decides about a name before it is looked up.
	Asked(name dns.Name, t dns.Type, now time.Time) (cache.Entry, Decision)
	// Watches says whether Found has anything to say.
	Watches() bool
	// Found decides about what a name turned out to be, nil when it could not be resolved. v is a view of the cache for
	// those who are in one already.
	Found(name dns.Name, t dns.Type, found *cache.Entry, v *cache.View, now time.Time) (cache.Entry, Decision)
}

// Decision is what a Judge wants.
type Decision uint8

// The decisions.
const (
	Leave    Decision = iota // go on as if nobody had been asked
	Replace                  // the entry is what there is for the name
	Silence                  // the client gets no answer at all
	Truncate                 // the client gets an answer that sends it to TCP
	Overlong                 // the name that an alias would lead to is too long
	Refuse                   // the client is refused
)

var (
	errSilence  = errors.New("left without an answer")
	errTruncate = errors.New("sent to TCP")
)

// err is the error that ends a resolution by a decision, nil for Leave and Replace.
func (d Decision) err(name dns.Name) error {
	switch d {
	case Silence:
		return errSilence
	case Truncate:
		return errTruncate
	case Overlong:
		return &Failure{RCode: dns.RCodeYXDomain, EDE: dns.EDEOther, Reason: "the alias that a rule makes for " + name.String() + " is longer than 255 octets"}
	case Refuse:
		return &Failure{RCode: dns.RCodeRefused, EDE: dns.EDEProhibited, Reason: "EIM4: local data refuses " + name.String()}
	}
	return nil
}

// ended is the outcome of a resolution that an error ended.
func ended(err error) Outcome {
	switch {
	case errors.Is(err, errSilence):
		return Outcome{EDE: dns.NoEDE, Silent: true}
	case errors.Is(err, errTruncate):
		return Outcome{EDE: dns.NoEDE, Truncated: true}
	}
	return asFailure(err).outcome()
}

// indifferent leaves everything as it is: the policy of an engine that has none.
type indifferent struct{}

// Judge implements [Policy].
func (indifferent) Judge() Judge { return indifferent{} }

// Uses implements [Policy].
func (indifferent) Uses([]string) bool { return false }

// Asked implements [Judge].
func (indifferent) Asked(dns.Name, dns.Type, time.Time) (cache.Entry, Decision) {
	return cache.Entry{}, Leave
}

// Watches implements [Judge].
func (indifferent) Watches() bool { return false }

// Found implements [Judge].
func (indifferent) Found(dns.Name, dns.Type, *cache.Entry, *cache.View, time.Time) (cache.Entry, Decision) {
	return cache.Entry{}, Leave
}

// policy is the one that judges a question.
func (e *Engine) policy(q *Question) Policy {
	if q.Policy != nil {
		return q.Policy
	}
	return e.Policy
}

// judged resolves a question up to its first alias, as far as the policy lets it.
func (j *job) judged(judge Judge, name dns.Name, t dns.Type) (cache.Entry, error) {
	entry, decision := judge.Asked(name, t, time.Now())
	if decision == Leave {
		found, err := j.fetch(name, t)
		if entry, decision = examine(judge, name, t, found, err, nil); decision == Leave {
			if err != nil || j.depth > 0 { // addresses of servers are not for clients, see askable
				return found, err
			}
			return j.e.guarded(found)
		}
	}
	j.trace.Add(explain.Step{Kind: explain.KindRule, Name: name.String(), Type: t.String(), Class: entryClass(&entry), Text: entry.Reason})
	return entry, decision.err(name)
}

// examine lets a judge look at what was found, or that nothing was, if it wants to. What does not validate stays so (DL-21).
func examine(judge Judge, name dns.Name, t dns.Type, found cache.Entry, err error, v *cache.View) (cache.Entry, Decision) {
	if !judge.Watches() {
		return cache.Entry{}, Leave
	}
	if err != nil || found.Kind == cache.Failure {
		code := found.EDE
		if err != nil {
			code = asFailure(err).EDE
		}
		if invalid(code) {
			return cache.Entry{}, Leave
		}
		return judge.Found(name, t, nil, v, time.Now())
	}
	known := found // a copy of its own, as it goes to the heap
	return judge.Found(name, t, &known, v, time.Now())
}

// impartial runs what is shared by several questions, or serves none of them directly: no client's policy decides there.
func (j *job) impartial(walk func() (cache.Entry, error)) (cache.Entry, error) {
	defer func(mine, routes Policy) { j.policy, j.routes = mine, routes }(j.policy, j.routes)
	j.policy, j.routes = j.e.Policy, j.e.Policy
	return walk()
}

// WatchServers says whether the policy looks at the servers of zones. Answers are then kept no longer than the delegation they
// came by, or ServersOf would not know any more whose they are.
func (e *Engine) WatchServers(on bool) { e.watched.Store(on) }

// held bounds the TTL of what comes from a cut.
func (e *Engine) held(c *cut, ttl uint32) uint32 {
	if !e.watched.Load() || c.target != nil || c.zone == dns.Root {
		return ttl
	}
	return min(ttl, uint32(max(0, time.Until(c.expires)/time.Second)))
}

// ServersOf returns what the cache knows of the servers of the zones that hold a name, the root apart: their names, and
// their addresses. Zones with servers that are configured for who asks have no names. v is a view of the cache, nil for one of its own.
func (e *Engine) ServersOf(v *cache.View, name dns.Name, t dns.Type, who Policy, now time.Time) (names []dns.Name, addrs []netip.Addr) {
	if v == nil {
		e.Cache.View(func(v *cache.View) { names, addrs = e.ServersOf(v, name, t, who, now) })
		return names, addrs
	}
	if f := e.forward(name, t, nil, who); f != nil && f.Authoritative {
		for _, s := range f.Servers {
			addrs = append(addrs, s.Addr.Addr().Unmap())
		}
	}
	for zone := name; zone != dns.Root; zone = zone.Parent() {
		d, ok := v.Cut(zone, cache.Unvalidated, now)
		if !ok || d.Zone == dns.Root {
			break
		}
		for _, ns := range d.Servers[:min(len(d.Servers), limits.NSUsed)] {
			names, addrs = append(names, ns.Name.Lower()), append(addrs, ns.Addrs...)
			for _, t := range e.addressTypes() {
				if found, ok := v.Answer(ns.Name, t, cache.Unvalidated, now); ok && found.Kind == cache.Positive && found.Answer.Type == t {
					addrs = appendAddrs(addrs, &found.Answer)
				}
			}
		}
		zone = d.Zone
	}
	return names, addrs
}
