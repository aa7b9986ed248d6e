package admit

import (
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"time"

	"knot-resolver/internal/kru"
	"knot-resolver/internal/limits"
)

// Priorities remembers what was spent lately on each address and on the networks it is in, and says who is to be served
// first when there is more to do than can be done (resolver.md 10). Addresses that may be forged have an account of
// their own, so nobody can be made to pay over TCP for what is sent by UDP in his name.
type Priorities struct {
	table  *kru.Table
	period time.Duration
	log    *slog.Logger
}

// PrioritiesOptions are the options of [NewPriorities].
type PrioritiesOptions struct {
	LogPeriod time.Duration // least time between two notices; 0 = no notices
	File      string        // where workers share the counters; empty: this process has its own
}

// Thresholds of load that make a client be served later. A single address reaches the first by a millisecond.
const (
	thresholdBits = 4 // log2 of the first; each further one is 16 times as much
	levels        = 3
	sublevels     = 8
)

// Classes is how many classes [Priorities.Class] tells apart.
const Classes = 1 + levels*sublevels

// priceOfMillisecond makes a millisecond the first threshold. A counter that loses half of it in each millisecond when it
// is full stays full by half of a core.
const (
	priceOfMillisecond = 1 << (thresholdBits + 16)
	priorityDecay      = float64(priceOfMillisecond) / 2 / kru.PriceFull
	priorityLayout     = 1 // of prices, for those who share the file
)

// The accounts of an address.
const (
	unverified = iota + 1 // messages that may be forged
	verified
)

// NewPriorities makes or joins the counters.
func NewPriorities(o PrioritiesOptions, log *slog.Logger) (*Priorities, error) {
	s := kru.Settings{Capacity: limits.PrioritySources, Decay: priorityDecay, Unit: priorityLayout}
	p := &Priorities{period: o.LogPeriod, log: log}
	var err error
	if o.File == "" {
		p.table, err = kru.New(s)
	} else {
		p.table, err = kru.Open(o.File, s)
	}
	return p, err
}

func account(forgeable bool) uint8 {
	if forgeable {
		return unverified
	}
	return verified
}

// Charge counts what was spent on a message of an address. The factor is as in [RateLimiter.Judge].
func (p *Priorities) Charge(ip netip.Addr, forgeable bool, spent time.Duration, factor uint32, now time.Time) {
	price := uint64(min(spent, time.Second)) * priceOfMillisecond / uint64(time.Millisecond) * uint64(factor) >> 16
	tick := p.table.Tick(now)
	var hashed [mostNetworks]kru.Key
	noise := rand.Uint64()
	networks := networksOf(ip)
	for i, key := range keys(p.table, ip, account(forgeable), &hashed) {
		share := uint32(min(price/uint64(networks[i].multiplier), 1<<32-1))
		p.table.Add(p.table.Find(key, tick), share, uint32(noise>>(12*i)))
	}
}

// Class is when an address is served: 0 first, [Classes] - 1 last.
func (p *Priorities) Class(ip netip.Addr, forgeable bool, now time.Time) uint8 {
	tick := p.table.Tick(now)
	var (
		hashed [mostNetworks]kru.Key
		loads  [mostNetworks]uint32
	)
	list := keys(p.table, ip, account(forgeable), &hashed)
	for i, key := range list {
		loads[i] = p.table.Find(key, tick).Load()
	}
	return classOf(networksOf(ip), loads[:len(list)])
}

// classOf is 0 when no load exceeds the first threshold. Else the highest threshold that one exceeds counts, and among
// the networks above it the one with the longest prefix: a single address is to blame more than its neighbourhood.
func classOf(networks []network, loads []uint32) (class uint8) {
	reached := -1
	for i, load := range loads {
		for level := levels - 1; level >= max(reached, 0); level-- {
			if load > 1<<(thresholdBits*(level+1)) {
				reached = level
				class = uint8(1 + level*sublevels + sublevel(networks[i].bits, len(networks)))
				break
			}
		}
	}
	return class
}

// sublevel orders networks within a level (resolver.md 10.1); the families differ in how many of them there are.
func sublevel(bits, networks int) int {
	if networks == len(networks4) {
		switch bits {
		case 18:
			return 0
		case 20:
			return 1
		case 24:
			return 3
		}
		return 7
	}
	switch bits {
	case 32:
		return 2
	case 48:
		return 4
	case 56:
		return 5
	case 64:
		return 6
	}
	return 7
}

// Notice logs that a request of an address was turned away, at most once in the log period.
func (p *Priorities) Notice(ip netip.Addr, now time.Time) {
	if p.period > 0 && p.table.Once(p.table.Tick(now), p.period) {
		notice(p.log, "request turned away, there is too much to do", "address", ip)
	}
}

// Cost estimates the time of a processor that was spent on a query, from what was charged for it: time cannot be measured
// where many goroutines share a thread.
func Cost(b *limits.Budget) time.Duration {
	spent := func(k limits.Kind, each time.Duration) time.Duration { return time.Duration(b.Spent(k)) * each }
	return limits.CostOfMiss +
		spent(limits.KindUpstreamQueries, limits.CostOfUpstreamQuery) +
		spent(limits.KindConnects, limits.CostOfConnect) +
		spent(limits.KindCryptoUnits, limits.CostOfCryptoUnit) +
		spent(limits.KindNSEC3Blocks, limits.CostOfNSEC3Block)
}
