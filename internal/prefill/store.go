package prefill

import (
	"time"

	"knot-resolver/internal/cache"
	"knot-resolver/internal/dns"
	"knot-resolver/internal/limits"
)

// Store puts the content into the cache.
func (c *Content) Store(to *cache.Cache, now time.Time) error {
	for i := range c.Sets {
		set := &c.Sets[i]
		if set.Type == dns.TypeNSEC && c.Rank == cache.Secure {
			to.PutNSEC(c.Zone, set, set.TTL, now)
		} else if set.Type != dns.TypeNSEC {
			e := cache.Entry{Kind: cache.Positive, Rank: c.Rank, Answer: *set, TTL: set.TTL, EDE: dns.NoEDE}
			to.PutAnswer(set.Owner, set.Type, &e, now)
		}
		if err := flush(to, i); err != nil {
			return err
		}
	}
	for i := range c.Delegations {
		d := c.Delegations[i]
		d.Expires = now.Add(time.Duration(to.Clamp(d.ttl)) * time.Second)
		to.PutDelegation(&d.Delegation, now)
		if err := flush(to, i); err != nil {
			return err
		}
	}
	return to.Store().Flush()
}

// flush waits now and then until what was put is stored: more would find the queue full.
func flush(to *cache.Cache, count int) error {
	if (count+1)%limits.PrefillBatch != 0 {
		return nil
	}
	return to.Store().Flush()
}

// Present says whether the content is still in the cache: by one delegation out of the middle, which hardly anybody asks for.
func (c *Content) Present(in *cache.Cache, now time.Time) bool {
	if len(c.Delegations) == 0 {
		return true
	}
	zone := c.Delegations[len(c.Delegations)/2].Zone
	d, ok := in.Cut(zone, cache.Insecure, now)
	return ok && d.Zone == zone
}
