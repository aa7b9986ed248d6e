package worker

import (
	"net/netip"

	"knot-resolver/internal/admit"
	"knot-resolver/internal/dns"
	"knot-resolver/internal/iterate"
	"knot-resolver/internal/policy"
	"knot-resolver/internal/server"
)

// asker is what the policy knows of who asks. It judges one question by one set of rules.
type asker struct {
	w      *Worker
	rules  *policy.Rules // may be nil
	view   *policy.View
	client netip.Addr
	stream bool // the client's address is not forged
	listed bool // there are rules about the client's address

	// What a call on the hit path needs: of leased askers only, and good until they are released.
	leased  *judge
	message dns.Message
	name    [dns.MaxNameLength]byte // of the question, in lower case
	glance  *iterate.Glance         // the last look into the cache, nil when there was none
}

// set fills in who a request is from.
func (a *asker) set(w *Worker, req *server.Request) {
	a.w, a.rules, a.client, a.stream = w, w.rules.Load(), req.Client.Addr(), !req.Transport.Datagram()
	a.view = a.rules.View(a.client, req.Local.Addr(), protocolOf(req.Transport))
	a.listed = a.rules.Concerns(a.client)
}

// asker leases one for the time of a call.
func (w *Worker) asker(req *server.Request) *asker {
	a := w.askers.Get().(*asker)
	a.set(w, req)
	return a
}

func (w *Worker) newAsker() any { return &asker{leased: new(judge)} }

func (w *Worker) release(a *asker) {
	if a.glance != nil {
		a.glance.Release()
	}
	if a.leased.begun {
		*a.leased = judge{}
	}
	a.w, a.rules, a.view, a.glance = nil, nil, nil, nil
	w.askers.Put(a)
}

// Judge implements [iterate.Policy].
func (a *asker) Judge() iterate.Judge {
	j := a.leased
	if j == nil {
		j = new(judge)
	}
	*j = judge{asker: a}
	return j
}

// Uses implements [iterate.Policy].
func (a *asker) Uses(tags []string) bool {
	return a.rules != nil && a.view.Tags&a.rules.TagSet(tags) != 0
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
	return a.concerning(question(m))
}

// borrowed is question for the time until the asker is released: the name is a view.
func (a *asker) borrowed(m *dns.Message) iterate.Question {
	name := a.name[:copy(a.name[:], m.Question.Name)]
	dns.LowerBytes(name)
	return a.concerning(iterate.Question{Name: dns.Borrow(name), Type: m.Question.Type, CheckingDisabled: m.Flags().Has(dns.FlagCD)})
}

func (a *asker) concerning(q iterate.Question) iterate.Question {
	q.Policy, q.WholeNames, q.NoFallback = a, !a.view.Minimize, !a.view.Fallback
	return q
}

// look answers a question without asking anybody. The outcome is good until the asker is released.
func (a *asker) look(q iterate.Question) (iterate.Outcome, bool) {
	if a.translates() {
		return a.w.translated(q, a.w.engine.FromCache)
	}
	a.glance = a.w.engine.Glance(q)
	return a.glance.Outcome()
}
