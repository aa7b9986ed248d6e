package worker

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"knot-resolver/internal/admit"
	"knot-resolver/internal/cache"
	"knot-resolver/internal/cache/packet"
	"knot-resolver/internal/dns"
	"knot-resolver/internal/dns64"
	"knot-resolver/internal/iterate"
	"knot-resolver/internal/limits"
	"knot-resolver/internal/policy"
	"knot-resolver/internal/renumber"
	"knot-resolver/internal/server"
)

// Options of a Worker.
type Options struct {
	Rules     *policy.Rules
	Admit     admit.Rules
	UDPSize   int            // EDNS size offered to clients, octets
	Keepalive time.Duration  // how long streams may be idle, told to who asks (RFC 7828); 0: not told
	Cookies   *admit.Cookies // server cookies (RFC 7873); nil: none
	Chaos     Chaos
	Reorder   bool   // rotate the records of an answer
	Priming   bool   // ask for the servers of the root at start (RFC 8109)
	TimeJump  bool   // empty the cache when the clock is set back
	NSID      []byte // identity given to those who ask for it (RFC 5001); empty: none
	Sentinel  bool   // let clients ask which root keys are trusted (RFC 8509)

	Prediction Prediction
	Renumber   renumber.Rules // rewrite the addresses in answers

	DNS64 *dns64.Synthesis // makes AAAA records (RFC 6147); nil: does not
}

// Worker answers clients. It is a [server.Handler].
type Worker struct {
	options    Options
	engine     *iterate.Engine
	cache      *cache.Cache
	packets    *packet.Cache
	prefetch   bool
	rules      atomic.Pointer[policy.Rules]
	askers     sync.Pool // of *asker
	limiter    atomic.Pointer[admit.RateLimiter]
	priorities atomic.Pointer[admit.Priorities]
	counters   counters
	log        *queryLog
	lists      listCounters
	ruleLog    *slog.Logger // of hits of lists
	foresight  *foresight   // nil: no prediction
}

// Run does the work that no client asks for, until ctx ends.
func (w *Worker) Run(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	if w.options.Priming {
		running.Go(func() { w.engine.Prime(ctx) })
	}
	if w.foresight != nil {
		running.Go(func() { w.foresee(ctx) })
	}
	if w.options.TimeJump {
		running.Go(func() { w.watchClock(ctx, w.engine.Log) })
	}
}

// New makes a Worker and the engine it resolves with.
func New(o Options, resolution iterate.Options) *Worker {
	w := &Worker{options: o, cache: resolution.Cache, packets: packet.New(limits.PacketBytes), prefetch: resolution.Prefetch}
	w.foresight = newForesight(o.Prediction)
	w.askers.New = w.newAsker
	resolution.Policy = nobody{w}
	w.engine = iterate.New(resolution)
	w.ruleLog = w.engine.Log.With("group", "rules")
	w.SetRules(o.Rules)
	w.options.Rules = nil // or the first ones would stay for ever
	w.log = newQueryLog(w.engine.Log)
	return w
}

// SetRateLimiter switches to another limiter of queries that come by UDP; nil limits nobody.
func (w *Worker) SetRateLimiter(l *admit.RateLimiter) { w.limiter.Store(l) }

// SetPriorities switches to another account of what clients have cost; with nil all are equal.
func (w *Worker) SetPriorities(p *admit.Priorities) { w.priorities.Store(p) }

// SetRules switches to another compiled policy; questions asked from now on see it.
func (w *Worker) SetRules(r *policy.Rules) {
	w.rules.Store(r)
	w.packets.Clear()
	w.engine.WatchServers(r.WatchesServers())
}

// Inline implements [server.Handler]: repetitions, refusals, local data and cache hits.
func (w *Worker) Inline(dst []byte, req *server.Request) (answer []byte, done bool) {
	now, epoch := time.Now(), w.packets.Epoch()
	who := w.asker(req)
	defer w.release(who)
	if who.view.Treatment == policy.NoAnswer {
		w.counters.request(req)
		return nil, true
	}
	if l := w.limiter.Load(); l != nil && req.Transport.Datagram() {
		if action := w.rate(l, req, who, now); action != admit.Continue && !w.proven(req, now) {
			return w.limited(dst, req, action, now), true
		}
	}
	var q plain
	usual := q.read(req, w.options.UDPSize) && who.view.Treatment == policy.Resolve && !who.listed
	if usual {
		q.vary(who.view.Variant())
		if answer, ok := w.repeat(dst, req, &q, now); ok {
			w.sample(req, who, now)
			return answer, true
		}
	}
	answer, again, done := w.inline(dst, req, who, now)
	if done {
		w.sample(req, who, now)
	} else {
		w.counters.request(req)
	}
	if usual && again {
		w.keep(&q, answer[len(dst):], epoch, now)
	}
	return answer, done
}

