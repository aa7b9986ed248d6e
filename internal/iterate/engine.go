package iterate

import (
	"context"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"knot-resolver/internal/cache"
	"knot-resolver/internal/dns"
	"knot-resolver/internal/dns64"
	"knot-resolver/internal/dnssec"
	"knot-resolver/internal/explain"
	"knot-resolver/internal/limits"
	"knot-resolver/internal/rebind"
	"knot-resolver/internal/upstream"
)

// Glue says which addresses in a referral are believed.
type Glue uint8

// Glue rules (option glue-checking).
const (
	GlueNormal     Glue = iota // of servers inside the zone that refers
	GlueStrict                 // only of servers below the new cut
	GluePermissive             // any
)

// Options of an Engine.
type Options struct {
	Cache     *cache.Cache
	Client    *upstream.Client
	Stats     *upstream.Stats
	Validator *dnssec.Validator
	Log       *slog.Logger

	RootHints []cache.NS      // servers of the root
	Anchors   []dnssec.Anchor // trust anchors; without one for the root everything is insecure
	Negative  []dns.Name      // negative trust anchors: these names and everything below are insecure

	Forwards     []Forward // names that configured servers are asked for
	Fallback     *Fallback // resolvers of last resort; nil when there are none
	Glue         Glue
	Minimise     bool                    // QNAME minimisation (RFC 9156)
	Case0x20     bool                    // random letter case in queries
	Workarounds  bool                    // but not in those for zones known to need it plain
	IPv4, IPv6   bool                    // address families to use
	NAT64        netip.Prefix            // of the translator through which IPv4 servers are reached; invalid: there is none
	Addresses    upstream.AddressOptions // which addresses may be asked
	UpstreamPort uint16                  // of servers; 0 means 53
	UDPSize      int                     // EDNS size offered; 0 means limits.UDPPayload
	LogBogus     bool                    // one notice per validation failure
	SignalKeys   bool                    // tell zones with a trust anchor which keys are trusted (RFC 8145)
	Stale        Stale                   // answers from entries that ran out
	Prefetch     bool                    // refresh entries that are used shortly before they run out
	Rebinding    *rebind.Guard           // keeps private addresses out of what servers answer; nil: does not

	// Observe, when set, is called with what was spent whenever a resolution, or a look into the cache, is done.
	Observe func(*limits.Budget)

	// Policy, when set, decides about names that no client asked for, and for questions without a policy of their own.
	Policy Policy
}

// Engine resolves questions. It is safe for concurrent use.
type Engine struct {
	Options
	anchors  anchorSet
	flights  flights
	keys     keyring
	flats    flats
	hopeless hopeless
	hints    atomic.Pointer[[]cache.NS] // servers of the root now
	glances  sync.Pool                  // of *glance
	// plainCase lists the zones that are asked in lower case.
	plainCase []dns.Name
	// background bounds work that no client waits for.
	background *semaphore.Weighted
	tagged     bool          // some forward rules are not for everybody
	internal   atomic.Uint64 // questions that nobody outside asked
	// watched says that rules look at the servers of zones: see WatchServers.
	watched atomic.Bool
}

// Internal returns how many questions were resolved that nobody outside asked.
func (e *Engine) Internal() uint64 { return e.internal.Load() }

