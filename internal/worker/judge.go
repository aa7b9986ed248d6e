package worker

import (
	"time"

	"knot-resolver/internal/cache"
	"knot-resolver/internal/dns"
	"knot-resolver/internal/iterate"
	"knot-resolver/internal/policy"
)

// judge applies the rules to one question of a client, as its [iterate.Judge].
type judge struct {
	*asker
	begun   bool           // the name asked was judged; what follows are aliases
	first   bool           // the present name is the one asked
	own     bool           // the name asked is answered by rules, with authority
	local   bool           // local data is part of the answer
	exempt  bool           // a list has let the question pass: no list has a say any more
	pending policy.Verdict // about the present name, unless a list before it objects to what is found
	hits    []hit
}

// hit is a rule of a list that was applied, or would have been.
type hit struct {
	rule   policy.Result
	name   dns.Name
	shadow bool // of a list in dry run
}

// Asked implements [iterate.Judge]. The names of DNS64 come last.
func (j *judge) Asked(name dns.Name, t dns.Type, now time.Time) (cache.Entry, iterate.Decision) {
	e, decision := j.ruled(name, t, now)
	if decision == iterate.Leave && j.translates() {
		if special, ok := discovery(name, t, now); ok {
			return special, iterate.Replace
		}
	}
	return e, decision
}

// ruled decides by rules. Local data comes first, then the lists: a rule decides at once unless a list before its own has rules
// about what is found.
func (j *judge) ruled(name dns.Name, t dns.Type, now time.Time) (cache.Entry, iterate.Decision) {
	if j.rules == nil {
		return cache.Entry{}, iterate.Leave
	}
	q := policy.Query{Name: name, Type: t, Tags: j.view.Tags}
	v := j.rules.Lookup(q, !j.exempt)
	if v.Found && v.List == 0 {
		entry, decision := j.w.local(&v.Result, j.asker, name, t, now)
		applied := decision != iterate.Leave
		j.own = j.own || !j.begun && applied && !(v.Kind == policy.Answer && v.Hint)
		j.begun, j.local = true, j.local || applied
		return entry, decision
	}
	if j.listed && !j.begun {
		v = j.rules.Client(q, j.client).First(v)
	}
	first := !j.begun
	if j.begun, j.first = true, first; j.rules.Watches() {
		j.pending = v
		if !v.Found || !j.rules.Decides(v.List) {
			return cache.Entry{}, iterate.Leave
		}
		j.pending = policy.Verdict{}
	}
	return j.apply(&v, name, now)
}

// Watches implements [iterate.Judge].
func (j *judge) Watches() bool { return !j.exempt && j.rules.Watches() }

// Found implements [iterate.Judge].
func (j *judge) Found(name dns.Name, t dns.Type, found *cache.Entry, view *cache.View, now time.Time) (cache.Entry, iterate.Decision) {
	var r policy.Response
	if j.rules.WatchesServers() {
		r.Servers, r.ServerAddresses = j.w.engine.ServersOf(view, name, t, j.asker, now)
	}
	if found != nil && found.Kind == cache.Positive {
		for rdata := range found.Answer.RDatas.All() {
			if a, ok := dns.AddrOf(found.Answer.Type, rdata); ok {
				r.Addresses = append(r.Addresses, a.Unmap())
			}
		}
	}
	before := 0
	if j.pending.Found {
		before = j.pending.List
	}
	v := j.rules.Resolved(policy.Query{Name: name, Type: t, Tags: j.view.Tags}, &r, before).First(j.pending)
	return j.apply(&v, name, now)
}

// apply does what a verdict of the lists says.
func (j *judge) apply(v *policy.Verdict, name dns.Name, now time.Time) (cache.Entry, iterate.Decision) {
	for _, s := range v.Shadows {
		j.hits = append(j.hits, hit{s, name, true})
	}
	if !v.Found {
		return cache.Entry{}, iterate.Leave
	}
	j.hits = append(j.hits, hit{v.Result, name, false})
	j.own = j.own || j.first && v.Answers() && !(v.Kind == policy.TCPOnly && j.stream)
	switch {
	case v.Kind == policy.Drop:
		return cache.Entry{}, iterate.Silence
	case v.Kind == policy.TCPOnly && !j.stream:
		return cache.Entry{}, iterate.Truncate
	case v.Kind == policy.TooLong:
		return cache.Entry{}, iterate.Overlong
	case v.Kind == policy.Pass || v.Kind == policy.TCPOnly || v.Circular(name):
		j.exempt = true
		return cache.Entry{}, iterate.Leave
	}
	e := entryOf(&v.Result, now)
	e.Rank, e.Reason = cache.Insecure, v.Rule+", rule for "+v.Trigger() // nobody has signed it
	return e, iterate.Replace
}

// nobody judges names that no client asked for: by local data alone.
type nobody struct{ w *Worker }

// Judge implements [iterate.Policy].
func (n nobody) Judge() iterate.Judge { return n }

// Uses implements [iterate.Policy].
func (nobody) Uses([]string) bool { return false }

// Asked implements [iterate.Judge].
func (n nobody) Asked(name dns.Name, t dns.Type, now time.Time) (cache.Entry, iterate.Decision) {
	v := n.w.rules.Load().Lookup(policy.Query{Name: name, Type: t}, false)
	if !v.Found {
		return cache.Entry{}, iterate.Leave
	}
	return n.w.local(&v.Result, n, name, t, now)
}

// Watches implements [iterate.Judge].
func (nobody) Watches() bool { return false }

// Found implements [iterate.Judge].
func (nobody) Found(dns.Name, dns.Type, *cache.Entry, *cache.View, time.Time) (cache.Entry, iterate.Decision) {
	return cache.Entry{}, iterate.Leave
}

// local answers from local data.
func (w *Worker) local(r *policy.Result, who iterate.Policy, name dns.Name, t dns.Type, now time.Time) (cache.Entry, iterate.Decision) {
	// A forward rule opens the empty and missing names of a rule at or above its apex, special-use names above all.
	if apex, forwarded := w.engine.Forwarded(name, t, who); forwarded && r.Kind != policy.Answer && apex.Under(r.Owner) {
		return cache.Entry{}, iterate.Leave
	}
	switch r.Kind {
	case policy.TooLong:
		return cache.Entry{}, iterate.Overlong
	case policy.Refused:
		return cache.Entry{}, iterate.Refuse
	}
	return entryOf(r, now), iterate.Replace
}

// entryOf is what rules say as if it had been cached.
func entryOf(r *policy.Result, now time.Time) cache.Entry {
	e := cache.Entry{Rank: cache.Secure, Inserted: now, EDE: r.EDE, Reason: r.Rule}
	if r.EDE != dns.NoEDE {
		e.Reason += ", rule for " + r.Owner.String()
	}
	switch r.Kind {
	case policy.Answer:
		e.Kind, e.Answer, e.TTL = cache.Positive, *r.RRset, r.RRset.TTL
	case policy.NXDomain:
		e.Kind, e.Authority, e.TTL = cache.NXDomain, []dns.RRset{r.SOA}, r.SOA.TTL
	default:
		e.Kind, e.Authority, e.TTL = cache.NoData, []dns.RRset{r.SOA}, r.SOA.TTL
	}
	return e
}
