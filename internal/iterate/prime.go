package iterate

import (
	"context"
	"time"

	"knot-resolver/internal/cache"
	"knot-resolver/internal/dns"
	"knot-resolver/internal/limits"
)

// Prime keeps the servers of the root up to date until ctx ends: it asks the hints for them
// (RFC 8109), and again when their records run out.
func (e *Engine) Prime(ctx context.Context) {
	for skewed := false; ; {
		wait := limits.PrimingRetry
		servers, ttl, out := e.rootServers(ctx)
		if len(servers) > 0 {
			e.hints.Store(&servers)
			wait = max(wait, time.Duration(ttl)*time.Second)
		}
		if now := outOfTime(out); now != skewed {
			if skewed = now; skewed {
				e.Log.Warn("the signatures of the root are not valid now: is the clock right?", "group", "timesk", "now", time.Now().Round(0).UTC(), "reason", out.Reason)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// outOfTime says whether signatures are too young or too old.
func outOfTime(out Outcome) bool {
	return out.EDE == dns.EDESignatureExpired || out.EDE == dns.EDESignatureNotYetValid
}

// rootServers resolves the NS set of the root and the addresses in it. Without servers the outcome says why.
func (e *Engine) rootServers(ctx context.Context) (servers []cache.NS, ttl uint32, out Outcome) {
	out = e.Resolve(ctx, Question{Name: dns.Root, Type: dns.TypeNS, Internal: true}, new(limits.Budget), nil)
	if out.RCode != dns.RCodeNoError || len(out.Answer) != 1 {
		return nil, 0, out
	}
	ttl = out.Answer[0].TTL
	for rdata := range out.Answer[0].RDatas.All() {
		name, err := dns.Target(rdata)
		if err != nil || len(servers) == limits.NSKept {
			continue
		}
		ns := cache.NS{Name: name}
		for _, t := range e.addressTypes() {
			found := e.Resolve(ctx, Question{Name: name, Type: t, Internal: true}, new(limits.Budget), nil)
			for i := range found.Answer {
				ns.Addrs = appendAddrs(ns.Addrs, &found.Answer[i])
			}
		}
		if len(ns.Addrs) > 0 {
			servers = append(servers, ns)
		}
	}
	return servers, ttl, out
}
