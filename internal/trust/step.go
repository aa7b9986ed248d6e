package trust

import (
	"slices"
	"time"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/limits"
)

// Step moves every key on after a look at the DNSKEY set of the zone (RFC 5011 section 4) and says when to look again. z
// stays as it is. A revocation counts by the signature of the revoked key alone, everything else needs a set signed by a trusted key.
func (z Zone) Step(seen *Seen, now time.Time) (next Zone, again time.Duration) {
	next = Zone{Name: z.Name, Keys: slices.Clone(z.Keys)}
	next.revoke(seen.Revoked, now)
	if !seen.Trusted {
		return next, retryIn(seen)
	}
	for i := range next.Keys {
		next.Keys[i].step(seen.find(z.Name, &next.Keys[i]), now)
	}
	next.forget()
	next.learn(seen.Keys, now)
	return next, refreshIn(seen)
}

// revoke takes note of revoked keys. One that was not trusted yet is not worth remembering: it is gone from the set
// without the REVOKE bit.
func (z *Zone) revoke(revoked [][]byte, now time.Time) {
	for i := range z.Keys {
		for _, rdata := range revoked {
			if k := &z.Keys[i]; k.State.Trusted() && k.is(z.Name, rdata) {
				k.Type, k.RData = dns.TypeDNSKEY, rdata
				k.enter(Revoked, now.Add(limits.TrustHoldDown))
			}
		}
	}
}

// step moves one key on; present is the key in the set, if it is there.
func (k *Key) step(present *SeenKey, now time.Time) {
	over := !now.Before(k.Until)
	switch {
	case k.State == AddPend && present == nil:
		k.enter(Start, time.Time{})
	case k.State == AddPend && over, k.State == Missing && present != nil:
		k.enter(Valid, time.Time{})
	case k.State == Valid && present == nil:
		k.enter(Missing, now.Add(limits.TrustMissing))
	case (k.State == Missing || k.State == Revoked) && over:
		k.enter(Removed, time.Time{})
	}
	if present != nil && k.State == Valid {
		k.Type, k.RData = dns.TypeDNSKEY, present.RData // a digest becomes the key
	}
}

// forget drops keys about which nothing has to be remembered, and keys that became the same: two digests of one key.
func (z *Zone) forget() {
	var kept []Key
	for _, k := range z.Keys {
		same := func(other Key) bool { return other.Type == k.Type && string(other.RData) == string(k.RData) }
		if k.State != Start && k.State != Removed && !slices.ContainsFunc(kept, same) {
			kept = append(kept, k)
		}
	}
	z.Keys = kept
}

// learn starts the hold-down time of new keys.
func (z *Zone) learn(keys []SeenKey, now time.Time) {
	for _, k := range keys {
		if k.SEP && !z.knows(k.RData) && len(z.Keys) < limits.TrustKeys {
			z.Keys = append(z.Keys, Key{dns.TypeDNSKEY, k.RData, AddPend, now.Add(limits.TrustHoldDown)})
		}
	}
}

// refreshIn is when to look again after a success (RFC 5011 section 2.3).
func refreshIn(s *Seen) time.Duration {
	return clamp(min(s.TTL, s.Life)/2, limits.TrustRefreshMin, limits.TrustRefreshMax)
}

// retryIn is when to look again after a failure (RFC 5011 section 2.3); s is the zero value if nothing was seen.
func retryIn(s *Seen) time.Duration {
	return clamp(s.TTL/10, limits.TrustRefreshMin, limits.TrustRetryMax)
}

func clamp(d, low, high time.Duration) time.Duration { return max(low, min(d, high)) }