// inline answers what needs no server to be asked; again says that the answer may be repeated.
func (w *Worker) inline(dst []byte, req *server.Request, who *asker, now time.Time) (answer []byte, again, done bool) {
	if v := admit.Header(req.Raw); !v.OK() {
		return w.refuseHeader(dst, req, v), false, true
	}
	m := &who.message
	if err := m.ParseBorrowed(req.Raw); err != nil {
		return w.refuseHeader(dst, req, admit.Verdict{Action: admit.Answer, RCode: dns.RCodeFormErr}), false, true
	}
	if !w.wellFormed(m, req, now) {
		w.counters.request(req)
		return w.finish(dst, req, m, iterate.Outcome{RCode: dns.RCodeFormErr, EDE: dns.NoEDE}, now), false, true
	}
	w.heed(m, req)
	v := who.verdict()
	if v.OK() {
		if answer, ok := w.chaos(dst, req, m, now); ok {
			return answer, false, true
		}
		v = w.options.Admit.Message(m)
	}
	if !v.OK() {
		w.counters.request(req)
		out := refusal(v)
		out.Barred = who.view.Treatment == policy.Refuse
		return w.finish(dst, req, m, out, now), false, true
	}
	q := who.borrowed(m)
	out, ok := who.look(q)
	if !ok && !m.Flags().Has(dns.FlagRD) {
		out, ok = iterate.Outcome{RCode: dns.RCodeServFail, EDE: dns.EDENotAuthoritative, Reason: "not in the cache, and recursion was not asked for"}, true
	}
	if !ok {
		return nil, false, false
	}
	w.counters.request(req)
	w.counters.cached.Add(1)
	judged := w.told(out.Judge, req)
	if judged == 0 {
		w.foresight.note(&q)
	}
	return w.finish(dst, req, m, out, now), judged == 0 && !out.Stale && !out.Expiring, true
}

// Resolve implements [server.Handler]: everything that needs servers to be asked.
func (w *Worker) Resolve(ctx context.Context, dst []byte, req *server.Request) []byte {
	start := time.Now()
	var m dns.Message
	if m.Parse(req.Raw) != nil {
		return nil
	}
	who := new(asker) // not leased: a resolution may outlive the answer
	who.set(w, req)
	q := who.question(&m)
	q.Missed = true
	node := w.log.begin(ctx)
	budget := new(limits.Budget)
	out := w.resolve(ctx, q, budget, node, who.translates())
	w.log.end(ctx, node, q, &out)
	w.charge(req, who, admit.Cost(budget), start)
	if w.told(out.Judge, req) == 0 {
		w.foresight.note(&q)
	}
	return w.finish(dst, req, &m, out, start)
}

func question(m *dns.Message) iterate.Question {
	return iterate.Question{Name: m.Question.Name.Lower(), Type: m.Question.Type, CheckingDisabled: m.Flags().Has(dns.FlagCD)}
}

// finish counts and encodes an outcome.
func (w *Worker) finish(dst []byte, req *server.Request, m *dns.Message, out iterate.Outcome, start time.Time) []byte {
	if out.Stale {
		w.counters.stale.Add(1)
	}
	if out.Silent {
		return nil
	}
	out = w.final(iterate.Question{Name: m.Question.Name, Type: m.Question.Type, CheckingDisabled: m.Flags().Has(dns.FlagCD)}, out)
	r := reply{w: w, req: req, query: m, out: &out}
	answer := r.append(dst)
	w.counters.answer(answer[len(dst):], m.HasEDNS, m.EDNS.DO, time.Since(start))
	return answer
}

// final makes of an outcome what clients are told. Letter case of the name does not matter here.
func (w *Worker) final(q iterate.Question, out iterate.Outcome) iterate.Outcome {
	return w.renumbered(w.sentinel(q, out))
}

// renumbered rewrites addresses. What is changed is not what was validated.
func (w *Worker) renumbered(out iterate.Outcome) iterate.Outcome {
	if len(w.options.Renumber) == 0 {
		return out
	}
	answer, changed := w.options.Renumber.Answer(out.Answer)
	if changed {
		out.Answer, out.Secure = answer, false
		out.EDE, out.Reason = dns.EDEForged, "DUQR: addresses are rewritten here (address-renumbering)"
	}
	return out
}

func refusal(v admit.Verdict) iterate.Outcome {
	out := iterate.Outcome{RCode: v.RCode, EDE: dns.NoEDE}
	if v.Text != "" {
		out.EDE, out.Reason = v.EDE, v.Text
	}
	return out
}