// New makes an Engine.
func New(o Options) *Engine {
	if o.UpstreamPort == 0 {
		o.UpstreamPort = 53
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Policy == nil {
		o.Policy = indifferent{}
	}
	e := &Engine{Options: o, background: semaphore.NewWeighted(limits.Refreshing)}
	e.hints.Store(&o.RootHints)
	e.tagged = slices.ContainsFunc(o.Forwards, func(f Forward) bool { return len(f.Tags) > 0 })
	e.glances.New = e.newGlance
	if o.Workarounds {
		e.plainCase = violatorNames()
	}
	for _, a := range o.Anchors {
		e.SetAnchor(a)
	}
	return e
}

// Resolve answers a question from the cache or by asking servers. It returns within
// limits.ResolutionTime. trace may be nil.
func (e *Engine) Resolve(ctx context.Context, q Question, b *limits.Budget, trace *explain.Node) Outcome {
	if e.Stale.Serve && !q.Fresh {
		return e.resolveOrStale(ctx, q, b, trace)
	}
	return e.resolveOrFallBack(ctx, q, b, trace)
}

func (e *Engine) resolve(ctx context.Context, q Question, b *limits.Budget, trace *explain.Node) Outcome {
	ctx, cancel := context.WithTimeout(ctx, limits.ResolutionTime)
	defer cancel()
	if q.Internal {
		e.internal.Add(1)
	}
	if e.Observe != nil {
		defer e.Observe(b)
	}
	return e.job(ctx, q, b, trace).follow(q.Name, q.Type)
}

func (e *Engine) job(ctx context.Context, q Question, b *limits.Budget, trace *explain.Node) *job {
	validate := !q.CheckingDisabled || e.anchors.none() // which costs nothing then, and serves those who did not disable it
	policy := e.policy(&q)
	first := &struct { // both at once
		job  job
		task task
	}{job: job{e: e, ctx: ctx, budget: b, trace: trace, validate: validate, fresh: q.Fresh, ahead: q.Ahead,
		policy: policy, routes: policy, minimise: e.Minimise && !q.WholeNames}}
	j := &first.job
	j.task = &first.task
	if q.Missed {
		j.missed = q.Name
	}
	return j
}

// lookUp follows aliases through entries that find returns, collecting them in found; v is the view of the cache it uses, if it
// uses one.
func (e *Engine) lookUp(q Question, found *collector, v *cache.View, find func(dns.Name) (cache.Entry, bool)) (out Outcome, ok bool) {
	judge, now := e.policy(&q).Judge(), time.Now()
	defer func() { out.Judge = judge }()
	name := q.Name
	for range limits.AliasSteps + 1 {
		entry, decision := judge.Asked(name, q.Type, now)
		if decision == Leave {
			kept, ok := find(name)
			if !ok {
				return Outcome{}, false
			}
			if entry, decision = examine(judge, name, q.Type, kept, nil, v); decision == Leave {
				entry = kept
			}
		}
		if err := decision.err(name); err != nil {
			return ended(err), true
		}
		if entry.Kind == cache.Failure {
			return (&Failure{RCode: dns.RCodeServFail, EDE: entry.EDE, Reason: entry.Reason}).outcome(), true
		}
		next, alias, err := chain(&entry, name, q.Type, found)
		if err != nil {
			return found.failed(asFailure(err)), true
		}
		if !alias {
			return found.Outcome, true
		}
		name = next
	}
	return Outcome{}, false
}

// Forget drops what is kept in memory besides the cache: after the cache was cleared.
func (e *Engine) Forget() { e.keys.clear() }

// cached returns what the cache holds for a question, TTLs reduced by its age.
func (e *Engine) cached(name dns.Name, t dns.Type, want cache.Rank, now time.Time) (entry cache.Entry, ok bool) {
	e.Cache.View(func(v *cache.View) { entry, ok = cached(v, name, t, want, now) })
	return entry, ok && e.belongs(&entry, name, t)
}

func cached(v *cache.View, name dns.Name, t dns.Type, want cache.Rank, now time.Time) (cache.Entry, bool) {
	entry, ok := v.Answer(name, t, want, now)
	if !ok {
		if entry, ok = v.Failure(name, t, now); !ok || want == cache.Unvalidated {
			return cache.Entry{}, false // who disabled checking gets a try of his own
		}
	}
	left, fresh := entry.Remaining(now)
	if !fresh {
		return cache.Entry{}, false
	}
	return aged(entry, left), true
}

func rankFor(validate bool) cache.Rank {
	if validate {
		return cache.Insecure
	}
	return cache.Unvalidated
}

// job is one resolution or sub-resolution.
type job struct {
	e        *Engine
	ctx      context.Context
	budget   *limits.Budget
	trace    *explain.Node
	validate bool
	depth    int  // nesting of server address look-ups
	fresh    bool // do not answer the question itself from the cache
	ahead    time.Duration
	task     *task
	begun    int         // upstream queries spent when the present link of the chain of aliases was begun
	missed   dns.Name    // FromCache has just found nothing for it
	routes   Policy      // whose forward rules count
	past     *Forward    // a rule that is passed over
	rescue   *Forward    // the resolvers of last resort, when they are asked
	asked    bool        // a server was asked, by this job or one it waited for
	policy   Policy      // may be nil
	minimise bool        // names in questions to servers
	evidence []dns.RRset // denial records that came with the alias that led to the present name
	passed   passed
}

// afresh says whether cached answers and failures are to be passed over here.
func (j *job) afresh() bool { return j.fresh && j.depth == 0 }

// passesOver says whether a cached answer or failure is not to be used.
func (j *job) passesOver(e *cache.Entry) bool {
	return j.afresh() || j.rescue != nil && e.Kind == cache.Failure
}

// child makes a job for something this one depends on.
func (j *job) child(trace *explain.Node) *job {
	sub := *j
	sub.trace = trace
	return &sub
}

// follow resolves a question and the aliases it leads to.
func (j *job) follow(name dns.Name, t dns.Type) (out Outcome) {
	judge, found := j.policy.Judge(), newCollector()
	defer func() { out.Judge = judge }()
	var passed []dns.Name
	for range limits.AliasSteps + 1 {
		if j.depth == 0 {
			j.begun = j.budget.Spent(limits.KindUpstreamQueries)
		}
		entry, err := j.judged(judge, name, t)
		if err != nil {
			return ended(err)
		}
		next, alias, err := chain(&entry, name, t, found)
		if err != nil {
			return found.failed(asFailure(err))
		}
		if !alias {
			found.Cached = !j.asked
			return found.Outcome
		}
		j.trace.Add(explain.Step{Kind: explain.KindAlias, Name: next.String()})
		j.evidence = entry.Authority
		if passed = append(passed, name); slices.Contains(passed, next) {
			return found.failed(failure(dns.EDEOther, "the aliases go in a circle, back to %v", next))
		}
		name = next
	}
	return failure(dns.EDEOther, "more than %d aliases, now at %v", limits.AliasSteps, name).outcome()
}

// find resolves a question that no client asked, up to its first alias.
func (j *job) find(name dns.Name, t dns.Type) (cache.Entry, error) {
	return j.judged(j.e.Policy.Judge(), name, t)
}

// fetch resolves a question up to its first alias: from the cache, with somebody who asks the same already, or itself.
func (j *job) fetch(name dns.Name, t dns.Type) (cache.Entry, error) {
	now := time.Now()
	if j.e.own(name, t, j.routes) {
		return j.walkOwn(name, t)
	}
	if entry, ok := j.cachedOrCut(name, t, now); ok && !j.passesOver(&entry) {
		if entry.Kind == cache.Failure {
			j.trace.Add(explain.Step{Kind: explain.KindCache, Name: name.String(), Type: t.String(), Class: "failure", Text: entry.Reason})
			return entry, &Failure{RCode: dns.RCodeServFail, EDE: entry.EDE, Reason: entry.Reason}
		}
		j.traceCached(&entry, name, t)
		return entry, nil
	}
	if entry, ok := j.denied(name, t, now); ok {
		j.traceCached(&entry, name, t)
		return entry, nil
	}
	return j.share(flightKey{name: name, typ: t, validate: j.validate, rescue: j.rescue != nil}, func() (cache.Entry, error) {
		tired := j.tired()
		entry, err := j.impartial(func() (cache.Entry, error) { return j.walkFirst(name, t) })
		if err != nil && j.remembers(name, t) && !(tired && j.spent(err)) {
			j.remember(name, t, err)
		}
		return entry, err
	})
}

// denied answers from validated denials of other names.
func (j *job) denied(name dns.Name, t dns.Type, now time.Time) (cache.Entry, bool) {
	if !j.validate || j.afresh() || name == j.missed {
		return cache.Entry{}, false
	}
	return j.synthesise(name, t, now)
}

// synthesise is [Engine.synthesised] on a snapshot of its own.
func (j *job) synthesise(name dns.Name, t dns.Type, now time.Time) (entry cache.Entry, ok bool) {
	j.e.Cache.View(func(v *cache.View) { entry, ok = j.e.synthesised(new(synthesis), v, name, t, j.budget, now) })
	return entry, ok
}

// tired says whether most of what a query may use is gone. What then fails for want of it is not to blame: an
// expensive chain of aliases to somebody's name must not make that name fail for others.
func (j *job) tired() bool {
	deadline, ok := j.ctx.Deadline()
	return j.budget.Share() > 50 || ok && time.Until(deadline) < limits.ResolutionTime/2
}

// spent says whether a resolution failed for want of budget or time.
func (j *job) spent(err error) bool {
	return overspent(err) || j.budget.Share() >= 100 || j.ctx.Err() != nil
}

// remembers says whether a failure to answer a question is to be stored.
func (j *job) remembers(name dns.Name, t dns.Type) bool {
	f := j.forward(name, t)
	return j.rescue == nil && (f == nil || !f.Uncached)
}

// remember stores a failure that is not due to this query alone (RFC 9520).
func (j *job) remember(name dns.Name, t dns.Type, err error) {
	f := asFailure(err)
	if !j.validate || f.Passing || j.ctx.Err() == context.Canceled {
		return
	}
	ttl := uint32(limits.FailureTTL)
	if f.Bogus {
		if ttl = limits.BogusTTL; t == dns.TypeDNSKEY {
			ttl = limits.BogusKeysTTL
		}
		if j.e.LogBogus {
			j.e.Log.Warn("validation failure: "+name.String()+" "+t.String(), "group", "dnssec", "reason", f.Reason)
		}
	}
	j.e.Cache.PutFailure(name, t, f.EDE, f.Reason, ttl, time.Now())
}

func (j *job) traceCached(e *cache.Entry, name dns.Name, t dns.Type) {
	if !j.trace.On() {
		return
	}
	j.trace.Add(explain.Step{Kind: explain.KindCache, Name: name.String(), Type: t.String(), Class: entryClass(e), Verdict: rankWord(e.Rank)})
}

// port makes server addresses out of what glue and look-ups give.
func (e *Engine) server(a netip.Addr) (netip.AddrPort, bool) {
	a = a.Unmap()
	s, rules := netip.AddrPortFrom(a, e.UpstreamPort), e.Addresses
	if e.NAT64.Contains(a) {
		rules.Never = nil // it stands for an IPv4 address
	}
	if !upstream.Usable(s, rules) {
		return s, false
	}
	if a.Is4() && e.NAT64.IsValid() {
		a = dns64.Embed(e.NAT64, a)
		s = netip.AddrPortFrom(a, e.UpstreamPort)
	}
	return s, a.Is4() && e.IPv4 || a.Is6() && e.IPv6
}
