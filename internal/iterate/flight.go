package iterate

import (
	"context"
	"sync"

	"knot-resolver/internal/cache"
	"knot-resolver/internal/dns"
	"knot-resolver/internal/explain"
	"knot-resolver/internal/limits"
)

// flights lets resolutions of the same question share one walk, also as parts of
// different client queries (SP-06). A walk may need the result of another, so waiting
// could form a circle: two zones that serve each other. The rule is: nobody waits for a walk that
// waits, directly or not, for him; he is told that there is a circle instead.
type flights struct {
	mu   sync.Mutex
	open map[flightKey]*flight
}

type flightKey struct {
	name     dns.Name
	typ      dns.Type
	validate bool
	rescue   bool // by the resolvers of last resort
	keys     bool // the keys of a zone, as part of another resolution
	guessed  bool // of servers that need not know them
	// step is the zone that is asked a minimised question; empty for a resolution to the end.
	step dns.Name
}

// task is one client query with all its sub-jobs: it does one thing at a time and so
// waits for one flight at most. Its fields belong to flights.mu.
type task struct {
	waiting *flight
}

type flight struct {
	owner   *task         // nil when it has landed: those who waited may not have noticed yet
	done    chan struct{} // made by the first who waits
	waiters int
	entry   cache.Entry
	err     error
	// cancelled says that it was given up before its end, because nobody waits for its owner's answer any more.
	cancelled bool
}

// leadsTo says whether following who waits for whom from f comes to t.
func (f *flight) leadsTo(t *task) bool {
	for f != nil && f.owner != nil {
		if f.owner == t {
			return true
		}
		f = f.owner.waiting
	}
	return false
}

// share runs walk, or waits for somebody who runs it.
func (j *job) share(key flightKey, walk func() (cache.Entry, error)) (cache.Entry, error) {
	s := &j.e.flights
	s.mu.Lock()
	if f, ok := s.open[key]; ok {
		switch {
		case f.leadsTo(j.task):
			s.mu.Unlock()
			return cache.Entry{}, &Failure{RCode: dns.RCodeServFail, EDE: dns.EDENoReachableAuthority, Passing: true,
				Reason: "to resolve " + key.name.String() + " " + key.typ.String() + " it would have to be known already"}
		case f.waiters == limits.WaitersPerResolution:
			s.mu.Unlock()
			return cache.Entry{}, &Failure{RCode: dns.RCodeServFail, EDE: dns.EDEOther, Passing: true,
				Reason: "too many clients wait for " + key.name.String()}
		}
		if f.done == nil {
			f.done = make(chan struct{})
		}
		f.waiters++
		j.task.waiting = f
		s.mu.Unlock()
		if entry, err := j.await(f, key); !f.abandoned() || j.ctx.Err() != nil {
			return entry, err
		}
		return j.share(key, walk)
	}
	if s.open == nil {
		s.open = make(map[flightKey]*flight)
	}
	f := &flight{owner: j.task}
	s.open[key] = f
	s.mu.Unlock()

	j.asked = true
	f.entry, f.err = walk()
	f.cancelled = j.ctx.Err() == context.Canceled
	s.mu.Lock()
	delete(s.open, key)
	f.owner = nil
	if f.done != nil {
		close(f.done)
	}
	s.mu.Unlock()
	return f.entry, f.err
}

// abandoned says whether the flight has landed without a result that is one for others.
func (f *flight) abandoned() bool {
	select {
	case <-f.done:
		return f.cancelled
	default:
		return false
	}
}

func (j *job) await(f *flight, key flightKey) (cache.Entry, error) {
	j.trace.Add(explain.Step{Kind: explain.KindJoin, Name: key.name.String(), Type: key.typ.String(), Text: "is being resolved already"})
	defer func() {
		j.e.flights.mu.Lock()
		j.task.waiting = nil
		f.waiters--
		j.e.flights.mu.Unlock()
	}()
	j.asked = true
	select {
	case <-f.done:
		return f.entry, f.err
	case <-j.ctx.Done():
		return cache.Entry{}, j.late(key.name, key.typ)
	}
}

// late is the failure of a resolution that ran out of time.
func (j *job) late(name dns.Name, t dns.Type) error {
	return failure(dns.EDENoReachableAuthority, "no answer for %v %v within %v", name, t, limits.ResolutionTime)
}
