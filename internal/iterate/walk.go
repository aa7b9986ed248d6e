package iterate

import (
	"time"

	"knot-resolver/internal/cache"
	"knot-resolver/internal/dns"
	"knot-resolver/internal/dnssec"
	"knot-resolver/internal/explain"
	"knot-resolver/internal/limits"
)

// walk goes from the closest known cut down to the zone that holds a name and returns
// what is there: the answer, an alias, or a denial.
func (j *job) walk(name dns.Name, t dns.Type) (cache.Entry, error) {
	w := &walker{job: j, name: name, typ: t, asks: dns.TypeNS}
	c, err := j.closest(name, t)
	if err != nil {
		return cache.Entry{}, err
	}
	w.enter(c)
	for range limits.Referrals + limits.MinimisedSteps {
		entry, done, err := w.step()
		if err != nil || done {
			return entry, err
		}
	}
	return cache.Entry{}, failure(dns.EDEOther, "more than %d referrals on the way to %v", limits.Referrals, name)
}

// walker is the state of a walk.
type walker struct {
	*job
	name  dns.Name
	typ   dns.Type
	cut   *cut
	known int  // labels of name known to exist
	tried int  // minimised names asked at this cut
	whole bool // no more minimisation at this cut: somebody does not understand it

	silences int      // minimised questions that no server of this cut has said anything to
	asks     dns.Type // of minimised questions
}

// enter continues the walk at a cut.
func (w *walker) enter(c *cut) {
	w.cut, w.known, w.tried, w.whole, w.silences = c, c.zone.Labels(), 0, false, 0
}

// next is the question to ask now.
func (w *walker) next() (name dns.Name, t dns.Type, last bool) {
	if w.whole || !w.minimise || w.e.flats.flat(w.cut.zone) || w.typ == dns.TypeDNSKEY || w.cut.target != nil && w.cut.target.recursive {
		return w.name, w.typ, true
	}
	if name, last = minimised(w.name, w.known, w.tried); last {
		return w.name, w.typ, true
	}
	return name, w.asks, false
}

// step asks one question and draws the conclusion.
func (w *walker) step() (entry cache.Entry, done bool, err error) {
	if w.typ == dns.TypeDNSKEY && w.name == w.cut.zone && w.cut.secure {
		if w.afresh() {
			entry, err := w.refetchKeys(w.cut)
			return entry, err == nil, err
		}
		if _, err := w.keysOf(w.cut); err != nil {
			return entry, false, err
		}
		if entry, ok := w.e.cached(w.name, dns.TypeDNSKEY, cache.Secure, time.Now()); ok {
			return entry, true, nil
		}
	}
	name, t, last := w.next()
	if last {
		return w.exchange(name, t, true)
	}
	return w.together(name, t)
}

// together asks a minimised question unless somebody is about to: then what he learns is taken from the cache.
func (w *walker) together(name dns.Name, t dns.Type) (entry cache.Entry, done bool, err error) {
	mine, zone := false, w.cut.zone
	found, shared := w.share(flightKey{name: name, typ: t, validate: w.validate, step: zone}, func() (cache.Entry, error) {
		mine = true
		entry, done, err = w.exchange(name, t, false)
		return w.forOthers(zone, name), err
	})
	if mine {
		return entry, done, err
	}
	if shared != nil {
		return w.exchange(name, t, false) // his failure may be due to what he has spent
	}
	if found.Kind == cache.NoData {
		w.tried++
		w.known = name.Labels()
		return entry, false, nil
	}
	c, err := w.closest(w.name, w.typ)
	if err != nil {
		return entry, false, err
	}
	if !c.zone.Below(zone) {
		return w.exchange(name, t, false)
	}
	w.enter(c)
	return entry, false, nil
}

// forOthers says what a minimised question brought: NODATA stands for a name without a cut, everything else is in the cache, or
// is to be found out anew.
func (w *walker) forOthers(zone, name dns.Name) cache.Entry {
	if w.cut.zone == zone && !w.whole && w.known == name.Labels() {
		return cache.Entry{Kind: cache.NoData}
	}
	return cache.Entry{}
}

