package iterate

import (
	"time"

	"knot-resolver/internal/cache"
	"knot-resolver/internal/dns"
	"knot-resolver/internal/limits"
)

// Glance is one look into the cache: a leased object, so that nothing of it goes to the heap each time.
type Glance struct {
	e      *Engine
	q      Question
	now    time.Time
	budget limits.Budget
	worn   bool   // an entry is about to run out
	left   uint32 // seconds the most worn entry has left
	out    Outcome
	ok     bool

	lends bool        // what is found lives in memory of the glance
	arena cache.Arena // of entries
	found collector   // with the memory of its lists
	made  synthesis   // the last one

	v    *cache.View
	look func(*cache.View)                  // made once
	find func(dns.Name) (cache.Entry, bool) // made once
}

func (e *Engine) newGlance() any {
	g := &Glance{e: e}
	g.found.reset()
	g.find = func(name dns.Name) (cache.Entry, bool) {
		made := &g.made
		if !g.lends {
			made = new(synthesis)
		}
		entry, ok, worn := e.known(made, g.v, name, g.q, &g.budget, g.now)
		if worn && (!g.worn || entry.Answer.TTL < g.left) {
			g.worn, g.left = true, entry.Answer.TTL
		}
		return entry, ok
	}
	g.look = func(v *cache.View) {
		g.v = v
		found := &g.found
		if g.lends {
			v.Lend(&g.arena)
		} else {
			found = newCollector()
		}
		g.out, g.ok = e.lookUp(g.q, found, v, g.find)
		g.v = nil
	}
	return g
}

// Outcome is what the look has found; ok is false when the question cannot be answered without asking anybody.
func (g *Glance) Outcome() (out Outcome, ok bool) { return g.out, g.ok }

// Release ends the lease, and with it the life of all records of the outcome.
func (g *Glance) Release() {
	g.worn, g.out, g.ok, g.budget, g.q = false, Outcome{}, false, limits.Budget{}, Question{}
	g.arena.Reset()
	g.made.release()
	g.found.reset()
	g.e.glances.Put(g)
}

// Glance answers a question as FromCache does, without allocating for entries that are there: the outcome is good until the
// Glance, which the caller must release, is released. The name of the question may be borrowed as long.
func (e *Engine) Glance(q Question) *Glance {
	g := e.glances.Get().(*Glance)
	g.lends = true
	g.run(q)
	return g
}

// FromCache answers a question without asking anybody; ok is false when that cannot be done.
func (e *Engine) FromCache(q Question) (out Outcome, ok bool) {
	g := e.glances.Get().(*Glance)
	defer g.Release()
	g.lends = false
	g.run(q)
	return g.out, g.ok
}

// run looks, and has renewed what will not last.
func (g *Glance) run(q Question) {
	e := g.e
	g.q, g.now = q, time.Now()
	e.Cache.View(g.look)
	if e.Observe != nil {
		e.Observe(&g.budget)
	}
	switch {
	case g.ok && e.Fallback != nil && e.Fallback.rescues(&g.out) && e.mayFallBack(q):
		g.out, g.ok = Outcome{}, false
	case g.ok && e.Stale.Serve && e.Stale.hides(&g.out):
		if old, ok := e.stale(q); ok {
			g.out = old
		}
	case !g.ok && e.Stale.Serve && e.Stale.After == 0:
		if old, ok := e.stale(q); ok {
			e.refresh(q, 0)
			g.out, g.ok = old, true
		}
	case g.ok && e.Prefetch && g.worn:
		e.refresh(q, g.left)
		g.out.Expiring = true
	}
}

// known is one step of FromCache; worn says that the entry is about to run out.
func (e *Engine) known(made *synthesis, v *cache.View, name dns.Name, q Question, b *limits.Budget, now time.Time) (entry cache.Entry, ok, worn bool) {
	if entry, ok, worn = e.stored(made, v, name, q, b, now); ok {
		var refused error
		entry, refused = e.guarded(entry)
		ok = refused == nil // Resolve says why
	}
	return entry, ok, worn
}

// stored is what the cache says about one name.
func (e *Engine) stored(made *synthesis, v *cache.View, name dns.Name, q Question, b *limits.Budget, now time.Time) (entry cache.Entry, ok, worn bool) {
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
	if entry, ok := e.synthesised(made, v, name, q.Type, b, now); ok {
		return entry, true, false
	}
	entry, ok = v.Failure(name, q.Type, now)
	return entry, ok, false
}
