package worker

import (
	"time"

	"knot-resolver/internal/admit"
	"knot-resolver/internal/dns"
	"knot-resolver/internal/iterate"
	"knot-resolver/internal/server"
)

// rate has a datagram judged by the limiter. What nobody answers anyway costs nobody anything.
func (w *Worker) rate(l *admit.RateLimiter, req *server.Request, who *asker, now time.Time) admit.Action {
	if admit.Header(req.Raw).Action == admit.Drop {
		return admit.Continue
	}
	return l.Judge(req.Client.Addr(), who.view.PriceFactor, now)
}

// proven says whether a query has a cookie that shows that its address is not forged: somebody else who floods in its name
// does not hurt it (RF-03).
func (w *Worker) proven(req *server.Request, now time.Time) bool {
	var m dns.Message
	if w.options.Cookies == nil || m.Parse(req.Raw) != nil {
		return false
	}
	data, sent := m.EDNS.Option(dns.OptionCookie)
	return sent && w.options.Cookies.Judge(data, req.Client.Addr(), now) == admit.CookieGood
}

// limited answers, or does not, a query above the limit.
func (w *Worker) limited(dst []byte, req *server.Request, action admit.Action, now time.Time) []byte {
	w.counters.request(req)
	if action == admit.Truncate {
		return w.truncated(dst, req, now)
	}
	return nil
}

// truncated tells a client to come over TCP, which nobody can do in its name.
func (w *Worker) truncated(dst []byte, req *server.Request, now time.Time) []byte {
	var m dns.Message
	if m.Parse(req.Raw) != nil {
		return nil
	}
	r := reply{w: w, req: req, query: &m, out: &iterate.Outcome{EDE: dns.NoEDE}, short: true}
	answer := r.append(dst)
	w.counters.answer(answer[len(dst):], m.HasEDNS, m.EDNS.DO, time.Since(now))
	return answer
}

// limiterMetrics are what limiters of this worker have done.
func (w *Worker) limiterMetrics() map[string]any {
	c := &w.counters.rate
	return map[string]any{"limited": c.Limited.Load(), "slipped": c.Slipped.Load(), "dropped": c.Dropped.Load(), "dry_run": c.DryRun.Load()}
}

// RateCounts is where limiters of this worker count.
func (w *Worker) RateCounts() *admit.RateCounts { return &w.counters.rate }
