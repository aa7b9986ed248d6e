package upstream

import (
	"errors"
	"net/netip"
	"sync"
	"time"

	"knot-resolver/internal/limits"
)

// Store keeps the records of servers. It forgets what it likes; a record lost only costs
// learning it again. Stats calls it under its own lock.
type Store interface {
	Load(server netip.AddrPort) (Record, bool)
	Save(server netip.AddrPort, r Record)
}

// Stats is what is known of servers, learnt from exchanges. It is safe for concurrent use.
type Stats struct {
	dead time.Duration

	mu    sync.Mutex
	store Store
	ipv6  ipv6Health
}

// NewStats returns Stats over a store; nil means one in memory for limits.ServerRecords
// servers. A dead server is left alone for the given time (ns-timeout); 0 means
// limits.ServerDead.
func NewStats(store Store, dead time.Duration) *Stats {
	if store == nil {
		store = newGenerations(limits.ServerRecords)
	}
	if dead <= 0 {
		dead = limits.ServerDead
	}
	return &Stats{store: store, dead: dead}
}

// Record returns what is known of a server.
func (s *Stats) Record(server netip.AddrPort) Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, _ := s.store.Load(server)
	return r
}

// RTO returns how long to wait for a server.
func (s *Stats) RTO(server netip.AddrPort) time.Duration {
	r := s.Record(server)
	return r.RTO()
}

// Success takes in an answer over UDP.
func (s *Stats) Success(server netip.AddrPort, rtt time.Duration) {
	s.update(server, func(r *Record, _ time.Time) {
		s.heard(server, r, rtt)
		r.UDPHeard = true
	})
}

// heard is called with the lock held, as are the other functions given to update.
func (s *Stats) heard(server netip.AddrPort, r *Record, rtt time.Duration) {
	r.heard(rtt)
	if server.Addr().Is6() {
		s.ipv6.heard()
	}
}

// Timeout takes in that a server did not answer within what was its RTO when it was asked.
func (s *Stats) Timeout(server netip.AddrPort, rto time.Duration) {
	s.update(server, func(r *Record, now time.Time) {
		r.silent(rto, now, s.dead)
		if server.Addr().Is6() {
			s.ipv6.silent(server.Addr())
		}
	})
}

// EDNSBroken remembers for limits.ServerQuirk that a server cannot read EDNS. Only a
// matched answer with a question may say so, and never for a server of a signed zone (SP-11).
func (s *Stats) EDNSBroken(server netip.AddrPort) {
	s.update(server, func(r *Record, now time.Time) { r.EDNSBroken = now.Add(limits.ServerQuirk) })
}

// Report takes in the result of an exchange that Choose decided on. What can be forged
// from off the path, and what is no fault of the server, leaves no mark (SP-10).
func (s *Stats) Report(choice Choice, reply *Reply, err error) {
	switch {
	case err != nil:
		s.reportError(choice, err)
	case reply.Transport == UDP && reply.Bare: // only its id vouches for it
	case reply.Transport == UDP:
		s.Success(choice.Server, reply.RTT)
	default:
		s.reportStream(choice, reply)
	}
}

func (s *Stats) reportStream(choice Choice, reply *Reply) {
	s.update(choice.Server, func(r *Record, now time.Time) {
		s.heard(choice.Server, r, reply.RTT)
		if reply.Degraded == AfterOtherCase {
			r.CaseBroken = now.Add(limits.ServerQuirk)
		}
		if choice.AfterSilence {
			r.rescued(now)
		}
	})
}

func (s *Stats) reportError(choice Choice, err error) {
	var e *Error
	switch {
	case !errors.As(err, &e):
	case e.Kind == ErrNoRoute:
		s.noRoute(choice.Server)
	case e.NearMisses > 0 || e.After != NotDegraded: // forged packets, or it did answer over UDP
	case e.Kind == ErrTimeout && !choice.Capped, e.Kind == ErrUnreachable, e.Kind == ErrHandshake, e.Kind == ErrUntrusted:
		s.Timeout(choice.Server, choice.Timeout)
	}
}

// noRoute takes in that this host cannot even send there.
func (s *Stats) noRoute(server netip.AddrPort) {
	s.update(server, func(r *Record, now time.Time) {
		r.DeadUntil = now.Add(s.dead)
		if server.Addr().Is6() {
			s.ipv6.broken = true
		}
	})
}

func (s *Stats) update(server netip.AddrPort, change func(*Record, time.Time)) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	r, _ := s.store.Load(server)
	change(&r, now)
	s.store.Save(server, r)
}

// Fill sets what is known of the servers of candidates, and leaves what the query counts.
func (s *Stats) Fill(candidates []Candidate) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range candidates {
		c := &candidates[i]
		r, _ := s.store.Load(c.Server)
		c.RTO, c.Known = r.RTO(), r.Known()
		c.Silent = r.Timeouts > 0
		c.Dead = now.Before(r.DeadUntil)
		c.TCPNeeded = now.Before(r.TCPNeeded)
		c.NoEDNS, c.NoCase = now.Before(r.EDNSBroken), now.Before(r.CaseBroken)
		c.Avoid = s.ipv6.broken && c.Server.Addr().Is6()
	}
}

// IPv6Broken says whether IPv4 is to be preferred, also in looking up addresses.
func (s *Stats) IPv6Broken() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ipv6.broken
}
