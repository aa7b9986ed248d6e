package iterate

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"sync"
	"sync/atomic"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/dnssec"
	"knot-resolver/internal/limits"
)

// anchorSet is the trust anchors in force. Reading costs no lock: every resolution does it.
type anchorSet struct {
	changing sync.Mutex
	byZone   atomic.Pointer[map[dns.Name]dnssec.Anchor]
}

func (s *anchorSet) of(zone dns.Name) (dnssec.Anchor, bool) {
	if m := s.byZone.Load(); m != nil {
		a, ok := (*m)[zone]
		return a, ok
	}
	return dnssec.Anchor{}, false
}

// none says that nothing at all can be validated.
func (s *anchorSet) none() bool {
	m := s.byZone.Load()
	return m == nil || len(*m) == 0
}

// set replaces the anchor of its zone; ok is false for removing it.
func (s *anchorSet) set(a dnssec.Anchor, ok bool) {
	s.changing.Lock()
	defer s.changing.Unlock()
	next := make(map[dns.Name]dnssec.Anchor)
	if m := s.byZone.Load(); m != nil {
		maps.Copy(next, *m)
	}
	if next[a.Zone] = a; !ok {
		delete(next, a.Zone)
	}
	s.byZone.Store(&next)
}

// Anchor returns the trust anchor of a zone, if it has one.
func (e *Engine) Anchor(zone dns.Name) (dnssec.Anchor, bool) { return e.anchors.of(zone) }

// SetAnchor replaces the trust anchor of its zone for resolutions from now on. A zone whose anchor cannot be used is
// insecure (RFC 4035 section 5.2); so is one without a parent that vouches for it, when the new anchor is empty.
func (e *Engine) SetAnchor(a dnssec.Anchor) {
	_, verdict := e.Validator.Usable(a)
	usable := verdict.State == dnssec.Secure
	if !usable {
		e.Log.Warn("trust anchor not usable, the zone counts as insecure", "zone", a.Zone.String(), "reason", verdict.Reason)
	}
	e.anchors.set(a, usable)
	e.keys.clear()
}

const typeNULL dns.Type = 10

// signal tells the servers of a zone which of its keys are trusted here, by a query for a name made of their tags
// (RFC 8145 section 5). It happens once for each time the keys of the zone are fetched, at its own cost.
func (e *Engine) signal(zone dns.Name) {
	anchor, ok := e.anchors.of(zone)
	if !ok || !e.SignalKeys || !e.background.TryAcquire(1) {
		return
	}
	go func() {
		defer e.background.Release(1)
		name, err := zone.Child(signalLabel(anchor.Tags()))
		if err != nil {
			return // too long a zone name
		}
		ctx, cancel := context.WithTimeout(context.Background(), limits.ResolutionTime)
		defer cancel()
		budget := new(limits.Budget)
		_ = budget.Charge(limits.KindUpstreamQueries, limits.UpstreamQueries-limits.SignalQueries) // cannot fail
		e.resolve(ctx, Question{Name: name, Type: typeNULL, CheckingDisabled: true, Fresh: true, Internal: true}, budget, nil)
	}()
}

// signalLabel is "_ta-" and the tags in ascending order.
func signalLabel(tags []uint16) string {
	var b strings.Builder
	b.WriteString("_ta")
	for _, tag := range tags[:min(len(tags), limits.SignalTags)] {
		fmt.Fprintf(&b, "-%04x", tag)
	}
	return b.String()
}
