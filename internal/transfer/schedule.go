package transfer

import (
	"time"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/limits"
)

// timersOf reads the timers of a zone. Zones are written by people: what makes no sense is bounded.
func timersOf(soa *miekg.SOA) timers {
	within := func(seconds uint32) time.Duration {
		return min(max(time.Duration(seconds)*time.Second, limits.TransferRefreshLeast), limits.TransferRefreshMost)
	}
	t := timers{refresh: within(soa.Refresh), retry: within(soa.Retry)}
	t.retry = min(t.retry, t.refresh)
	t.expire = max(time.Duration(soa.Expire)*time.Second, limits.TransferExpireLeast, t.refresh+t.retry)
	return t
}

// wait is how long to wait before a primary is asked again. soa is nil without a copy; failures is the number of attempts in a row that failed.
func wait(soa *miekg.SOA, failures int) time.Duration {
	if soa == nil {
		return min(limits.TransferFirst<<min(max(failures-1, 0), 10), limits.TransferFirstMost)
	}
	t := timersOf(soa)
	if failures > 0 {
		return t.retry
	}
	return t.refresh
}
