package iterate

import (
	"context"
	"time"

	"knot-resolver/internal/cache"
	"knot-resolver/internal/dns"
	"knot-resolver/internal/explain"
	"knot-resolver/internal/limits"
)

// Stale is when and how to answer from entries that ran out (RFC 8767).
type Stale struct {
	Serve  bool
	Window time.Duration // how long after its end an entry may still be served
	TTL    uint32        // of stale records, seconds
	After  time.Duration // how long servers may take before; 0 answers at once and asks them behind it
	Bogus  bool          // also when what servers answer now does not validate
}

// DefaultStale serves stale answers as RFC 8767 sections 4 and 5 recommend.
func DefaultStale() Stale {
	return Stale{Serve: true, Window: limits.StaleWindow, TTL: limits.StaleTTL, After: limits.StaleAfter}
}

// resolveOrStale resolves, but answers from entries that ran out when servers fail or take too
// long (RFC 8767). The resolution goes on then, for the next client.
func (e *Engine) resolveOrStale(ctx context.Context, q Question, b *limits.Budget, trace *explain.Node) Outcome {
	old, ok := e.stale(q)
	if !ok {
		return e.resolveOrFallBack(ctx, q, b, trace)
	}
	done := make(chan Outcome, 1)
	go func() { done <- e.resolveOrFallBack(ctx, q, b, trace) }()
	patience := time.NewTimer(e.Stale.After)
	defer patience.Stop()
	select {
	case out := <-done:
		if e.Stale.hides(&out) {
			return old
		}
		return out
	case <-patience.C:
		return old
	}
}

// hides says whether an old answer goes before a failure: when servers do not answer. Bad answers are news that old data hides
// only where that is wanted, denials are news always (GD-05).
func (s *Stale) hides(o *Outcome) bool {
	if o.RCode != dns.RCodeServFail {
		return false
	}
	return o.unreachable() || s.Bogus && invalid(o.EDE)
}

// invalid says whether a failure with this code is one of validation.
func invalid(code dns.EDECode) bool {
	switch code {
	case dns.EDEBogus, dns.EDESignatureExpired, dns.EDESignatureNotYetValid, dns.EDEDNSKEYMissing, dns.EDERRSIGsMissing,
		dns.EDENoZoneKeyBit, dns.EDENSECMissing, dns.EDEExpiredBeforeValid:
		return true
	}
	return false
}

// unreachable says whether a failure comes from servers that do not answer.
func (o *Outcome) unreachable() bool {
	return o.RCode == dns.RCodeServFail && (o.EDE == dns.EDENoReachableAuthority || o.EDE == dns.EDENetworkError || o.EDE == dns.EDEOther)
}

// stale answers a question from the cache as it was up to Stale.Window ago.
func (e *Engine) stale(q Question) (Outcome, bool) {
	then := time.Now().Add(-e.Stale.Window)
	out, ok := e.lookUp(q, newCollector(), nil, func(name dns.Name) (cache.Entry, bool) {
		if e.own(name, q.Type, e.policy(&q)) {
			return cache.Entry{}, false
		}
		entry, ok := e.cached(name, q.Type, rankFor(!q.CheckingDisabled), then)
		if !ok || entry.Kind == cache.Failure {
			return entry, false
		}
		entry, err := e.guarded(entry)
		return entry, err == nil
	})
	if !ok {
		return Outcome{}, false
	}
	for i := range out.Answer {
		out.Answer[i].TTL = min(out.Answer[i].TTL, e.Stale.TTL)
	}
	for i := range out.Authority {
		out.Authority[i].TTL = min(out.Authority[i].TTL, e.Stale.TTL)
	}
	out.Stale, out.EDE, out.Reason = true, dns.EDEStaleAnswer, "WFAC: servers do not answer, this was true a while ago"
	if out.RCode == dns.RCodeNXDomain {
		out.EDE, out.Reason = dns.EDEStaleNXDomain, "QSF6: servers do not answer, this was true a while ago"
	}
	return out, true
}

// refresh resolves anew what was just answered from an entry that has left seconds to live. After a failure it waits until that
// is forgotten. The name may be borrowed.
func (e *Engine) refresh(q Question, left uint32) {
	if _, failed := e.Cache.Failure(q.Name, q.Type, time.Now()); failed || !e.background.TryAcquire(1) {
		return
	}
	q.Name = q.Name.Clone()
	go func() {
		defer e.background.Release(1)
		q.Fresh, q.Internal, q.Ahead, q.Policy = true, true, time.Duration(left)*time.Second, nil // the client's is gone
		ctx, cancel := context.WithTimeout(context.Background(), limits.ResolutionTime)
		defer cancel()
		e.resolve(ctx, q, new(limits.Budget), nil)
	}()
}
