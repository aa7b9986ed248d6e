package iterate

import (
	"context"
	"time"

	"knot-resolver/internal/cache"
	"knot-resolver/internal/dns"
	"knot-resolver/internal/explain"
	"knot-resolver/internal/limits"
)

// resolveOrStale resolves, but answers from entries that ran out when servers fail or take too
// long (RFC 8767). The resolution goes on then, for the next client.
func (e *Engine) resolveOrStale(ctx context.Context, q Question, b *limits.Budget, trace *explain.Node) Outcome {
	old, ok := e.stale(q)
	if !ok {
		return e.resolve(ctx, q, b, trace)
	}
	done := make(chan Outcome, 1)
	go func() { done <- e.resolve(ctx, q, b, trace) }()
	patience := time.NewTimer(limits.StaleAfter)
	defer patience.Stop()
	select {
	case out := <-done:
		if out.unreachable() {
			return old
		}
		return out
	case <-patience.C:
		return old
	}
}

// unreachable says whether a failure comes from servers that do not answer: bad answers, and
// denials all the more, are news that old data must not hide (GD-05).
func (o *Outcome) unreachable() bool {
	return o.RCode == dns.RCodeServFail && (o.EDE == dns.EDENoReachableAuthority || o.EDE == dns.EDENetworkError || o.EDE == dns.EDEOther)
}

// stale answers a question from the cache as it was up to limits.StaleWindow ago.
func (e *Engine) stale(q Question) (Outcome, bool) {
	then := time.Now().Add(-limits.StaleWindow)
	out, ok := e.lookUp(q, func(name dns.Name) (cache.Entry, bool) {
		entry, ok := e.cached(name, q.Type, rankFor(!q.CheckingDisabled), then)
		return entry, ok && entry.Kind != cache.Failure
	})
	if !ok {
		return Outcome{}, false
	}
	for i := range out.Answer {
		out.Answer[i].TTL = limits.StaleTTL
	}
	for i := range out.Authority {
		out.Authority[i].TTL = limits.StaleTTL
	}
	out.Stale, out.EDE, out.Reason = true, dns.EDEStaleAnswer, "WFAC: servers do not answer, this was true a while ago"
	if out.RCode == dns.RCodeNXDomain {
		out.EDE, out.Reason = dns.EDEStaleNXDomain, "QSF6: servers do not answer, this was true a while ago"
	}
	return out, true
}

// refresh resolves anew what was just answered from an entry that is about to run out.
func (e *Engine) refresh(q Question) {
	if !e.background.TryAcquire(1) {
		return
	}
	go func() {
		defer e.background.Release(1)
		q.Fresh = true
		ctx, cancel := context.WithTimeout(context.Background(), limits.ResolutionTime)
		defer cancel()
		e.resolve(ctx, q, new(limits.Budget), nil)
	}()
}

// expiring says whether an entry has less than 1 % of its life or 5 seconds left.
func expiring(left, ttl uint32) bool { return 100*(int64(left)-5) < int64(ttl) }
