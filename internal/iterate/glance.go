package iterate

import (
	"time"

	"knot-resolver/internal/cache"
	"knot-resolver/internal/dns"
	"knot-resolver/internal/limits"
)

// glance is one look into the cache: a leased object, so that nothing of it goes to the heap each time.
type glance struct {
	e      *Engine
	q      Question
	now    time.Time
	budget limits.Budget
	worn   bool   // an entry is about to run out
	left   uint32 // seconds the most worn entry has left
	out    Outcome
	ok     bool

	v    *cache.View
	look func(*cache.View)                  // made once
	find func(dns.Name) (cache.Entry, bool) // made once
}

func (e *Engine) newGlance() any {
	g := &glance{e: e}
	g.find = func(name dns.Name) (cache.Entry, bool) {
		entry, ok, worn := e.known(g.v, name, g.q, &g.budget, g.now)
		if worn && (!g.worn || entry.Answer.TTL < g.left) {
			g.worn, g.left = true, entry.Answer.TTL
		}
		return entry, ok
	}
	g.look = func(v *cache.View) {
		g.v = v
		g.out, g.ok = e.lookUp(g.q, v, g.find)
		g.v = nil
	}
	return g
}

// release ends the lease.
func (g *glance) release() {
	g.worn, g.out, g.ok, g.budget = false, Outcome{}, false, limits.Budget{}
	g.e.glances.Put(g)
}

// FromCache answers a question without asking anybody; ok is false when that cannot be done.
func (e *Engine) FromCache(q Question) (out Outcome, ok bool) {
	g := e.glances.Get().(*glance)
	defer g.release()
	g.q, g.now = q, time.Now()
	e.Cache.View(g.look)
	if e.Observe != nil {
		e.Observe(&g.budget)
	}
	switch {
	case g.ok && e.Fallback != nil && e.Fallback.rescues(&g.out) && e.mayFallBack(q):
		return Outcome{}, false
	case g.ok && e.Stale.Serve && e.Stale.hides(&g.out):
		if old, ok := e.stale(q); ok {
			return old, true
		}
	case !g.ok && e.Stale.Serve && e.Stale.After == 0:
		if old, ok := e.stale(q); ok {
			e.refresh(q, 0)
			return old, true
		}
	case g.ok && e.Prefetch && g.worn:
		e.refresh(q, g.left)
		g.out.Expiring = true
	}
	return g.out, g.ok
}

// known is one step of FromCache; worn says that the entry is about to run out.
func (e *Engine) known(v *cache.View, name dns.Name, q Question, b *limits.Budget, now time.Time) (entry cache.Entry, ok, worn bool) {
	if entry, ok, worn = e.stored(v, name, q, b, now); ok {
		var refused error
		entry, refused = e.guarded(entry)
		ok = refused == nil // Resolve says why
	}
	return entry, ok, worn
}

// stored is what the cache says about one name.
func (e *Engine) stored(v *cache.View, name dns.Name, q Question, b *limits.Budget, now time.Time) (entry cache.Entry, ok, worn bool) {
	if e.own(name, q.Type, e.policy(&q)) {
		return cache.Entry{}, false, false
	}
	if entry, ok := v.Answer(name, q.Type, rankFor(!q.CheckingDisabled), now); ok && e.belongs(&entry, name, q.Type) {
		left, fresh := entry.Remaining(now)
		return aged(entry, left), fresh, cache.Expiring(left, entry.TTL)
	}
	if q.CheckingDisabled {
		return cache.Entry{}, false, false
	}
	if entry, ok := e.synthesised(v, name, q.Type, b, now); ok {
		return entry, true, false
	}
	entry, ok = v.Failure(name, q.Type, now)
	return entry, ok, false
}
