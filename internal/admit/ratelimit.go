package admit

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"sync/atomic"
	"time"

	"knot-resolver/internal/kru"
)

// RateLimit are the options of a [RateLimiter].
type RateLimit struct {
	Rate      int           // queries of one address in a second, for long
	Instant   int           // queries of one address at once; Rate is at most a thousand times as much
	Capacity  int           // sources that are limited at the same time
	Slip      int           // one of so many limited queries is answered truncated; 0 = none
	LogPeriod time.Duration // least time between two notices; 0 = no notices
	DryRun    bool          // count and log, but limit nobody
	File      string        // where workers share the counters; empty: this process has its own
}

// RateLimiter limits how many queries are answered to addresses that may be forged, and to the networks they are in.
type RateLimiter struct {
	options RateLimit
	table   *kru.Table
	prices4 [len(networks4)]uint32 // of a query, by network
	prices6 [len(networks6)]uint32
	log     *slog.Logger
	counts  *RateCounts
}

// RateCounts counts what limiters did. The zero value is ready.
type RateCounts struct {
	Limited atomic.Uint64 // queries above the limit
	Slipped atomic.Uint64 // of them, answered truncated
	Dropped atomic.Uint64 // of them, not answered
	DryRun  atomic.Uint64 // of them, answered all the same
}

// PriceOne is the factor of an ordinary query, see [RateLimiter.Judge].
const PriceOne = 1 << 16

// NewRateLimiter makes a limiter that goes on with the counters that are in its file already, if they are of the same
// rate, instant limit and capacity.
func NewRateLimiter(o RateLimit, counts *RateCounts, log *slog.Logger) (*RateLimiter, error) {
	if o.Rate < 1 || o.Instant < 1 || o.Rate > 1000*o.Instant {
		return nil, fmt.Errorf("rate limit %d with instant limit %d is out of range", o.Rate, o.Instant)
	}
	price := uint32(kru.PriceFull / o.Instant)
	// What a full counter loses in a millisecond has to be the price of what may come in it.
	s := kru.Settings{Capacity: o.Capacity, Decay: float64(price) * float64(o.Rate) / 1000 / kru.PriceFull, Unit: uint64(o.Instant)<<32 | uint64(o.Rate)}
	l := &RateLimiter{options: o, log: log, counts: counts}
	for i, n := range networks4 {
		l.prices4[i] = price / n.multiplier
	}
	for i, n := range networks6 {
		l.prices6[i] = price / n.multiplier
	}
	var err error
	if o.File == "" {
		l.table, err = kru.New(s)
	} else {
		l.table, err = kru.Open(o.File, s)
	}
	return l, err
}

func (l *RateLimiter) prices(ip netip.Addr) []uint32 {
	if ip.Is4() {
		return l.prices4[:]
	}
	return l.prices6[:]
}

// Judge counts a query of an address and says what to do with it: [Continue], [Drop], or [Truncate]. The factor is what
// it costs in comparison with an ordinary one, in units of 1/[PriceOne]; what costs nothing is not limited.
func (l *RateLimiter) Judge(ip netip.Addr, factor uint32, now time.Time) Action {
	if factor == 0 {
		return Continue
	}
	tick := l.table.Tick(now)
	bits := l.charge(ip, factor, tick)
	if bits == 0 {
		return Continue
	}
	return l.limit(ip, bits, tick)
}

// charge counts a query in all networks of an address, or in none when one of them is over its limit: it returns the
// length of that one's prefix.
func (l *RateLimiter) charge(ip netip.Addr, factor uint32, tick uint32) (bits int) {
	var (
		hashed [mostNetworks]kru.Key
		items  [mostNetworks]kru.Item
	)
	prices, networks := l.prices(ip), networksOf(ip)
	for i, key := range keys(l.table, ip, 0, &hashed) {
		items[i] = l.table.Find(key, tick)
		if !items[i].Passes(scaled(prices[i], factor)) {
			return networks[i].bits
		}
	}
	noise := rand.Uint64()
	for i := len(networks) - 1; i >= 0; i-- {
		l.table.Add(items[i], scaled(prices[i], factor), uint32(noise>>(12*i)))
	}
	return 0
}

// scaled multiplies a price; more than a full counter is as much as one.
func scaled(price, factor uint32) uint32 {
	return uint32(min(uint64(price)*uint64(factor)>>16, 1<<32-1))
}

// limit counts and logs a query that is above the limit, and says what becomes of it.
func (l *RateLimiter) limit(ip netip.Addr, bits int, tick uint32) Action {
	l.counts.Limited.Add(1)
	action := Drop
	switch slip := l.options.Slip; {
	case l.options.DryRun:
		l.counts.DryRun.Add(1)
		action = Continue
	case slip == 1 || slip > 1 && rand.Uint32N(uint32(slip)) == 0:
		l.counts.Slipped.Add(1)
		action = Truncate
	default:
		l.counts.Dropped.Add(1)
	}
	if l.options.LogPeriod > 0 && l.table.Once(tick, l.options.LogPeriod) {
		l.notice(ip, bits, action)
	}
	return action
}

func (l *RateLimiter) notice(ip netip.Addr, bits int, action Action) {
	done := map[Action]string{Drop: "dropped", Truncate: "answered truncated", Continue: "answered, as this is a dry run"}[action]
	notice(l.log, "address limited", "address", ip, "network", netip.PrefixFrom(ip, bits).Masked(), "query", done)
}
