package worker

import (
	"time"

	"knot-resolver/internal/admit"
	"knot-resolver/internal/cache"
	"knot-resolver/internal/dns"
	"knot-resolver/internal/iterate"
	"knot-resolver/internal/policy"
	"knot-resolver/internal/server"
)

// asker is what the policy knows of who asks. It decides about one question, by one set of rules, as its [iterate.Policy].
type asker struct {
	w     *Worker
	rules *policy.Rules // may be nil
	view  *policy.View
}

// set fills in who a request is from.
func (a *asker) set(w *Worker, req *server.Request) {
	a.w, a.rules = w, w.rules.Load()
	a.view = a.rules.View(req.Client.Addr(), req.Local.Addr(), protocolOf(req.Transport))
}

// asker leases one for the time of a call.
func (w *Worker) asker(req *server.Request) *asker {
	a := w.askers.Get().(*asker)
	a.set(w, req)
	return a
}

func (w *Worker) release(a *asker) {
	*a = asker{}
	w.askers.Put(a)
}

func protocolOf(t server.Transport) policy.Protocol {
	return [...]policy.Protocol{server.UDP: policy.UDP53, server.TCP: policy.TCP53, server.DoT: policy.DoT, server.DoH: policy.DoH, server.DoQ: policy.DoQ}[t]
}

// verdict is what the view says about every query.
func (a *asker) verdict() admit.Verdict {
	if a.view.Treatment == policy.Refuse {
		return admit.Verdict{Action: admit.Answer, RCode: dns.RCodeRefused, EDE: dns.EDEProhibited, Text: "EIM4: not for this client"}
	}
	return admit.Verdict{}
}

func (a *asker) question(m *dns.Message) iterate.Question {
	q := question(m)
	q.Policy, q.WholeNames = a, !a.view.Minimize
	return q
}

// Local implements [iterate.Policy].
func (a *asker) Local(name dns.Name, t dns.Type, now time.Time) (cache.Entry, bool) {
	return a.w.local(a.rules, name, t, now)
}

// silent says whether the rules leave a question without an answer.
func (a *asker) silent(q iterate.Question) bool {
	if a.rules == nil || !a.rules.Drops() {
		return false
	}
	r, ok := a.rules.Lookup(q.Name, q.Type)
	return ok && r.Kind == policy.Drop
}

// nobody decides about names that no client asked for.
type nobody struct{ w *Worker }

// Local implements [iterate.Policy].
func (n nobody) Local(name dns.Name, t dns.Type, now time.Time) (cache.Entry, bool) {
	return n.w.local(n.w.rules.Load(), name, t, now)
}

// local answers from rules.
func (w *Worker) local(rules *policy.Rules, name dns.Name, t dns.Type, now time.Time) (cache.Entry, bool) {
	if rules == nil {
		return cache.Entry{}, false
	}
	r, ok := rules.Lookup(name, t)
	if !ok {
		return cache.Entry{}, false
	}
	// A forward rule opens the empty and missing names of a rule at or above its apex, special-use names above all.
	if apex, forwarded := w.engine.Forwarded(name, t); forwarded && r.Kind != policy.Answer && apex.Under(r.Owner) {
		return cache.Entry{}, false
	}
	e := cache.Entry{Rank: cache.Secure, Inserted: now, EDE: r.EDE, Reason: r.Rule}
	if r.EDE != dns.NoEDE {
		e.Reason += ", rule for " + r.Owner.String()
	}
	switch r.Kind {
	case policy.Answer:
		e.Kind, e.Answer, e.TTL = cache.Positive, *r.RRset, r.RRset.TTL
	case policy.NXDomain, policy.Drop:
		e.Kind, e.Authority, e.TTL = cache.NXDomain, []dns.RRset{r.SOA}, r.SOA.TTL
	default:
		e.Kind, e.Authority, e.TTL = cache.NoData, []dns.RRset{r.SOA}, r.SOA.TTL
	}
	return e, true
}
