package worker

import (
	"context"
	"time"

	"knot-resolver/internal/cache"
	"knot-resolver/internal/dns"
	"knot-resolver/internal/dns64"
	"knot-resolver/internal/explain"
	"knot-resolver/internal/iterate"
	"knot-resolver/internal/limits"
)

// translates says whether the asker is behind a NAT64.
func (a *asker) translates() bool { return a.w.options.DNS64 != nil && a.view.DNS64 }

// fromCache answers a question without asking anybody.
func (w *Worker) fromCache(q iterate.Question, translate bool) (iterate.Outcome, bool) {
	if !translate {
		return w.engine.FromCache(q)
	}
	return w.translated(q, w.engine.FromCache)
}

// resolve answers a question. Everything done for it is charged to b.
func (w *Worker) resolve(ctx context.Context, q iterate.Question, b *limits.Budget, trace *explain.Node, translate bool) iterate.Outcome {
	if !translate {
		return w.engine.Resolve(ctx, q, b, trace)
	}
	// Two questions may have to be answered for one, within the time of one.
	ctx, cancel := context.WithTimeout(ctx, limits.ResolutionTime)
	defer cancel()
	out, _ := w.translated(q, func(q iterate.Question) (iterate.Outcome, bool) {
		return w.engine.Resolve(ctx, q, b, trace), true
	})
	return out
}

// lookup answers a question, or not when that needs more than the lookup may do.
type lookup func(iterate.Question) (iterate.Outcome, bool)

// translated answers for clients behind a NAT64: with AAAA records made of A records where there are none. Who sets CD does that
// himself (RFC 6147 section 5.5).
func (w *Worker) translated(q iterate.Question, find lookup) (iterate.Outcome, bool) {
	if !q.CheckingDisabled {
		switch q.Type {
		case dns.TypeAAAA:
			return w.madeOfA(q, find)
		case dns.TypePTR:
			return w.reversed(q, find)
		}
	}
	return find(q)
}

// madeOfA answers a question for AAAA records.
func (w *Worker) madeOfA(q iterate.Question, find lookup) (iterate.Outcome, bool) {
	q.Missed = false // there may be denials for one of the two types
	out, ok := find(q)
	limit, made := w.lacking(q, &out)
	if !ok || !made || applied(out.Judge) {
		return out, ok
	}
	before := hitsOf(out.Judge)
	q.Type = dns.TypeA
	a, ok := find(q)
	out.Judge = withHits(a.Judge, before)
	last := len(a.Answer) - 1
	switch {
	case !ok || a.RCode == dns.RCodeServFail || a.Silent || a.Truncated: // an A set that does not validate must not pass for none
		return a, ok
	case a.RCode != dns.RCodeNoError || last < 0 || a.Answer[last].Type != dns.TypeA:
		if len(out.Answer) > 0 && out.Answer[len(out.Answer)-1].Type == dns.TypeAAAA && !w.options.DNS64.Ignored(q.Name) {
			return a, true // nothing is left: the denial of A records has the SOA that goes with it
		}
		return out, true
	case a.Secure && unanswered(&out):
		return out, true // in a signed zone it must be proven that there are no AAAA records (RFC 6147 section 5.5)
	}
	a.Answer[last] = w.options.DNS64.AAAA(&a.Answer[last], limit)
	a.Secure, a.Cached = a.Secure && out.Secure, a.Cached && out.Cached
	a.Stale, a.Expiring = a.Stale || out.Stale, a.Expiring || out.Expiring
	if a.EDE == dns.NoEDE {
		a.EDE, a.Reason = dns.EDESynthesized, "BHD4: made of A records (DNS64)"
	}
	return a, true
}

// unanswered says whether servers fail to answer for AAAA records: some do, although they have A records (RFC 4074), so that counts
// as having none (RFC 6147 section 5.1.2). Who refuses to answer for a name does so whatever the type.
func unanswered(out *iterate.Outcome) bool {
	return out.RCode == dns.RCodeServFail && !out.Refused && (out.EDE == dns.EDENoReachableAuthority || out.EDE == dns.EDENetworkError)
}

// lacking says whether AAAA records are to be made, with a TTL of at most limit, because the answer has none that
// count. Records that do not count are taken out of it.
func (w *Worker) lacking(q iterate.Question, out *iterate.Outcome) (limit uint32, lacks bool) {
	if unanswered(out) {
		return dns64.LimitTTL, true
	}
	if out.RCode != dns.RCodeNoError || out.Silent || out.Truncated {
		return 0, false
	}
	last := len(out.Answer) - 1
	if last < 0 || out.Answer[last].Type != dns.TypeAAAA {
		return dns64.Limit(out.Authority), true
	}
	if w.options.DNS64.Ignored(q.Name) {
		return dns64.LimitTTL, true
	}
	usable := w.options.DNS64.Usable(&out.Answer[last])
	if len(usable.RDatas) > 0 {
		out.Answer[last] = usable
	}
	return dns64.LimitTTL, len(usable.RDatas) == 0
}

// reversed answers a question for the name of an address with the prefix of the NAT64. The alias is made where it leads to
// something (RFC 6147 section 5.3.1).
func (w *Worker) reversed(q iterate.Question, find lookup) (iterate.Outcome, bool) {
	alias, target, ok := w.options.DNS64.Reverse(q.Name)
	if !ok {
		return find(q)
	}
	v4 := q
	v4.Name, v4.Missed = target, false
	out, ok := find(v4)
	switch last := len(out.Answer) - 1; {
	case !ok || out.Silent || out.Truncated:
		return out, ok
	case out.RCode != dns.RCodeNoError || last < 0 || out.Answer[last].Type != dns.TypePTR:
		q.Missed = false
		before := hitsOf(out.Judge)
		out, ok = find(q)
		out.Judge = withHits(out.Judge, before)
		return out, ok
	}
	out.Answer = append([]dns.RRset{alias}, out.Answer...)
	out.Secure = false
	if out.EDE == dns.NoEDE {
		out.EDE, out.Reason = dns.EDESynthesized, "BHD4: the alias is made for an address of NAT64 (DNS64)"
	}
	return out, ok
}

// discovery answers for the names by which clients find out the prefix.
func discovery(name dns.Name, t dns.Type, now time.Time) (cache.Entry, bool) {
	answer, soa, nx, ok := dns64.Special(name, t)
	if !ok {
		return cache.Entry{}, false
	}
	e := cache.Entry{Rank: cache.Insecure, Inserted: now, TTL: dns64.SpecialTTL, EDE: dns.NoEDE, Reason: "special-use name of DNS64"}
	switch {
	case nx:
		e.Kind, e.Authority = cache.NXDomain, []dns.RRset{soa}
	case len(answer.RDatas) == 0:
		e.Kind, e.Authority = cache.NoData, []dns.RRset{soa}
	default:
		e.Kind, e.Answer = cache.Positive, answer
	}
	return e, true
}
