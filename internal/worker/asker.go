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
	leased *judge
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
	if a.leased.begun {
		*a.leased = judge{}
	}
	*a = asker{leased: a.leased}
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
	q := question(m)
	q.Policy, q.WholeNames, q.NoFallback = a, !a.view.Minimize, !a.view.Fallback
	return q
}
