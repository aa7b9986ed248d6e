package upstream

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"knot-resolver/internal/limits"
)

func v6(network, host uint16) netip.AddrPort {
	a := [16]byte{0x20, 0x01, 0x0d, 0xb8}
	binary.BigEndian.PutUint16(a[4:], network)
	binary.BigEndian.PutUint16(a[14:], host)
	return netip.AddrPortFrom(netip.AddrFrom16(a), 53)
}

func candidate(s *Stats, server netip.AddrPort) Candidate {
	list := []Candidate{{Server: server}}
	s.Fill(list)
	return list[0]
}

// A server is dead after four timeouts in a row, left alone for ns-timeout, tried again,
// and alive with its first answer.
func TestDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewStats(nil, 3*time.Second)
		s.Success(theServer, 30*time.Millisecond)
		for i := range 20 {
			c := candidate(s, theServer)
			if c.Dead {
				if waited := 110 * time.Millisecond << (i - 1); i < limits.DeadTimeouts || waited < limits.DeadRTO {
					t.Errorf("dead after %d timeouts, the last after %v", i, waited)
				}
				break
			}
			if i == 19 {
				t.Fatal("never dead")
			}
			s.Timeout(theServer, s.RTO(theServer))
		}
		time.Sleep(3*time.Second - time.Millisecond)
		if !candidate(s, theServer).Dead {
			t.Error("alive too early")
		}
		time.Sleep(time.Millisecond)
		if candidate(s, theServer).Dead {
			t.Error("dead for too long")
		}
		s.Timeout(theServer, s.RTO(theServer))
		if !candidate(s, theServer).Dead {
			t.Error("not dead again")
		}
		s.Success(theServer, 30*time.Millisecond)
		if c := candidate(s, theServer); c.Dead || c.RTO > 200*time.Millisecond {
			t.Errorf("after an answer: %+v", c)
		}
	})
}

func TestIPv6Broken(t *testing.T) {
	s := NewStats(nil, 0)
	for i := range 100 {
		s.Timeout(v6(1, uint16(i)), limits.InitialRTO) // one network is not IPv6
	}
	s.Timeout(theServer, s.RTO(theServer))
	for i := range uint16(limits.IPv6Timeouts - 1) {
		if s.IPv6Broken() {
			t.Fatalf("broken after %d networks", i+1)
		}
		s.Timeout(v6(2+i, 1), limits.InitialRTO)
	}
	if !s.IPv6Broken() || !candidate(s, v6(99, 1)).Avoid || candidate(s, theServer).Avoid {
		t.Error("not broken, or IPv4 is")
	}
	s.Success(theServer, time.Millisecond)
	if !s.IPv6Broken() {
		t.Error("an answer over IPv4 proves nothing")
	}
	s.Success(v6(99, 1), time.Millisecond)
	if s.IPv6Broken() {
		t.Error("still broken after an answer")
	}
	s.Report(Choice{Server: v6(1, 1)}, nil, &Error{Kind: ErrNoRoute})
	if !s.IPv6Broken() {
		t.Error("not broken without a route")
	}
}

// A capped wait says nothing; a full one counts.
func TestReportCapped(t *testing.T) {
	s := NewStats(nil, 0)
	silence := &Error{Server: theServer, Kind: ErrTimeout}
	s.Report(Choice{Server: theServer, Timeout: limits.InitialRTO, Capped: true}, nil, silence)
	if n := s.Record(theServer).Timeouts; n != 0 {
		t.Errorf("capped: %d timeouts", n)
	}
	s.Report(Choice{Server: theServer, Timeout: limits.InitialRTO}, nil, silence)
	if n := s.Record(theServer).Timeouts; n != 1 {
		t.Errorf("full: %d timeouts", n)
	}
}

// Many who ask at the same time meet one silence: the wait doubles once for all of them, not once for each.
func TestSilenceOfAMomentCountsOnce(t *testing.T) {
	s := NewStats(nil, 0)
	s.Success(theServer, 10*time.Millisecond)
	for round := range 3 {
		together := Choice{Server: theServer, Timeout: s.RTO(theServer)}
		for range 1000 {
			s.Report(together, nil, &Error{Server: theServer, Kind: ErrTimeout})
		}
		if n := s.Record(theServer).Timeouts; n != round+1 {
			t.Errorf("%d timeouts after %d moments", n, round+1)
		}
	}
}

// TCP after silence is remembered at once for a server never heard over UDP, and for
// others when it happens twice.
func TestTCPNeeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewStats(nil, 0)
		rescue := Choose([]Candidate{{Server: theServer, Timeouts: 2}}, exploit)
		answer := &Reply{Transport: TCP, RTT: time.Millisecond}
		s.Report(rescue, answer, nil)
		if !candidate(s, theServer).TCPNeeded {
			t.Error("never heard over UDP: not remembered")
		}
		time.Sleep(limits.ServerQuirk)
		if candidate(s, theServer).TCPNeeded {
			t.Error("remembered for too long")
		}
		other := netip.MustParseAddrPort("192.0.2.54:53")
		rescue.Server = other
		s.Success(other, time.Millisecond)
		for range 100 { // that were silent at the same time
			s.Report(rescue, answer, nil)
		}
		if candidate(s, other).TCPNeeded {
			t.Error("remembered after one moment's silence")
		}
		time.Sleep(limits.RescueApart)
		s.Success(other, time.Millisecond)
		s.Report(rescue, answer, nil)
		if candidate(s, other).TCPNeeded {
			t.Error("UDP worked meanwhile")
		}
		time.Sleep(limits.RescueApart)
		s.Report(rescue, answer, nil)
		if !candidate(s, other).TCPNeeded {
			t.Error("twice: not remembered")
		}
	})
}

func TestEDNSBrokenForTenMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewStats(nil, 0)
		s.EDNSBroken(theServer)
		if !candidate(s, theServer).NoEDNS {
			t.Error("not remembered")
		}
		time.Sleep(10 * time.Minute)
		if candidate(s, theServer).NoEDNS {
			t.Error("remembered for too long")
		}
	})
}

// The store is bounded, and what is used stays.
func TestGenerations(t *testing.T) {
	const size = 100
	g := newGenerations(size)
	g.Save(theServer, Record{SRTT: 7})
	for i := range uint16(10 * size) {
		g.Save(v6(i, 1), Record{SRTT: 1})
		if len(g.young)+len(g.old) > size {
			t.Fatalf("%d entries", len(g.young)+len(g.old))
		}
		if r, ok := g.Load(theServer); !ok || r.SRTT != 7 {
			t.Fatalf("lost after %d others", i)
		}
	}
	if _, ok := g.Load(v6(0, 1)); ok {
		t.Error("an old entry was never dropped")
	}
}

// Selection allocates nothing.
func TestChooseAllocations(t *testing.T) {
	s := NewStats(nil, 0)
	candidates := []Candidate{{Server: theServer}, {Server: v6(1, 1)}, {Server: v6(2, 1)}}
	s.Success(theServer, time.Millisecond)
	i := 0
	if n := testing.AllocsPerRun(100, func() { i++; s.Fill(candidates); Choose(candidates, spread(i)) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
