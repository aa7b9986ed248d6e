package upstream

import (
	"cmp"
	"net/netip"
	"time"

	"knot-resolver/internal/limits"
)

// Candidate is a server that could be asked. Stats.Fill sets what is known of it; the
// caller counts what happened to it in this query.
type Candidate struct {
	Server netip.AddrPort
	TLS    *Auth // how it is to be known, when it is asked over TLS
	Number int   // what the caller calls it

	RTO            time.Duration // how long to wait for it
	Known          bool          // it was asked before
	Silent         bool          // it did not answer in time and was not heard since
	Dead           bool          // it stopped answering a short while ago
	TCPNeeded      bool          // it answers over TCP only
	NoEDNS, NoCase bool          // to be asked without EDNS, without 0x20
	Avoid          bool          // its address family does not work

	Errors    int  // bad answers and failures in this query
	Timeouts  int  // of them, silence over UDP
	TCPFailed bool // TCP failed in this query
}

// Choice is which server to ask, how, and how long to wait.
type Choice struct {
	Index   int // in the candidates
	Server  netip.AddrPort
	TLS     *Auth
	Timeout time.Duration
	TCP     bool
	// Capped says that Timeout is shorter than the server deserves, because it was chosen to
	// learn about it: silence then means nothing.
	Capped bool

	// AfterSilence says that TCP was not asked for, but UDP brings nothing: once in a query it is worth trying.
	AfterSilence bool
}

// Choose picks a server out of at least one. It is a pure function of its arguments;
// random must be 64 unpredictable bits.
//
// Usually it is the best: alive, of a working address family, with the fewest errors in
// this query, never asked before, with the smallest timeout, in this order; among equals
// any. Once in limits.ExploreOneIn it is any of those with the fewest errors, to learn
// about it, but then the wait is at most twice that for the best.
func Choose(candidates []Candidate, random uint64) Choice {
	best := pickAmong(candidates, uint32(random), func(i, j int) int { return compare(&candidates[i], &candidates[j]) })
	chosen := best
	if explore := uint32(random >> 32); explore%limits.ExploreOneIn == 0 {
		chosen = pickAmong(candidates, explore/limits.ExploreOneIn, func(i, j int) int {
			return compareErrors(&candidates[i], &candidates[j])
		})
	}
	c := &candidates[chosen]
	choice := Choice{Index: chosen, Server: c.Server, TLS: c.TLS, Timeout: max(c.RTO, time.Millisecond)}
	if patience := 2 * candidates[best].RTO; chosen != best && choice.Timeout > patience {
		choice.Timeout, choice.Capped = patience, true
	}
	choice.AfterSilence = (c.Timeouts >= limits.TCPAfterTimeouts || c.RTO > limits.TCPAboveRTO) && !c.TCPFailed
	choice.TCP = choice.AfterSilence || c.TCPNeeded && !c.TCPFailed
	return choice
}

// pickAmong returns one of those that compare lowest.
func pickAmong(candidates []Candidate, random uint32, compare func(i, j int) int) int {
	best, equals := 0, uint32(1)
	for i := 1; i < len(candidates); i++ {
		switch order := compare(i, best); {
		case order < 0:
			best, equals = i, 1
		case order == 0:
			equals++
		}
	}
	skip := random % equals
	for i := best; ; i++ {
		if compare(i, best) != 0 {
			continue
		}
		if skip == 0 {
			return i
		}
		skip--
	}
}

func compare(a, b *Candidate) int {
	return cmp.Or(
		before(!a.Dead, !b.Dead),
		before(!a.Avoid, !b.Avoid),
		cmp.Compare(a.Errors, b.Errors),
		before(!a.Known, !b.Known),
		cmp.Compare(a.RTO, b.RTO),
	)
}

func compareErrors(a, b *Candidate) int {
	return cmp.Or(before(!a.Dead, !b.Dead), cmp.Compare(a.Errors, b.Errors))
}

// before orders true before false.
func before(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}
