package iterate

import (
	"errors"
	"sync"
	"time"

	"knot-resolver/internal/cache"
	"knot-resolver/internal/dns"
	"knot-resolver/internal/dnssec"
	"knot-resolver/internal/explain"
	"knot-resolver/internal/limits"
)

// keyring keeps validated zone keys ready for use. The DNSKEY sets themselves are in the cache.
type keyring struct {
	mu   sync.Mutex
	held map[dns.Name]heldKeys
}

type heldKeys struct {
	keys    *dnssec.Keys
	anchor  dnssec.Anchor
	expires time.Time
}

func (k *keyring) get(c *cut, now time.Time) *dnssec.Keys {
	k.mu.Lock()
	defer k.mu.Unlock()
	h, ok := k.held[c.zone]
	if !ok || !now.Before(h.expires) || !sameAnchor(h.anchor, c.anchor) {
		return nil
	}
	return h.keys
}

func (k *keyring) put(c *cut, keys *dnssec.Keys, expires time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.held == nil || len(k.held) >= limits.KeyringZones {
		k.held = make(map[dns.Name]heldKeys) // they come back from the cache
	}
	k.held[c.zone] = heldKeys{keys, c.anchor, expires}
}

// clear forgets all keys, together with the cache.
func (k *keyring) clear() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.held = nil
}

// keysOf returns the validated keys of a signed zone, fetching them if need be.
func (j *job) keysOf(c *cut) (*dnssec.Keys, error) {
	now := time.Now()
	if keys := j.e.keys.get(c, now); keys != nil {
		return keys, nil
	}
	if e, ok := j.e.cached(c.zone, dns.TypeDNSKEY, cache.Secure, now); ok {
		switch e.Kind {
		case cache.Failure:
			if j.afresh() || j.rescue != nil {
				break
			}
			return nil, &Failure{RCode: dns.RCodeServFail, EDE: e.EDE, Reason: e.Reason}
		case cache.Positive:
			if keys, verdict := j.e.Validator.Keys(&e.Answer, c.anchor, now, j.budget); verdict.State == dnssec.Secure {
				j.e.keys.put(c, keys, now.Add(time.Duration(e.TTL)*time.Second))
				return keys, nil
			}
		}
	}
	_, err := j.refetchKeys(c)
	if err != nil && c.guessed {
		_, err = j.fromRoot(c.zone, dns.TypeDNSKEY, err)
	}
	if err != nil {
		return nil, err
	}
	if keys := j.e.keys.get(c, time.Now()); keys != nil {
		return keys, nil
	}
	return nil, failure(dns.EDEDNSKEYMissing, "the keys of %v changed while they were fetched", c.zone)
}

// refetchKeys returns the validated DNSKEY set of a signed zone from its servers, together with who asks for it already.
func (j *job) refetchKeys(c *cut) (cache.Entry, error) {
	return j.share(flightKey{name: c.zone, keys: true, guessed: c.guessed, rescue: j.rescue != nil}, func() (cache.Entry, error) {
		tired := j.tired()
		entry, err := j.fetchKeys(c)
		if err != nil && !c.guessed && !(tired && j.spent(err)) {
			j.remember(c.zone, dns.TypeDNSKEY, err)
		}
		return entry, err
	})
}

// fetchKeys asks for the DNSKEY set of a zone and validates it against the anchor of the cut.
func (j *job) fetchKeys(c *cut) (cache.Entry, error) {
	node := j.trace.Add(explain.Step{Kind: explain.KindKeys, Zone: c.zone.String()})
	j = j.child(node)
	s := j.session(c, c.zone, dns.TypeDNSKEY)
	for {
		r, err := s.next()
		if err != nil {
			return cache.Entry{}, withoutKeys(err)
		}
		entry, err := j.keysIn(c, r)
		if err == nil {
			return entry, nil
		}
		if err = s.reject(err); err != nil {
			return cache.Entry{}, err
		}
	}
}

// withoutKeys marks the failure to get any keys.
func withoutKeys(err error) error {
	var f *Failure
	if !errors.As(err, &f) || f.Bogus || f.Passing {
		return err
	}
	missing := *f
	missing.EDE = dns.EDEDNSKEYMissing
	return &missing
}

func (j *job) keysIn(c *cut, r *response) (cache.Entry, error) {
	now := time.Now()
	set := setOf(r.answer, c.zone, dns.TypeDNSKEY)
	if set == nil {
		set = &dns.RRset{Owner: c.zone, Type: dns.TypeDNSKEY}
	}
	keys, verdict := j.e.Validator.Keys(set, c.anchor, now, j.budget)
	j.traceVerdict(explain.KindVerify, c.zone, dns.TypeDNSKEY, verdict)
	if verdict.State != dnssec.Secure {
		return cache.Entry{}, j.bogus(verdict)
	}
	e := cache.Entry{Kind: cache.Positive, Rank: cache.Secure, Answer: *set, TTL: keys.TTL, EDE: dns.NoEDE}
	j.put(c, c.zone, dns.TypeDNSKEY, &e, now)
	expires := now.Add(time.Duration(e.TTL) * time.Second)
	if keys.Expires.Before(expires) {
		expires = keys.Expires
	}
	j.e.keys.put(c, keys, expires)
	j.e.signal(c.zone)
	return e, nil
}
