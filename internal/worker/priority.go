package worker

import (
	"math/rand/v2"
	"time"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/iterate"
	"knot-resolver/internal/limits"
	"knot-resolver/internal/server"
)

// Priority says when a request that needs servers to be asked is worked on, 0 first, by what its client has cost lately.
func (w *Worker) Priority(req *server.Request) uint8 {
	p := w.priorities.Load()
	if p == nil {
		return 0
	}
	who := w.asker(req)
	defer w.release(who)
	if who.view.PriceFactor == 0 {
		return server.Exempt // whatever its neighbours cost
	}
	return p.Class(req.Client.Addr(), req.Transport.Datagram(), time.Now())
}

// charge counts what a request has cost.
func (w *Worker) charge(req *server.Request, who *asker, cost time.Duration, now time.Time) {
	if p := w.priorities.Load(); p != nil {
		p.Charge(req.Client.Addr(), req.Transport.Datagram(), cost, who.view.PriceFactor, now)
	}
}

// sampled is of how many requests that are answered inline one is charged, for all of them.
const sampled = 64

func (w *Worker) sample(req *server.Request, who *asker, now time.Time) {
	if w.priorities.Load() != nil && rand.Uint32()%sampled == 0 {
		w.charge(req, who, sampled*limits.CostOfHit, now)
	}
}

// Shed answers a request that is turned away because there is too much to do: who may not be who he seems is told to
// come over TCP, where he is served in another lane.
func (w *Worker) Shed(dst []byte, req *server.Request) []byte {
	now := time.Now()
	if p := w.priorities.Load(); p != nil {
		p.Notice(req.Client.Addr(), now)
	}
	if req.Transport.Datagram() {
		return w.truncated(dst, req, now)
	}
	var m dns.Message
	if m.Parse(req.Raw) != nil {
		return nil
	}
	return w.finish(dst, req, &m, iterate.Outcome{RCode: dns.RCodeServFail, EDE: dns.EDEOther,
		Reason: "there is too much to do, and clients that need less are served first"}, now)
}
