package iterate

import (
	"context"
	"sync"
	"time"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/explain"
	"knot-resolver/internal/limits"
)

// Fallback is resolvers to ask when resolution fails.
type Fallback struct {
	Servers  []Server
	Insecure bool // their answers are not validated: then they may also answer what is bogus here
}

// mayFallBack says whether a question may go to the resolvers of last resort: not if it belongs to configured servers, for those
// names may be nobody else's business (RF-13).
func (e *Engine) mayFallBack(q Question) bool {
	if e.Fallback == nil || q.NoFallback {
		return false
	}
	apex, ok := e.Forwarded(q.Name, q.Type, e.policy(&q))
	return (!ok || apex == dns.Root) && !e.hopeless.has(q, time.Now())
}

// hopeless remembers which questions the resolvers of last resort failed to answer, as the cache does for other failures (RFC 9520).
type hopeless struct {
	mu    sync.Mutex
	until map[hopelessKey]time.Time
}

type hopelessKey struct {
	name dns.Name
	typ  dns.Type
}

func (h *hopeless) has(q Question, now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return now.Before(h.until[hopelessKey{q.Name, q.Type}])
}

func (h *hopeless) add(q Question, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.until == nil || len(h.until) >= limits.FallbackFailures {
		h.until = make(map[hopelessKey]time.Time)
	}
	h.until[hopelessKey{q.Name, q.Type}] = now.Add(limits.FailureTTL * time.Second)
}

// rescues says whether the resolvers of last resort may do better than a failure.
func (f *Fallback) rescues(o *Outcome) bool {
	return o.RCode == dns.RCodeServFail && (f.Insecure || o.unreachable())
}

// resolveOrFallBack resolves, and asks the resolvers of last resort when that fails or takes too long. The first good answer counts.
func (e *Engine) resolveOrFallBack(ctx context.Context, q Question, b *limits.Budget, trace *explain.Node) Outcome {
	if !e.mayFallBack(q) {
		return e.resolve(ctx, q, b, trace)
	}
	ctx, cancel := context.WithTimeout(ctx, limits.ResolutionTime)
	defer cancel()
	usual, last := make(chan Outcome, 1), make(chan Outcome, 1)
	go func() { usual <- e.resolve(ctx, q, b, trace) }()
	patience := time.NewTimer(limits.FallbackAfter)
	defer patience.Stop()
	var failed *Outcome
	select {
	case out := <-usual:
		if !e.Fallback.rescues(&out) {
			return out
		}
		failed = &out
	case <-patience.C:
	}
	go func() { last <- e.lastResort(ctx, q, b, trace) }()
	for {
		select {
		case out := <-usual:
			if !e.Fallback.rescues(&out) {
				return out
			}
			failed = &out
		case out := <-last:
			if out.RCode != dns.RCodeServFail {
				return out
			}
			e.hopeless.add(q, time.Now())
			if failed == nil {
				return <-usual // which ends with the context
			}
			failed.Reason += "; fallback: " + out.Reason
			return *failed
		}
	}
}

// lastResort asks the resolvers of last resort. Without validation nothing of what they say is stored where validated answers are.
func (e *Engine) lastResort(ctx context.Context, q Question, b *limits.Budget, trace *explain.Node) Outcome {
	node := trace.Add(explain.Step{Kind: explain.KindFallback, Name: q.Name.String(), Type: q.Type.String(), Text: "resolution fails or takes too long"})
	j := e.job(ctx, q, b, node)
	j.rescue = &Forward{Apex: dns.Root, Servers: e.Fallback.Servers, Insecure: e.Fallback.Insecure}
	j.validate = j.validate && !e.Fallback.Insecure
	return j.follow(q.Name, q.Type)
}
