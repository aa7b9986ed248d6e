package worker

import (
	"encoding/binary"
	"sync/atomic"
	"time"

	"knot-resolver/internal/admit"
	"knot-resolver/internal/dns"
	"knot-resolver/internal/server"
)

// latencyBounds are the upper bounds of the classes of answer times; slower answers are "slow".
var latencyBounds = [...]struct {
	bound time.Duration
	name  string
}{
	{time.Millisecond, "1ms"}, {10 * time.Millisecond, "10ms"}, {50 * time.Millisecond, "50ms"}, {100 * time.Millisecond, "100ms"},
	{250 * time.Millisecond, "250ms"}, {500 * time.Millisecond, "500ms"}, {time.Second, "1000ms"}, {1500 * time.Millisecond, "1500ms"},
}

// counters are the statistics of a worker, under the names of the original.
type counters struct {
	total, cached, stale                atomic.Uint64
	families                            [2]atomic.Uint64    // IPv4, IPv6
	transports                          [5][2]atomic.Uint64 // by server.Transport and family
	answers                             atomic.Uint64
	noError, noData, nxDomain, servFail atomic.Uint64
	latency                             [len(latencyBounds) + 1]atomic.Uint64
	sum                                 atomic.Uint64 // microseconds
	aa, tc, rd, ra, ad, cd, do, edns    atomic.Uint64
	rate                                admit.RateCounts
}

// request counts a query and returns how many there have been.
func (c *counters) request(req *server.Request) uint64 {
	family := 0
	if req.Client.Addr().Is6() {
		family = 1
	}
	c.families[family].Add(1)
	c.transports[req.Transport][family].Add(1)
	return c.total.Add(1)
}

// answer counts an answer as it goes out.
func (c *counters) answer(msg []byte, edns, do bool, took time.Duration) {
	c.answers.Add(1)
	f := dns.Flags(binary.BigEndian.Uint16(msg[2:]))
	switch f.RCode() {
	case dns.RCodeNXDomain:
		c.nxDomain.Add(1)
	case dns.RCodeServFail:
		c.servFail.Add(1)
	case dns.RCodeNoError:
		if binary.BigEndian.Uint16(msg[6:]) == 0 {
			c.noData.Add(1)
		} else {
			c.noError.Add(1)
		}
	}
	i := 0
	for i < len(latencyBounds) && took > latencyBounds[i].bound {
		i++
	}
	c.latency[i].Add(1)
	c.sum.Add(uint64(took.Microseconds()))
	c.flags(f, edns, do)
}

// repeated counts a query answered with an answer given before, and returns how many queries there have been.
func (c *counters) repeated(req *server.Request, msg []byte, q *plain) uint64 {
	n := c.request(req)
	c.cached.Add(1)
	c.answer(msg, q.variant&variantEDNS != 0, q.variant&variantDO != 0, 0)
	return n
}

func (c *counters) flags(f dns.Flags, edns, do bool) {
	for _, bit := range [...]struct {
		flag    dns.Flags
		counter *atomic.Uint64
	}{{dns.FlagAA, &c.aa}, {dns.FlagTC, &c.tc}, {dns.FlagRD, &c.rd}, {dns.FlagRA, &c.ra}, {dns.FlagAD, &c.ad}, {dns.FlagCD, &c.cd}} {
		if f.Has(bit.flag) {
			bit.counter.Add(1)
		}
	}
	if edns {
		c.edns.Add(1)
	}
	if do {
		c.do.Add(1)
	}
}

// Metrics returns the counters as a tree.
func (w *Worker) Metrics() map[string]any {
	c := &w.counters
	internal := w.engine.Internal()
	request := map[string]any{"total": c.total.Load() + internal, "total4": c.families[0].Load(), "total6": c.families[1].Load(), "internal": internal}
	for t := server.UDP; t <= server.DoQ; t++ {
		four, six := c.transports[t][0].Load(), c.transports[t][1].Load()
		request[t.String()], request[t.String()+"4"], request[t.String()+"6"] = four+six, four, six
	}
	for _, name := range []string{"xdp", "xdp4", "xdp6"} { // there is no such transport, but tools may ask for the series
		request[name] = uint64(0)
	}
	answer := map[string]any{
		"total": c.answers.Load(), "cached": c.cached.Load(), "stale": c.stale.Load(),
		"noerror": c.noError.Load(), "nodata": c.noData.Load(), "nxdomain": c.nxDomain.Load(), "servfail": c.servFail.Load(),
		"sum_ms": c.sum.Load() / 1000, "slow": c.latency[len(latencyBounds)].Load(),
		"aa": c.aa.Load(), "tc": c.tc.Load(), "rd": c.rd.Load(), "ra": c.ra.Load(), "ad": c.ad.Load(), "cd": c.cd.Load(),
		"do": c.do.Load(), "edns0": c.edns.Load(),
	}
	for i, class := range latencyBounds {
		answer[class.name] = c.latency[i].Load()
	}
	query := map[string]any{"edns": c.edns.Load(), "dnssec": c.do.Load()}
	all := map[string]any{"request": request, "answer": answer, "query": query, "cache": w.cacheMetrics(),
		"ratelimiting": w.limiterMetrics(), "rpz": w.listMetrics()}
	if w.foresight != nil {
		all["predict"] = w.foresight.metrics()
	}
	return all
}

func (w *Worker) cacheMetrics() map[string]any {
	s := w.cache.Store().Stats()
	suspended := 0
	if s.Suspended {
		suspended = 1
	}
	return map[string]any{"entries": s.Entries, "used_bytes": s.UsedBytes, "size_bytes": s.SizeBytes, "commits": s.Commits,
		"written": s.Written, "kept": s.Kept, "dropped": s.Dropped, "full": s.Full, "faults": s.Faults,
		"errors": s.Errors, "suspended": suspended, "suspensions": s.Suspensions}
}