// exchange asks one question of the servers of the cut.
func (w *walker) exchange(name dns.Name, t dns.Type, last bool) (entry cache.Entry, done bool, err error) {
	s := w.session(w.cut, name, t)
	s.partial = !last
	s.repeated(w.silences)
	for {
		r, err := s.next()
		if err != nil {
			if !last && !overspent(err) && w.instead(s) {
				return entry, false, nil
			}
			return entry, false, err
		}
		if r.class == referral {
			var child *cut
			if child, err = w.delegated(w.cut, r, name, t); err == nil {
				w.e.flats.cut(w.cut.zone)
				w.enter(child)
				return entry, false, nil
			}
		} else if last {
			if entry, err = w.accept(w.cut, r, name, t); err == nil {
				return entry, true, nil
			}
		} else {
			entry, done, err = w.partial(r, name, t)
			if err == nil {
				return entry, done, nil
			}
		}
		if err = s.reject(err); err != nil {
			return entry, false, err
		}
	}
}

// instead says whether something else can be asked when a minimised question was in vain: an address where nobody says a
// word to a question for servers (RFC 9156 section 2.1), or the whole name.
func (w *walker) instead(s *session) bool {
	if !s.mute() {
		return w.relax()
	}
	w.silences++
	if w.asks == dns.TypeA {
		return w.relax()
	}
	w.asks = dns.TypeA
	w.trace.Add(explain.Step{Kind: explain.KindMinimise, Name: s.name.String(), Text: "asking for its address instead"})
	return true
}

// relax gives up minimisation at this cut, if it was in use.
func (w *walker) relax() bool {
	if w.whole {
		return false
	}
	w.whole = true
	w.trace.Add(explain.Step{Kind: explain.KindMinimise, Name: w.name.String(), Text: "asking for the whole name instead"})
	return true
}

// partial concludes from the response to a minimised question.
func (w *walker) partial(r *response, name dns.Name, t dns.Type) (entry cache.Entry, done bool, err error) {
	w.tried++
	switch r.class {
	case nxDomain:
		if w.cut.secure {
			entry, err = w.accept(w.cut, r, name, t)
			if err == nil && entry.Rank == cache.Secure && !entry.OptOut {
				return entry, true, nil // nothing exists below (RFC 8020)
			}
		}
		w.relax() // many servers say NXDOMAIN for names that only have others below
	case noData:
		w.known = name.Labels()
		if soa := soaOf(r, w.cut.zone, name); soa != nil && soa.Owner.Below(w.cut.zone) {
			w.e.flats.cut(w.cut.zone)
			return entry, false, w.sink(soa.Owner)
		}
		w.e.flats.uncut(w.cut.zone)
	case answered:
		w.known = name.Labels()
		if t != dns.TypeNS && !w.mayBeZone(r, name, t) {
			return entry, false, nil
		}
		w.e.flats.cut(w.cut.zone)
		above := w.cut
		if err = w.sink(name); err == nil && w.cut != above {
			w.settle(above, w.cut, setOf(r.answer, name, dns.TypeNS)) // which is not there if the question was another
		}
		return entry, false, err
	default:
		w.relax()
	}
	return entry, false, nil
}

// mayBeZone says whether a name whose records came without a referral can be a zone of its own: its parent does not sign them then.
func (w *walker) mayBeZone(r *response, name dns.Name, t dns.Type) bool {
	set := setOf(r.answer, name, t)
	if set == nil || !w.cut.secure {
		return false
	}
	signer, signed := dnssec.Signer(set)
	return !signed || signer.Below(w.cut.zone)
}

// sink moves the walk to a zone below that the same servers turned out to serve.
func (w *walker) sink(zone dns.Name) error {
	c, err := w.descend(w.cut, zone)
	if err != nil {
		return err
	}
	tried := w.tried
	w.enter(c)
	w.tried, w.known = tried, max(w.known, zone.Labels())
	return nil
}
