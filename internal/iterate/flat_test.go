package iterate

import (
	"fmt"
	"sync"
	"testing"

	"knot-resolver/internal/limits"
)

// TestFlatZone asks for deep names of a zone without cuts: after some of them its servers are asked for whole names at once. A cut
// below it makes them careful again.
func TestFlatZone(t *testing.T) {
	attacker := serves(t, "attacker.", "@ NS ns\nns A 192.0.2.3\n*.a.deep A 203.0.113.1\n*.b.deep A 203.0.113.1\nx.y.sub NS ns.victim.\n")
	play(t, internet(t, attacker), func(t *testing.T, s *scene) {
		for i := range limits.FlatAfter {
			s.expect(fmt.Sprintf("n%d.a.deep.attacker", i), "203.0.113.1")
		}
		s.forget()
		s.expect("n.b.deep.attacker", "203.0.113.1")
		if n := s.queries(attackerIP); n != 1 {
			t.Errorf("%d questions for a name of a zone without cuts", n)
		}
		s.forget()
		s.resolve("www.x.y.sub.attacker")
		s.forget()
		s.expect("n.c.b.deep.attacker", "203.0.113.1")
		if n := s.queries(attackerIP); n < 2 {
			t.Errorf("%d question after a cut showed", n)
		}
	})
}

// TestStepsTogether has many names below one cut asked for at once: the way to it is asked for once.
func TestStepsTogether(t *testing.T) {
	victim := serves(t, "victim.", victimZone+"*.w A 198.51.100.9\n")
	servers := internet(t, nil)
	servers[victimIP] = victim
	play(t, servers, func(t *testing.T, s *scene) {
		var group sync.WaitGroup
		for i := range 200 {
			group.Go(func() { s.expect(fmt.Sprintf("n%d.w.victim", i), "198.51.100.9") })
		}
		group.Wait()
		if n := s.queries(rootIP); n != 1 {
			t.Errorf("the root was asked %d times", n)
		}
		if n := s.queries(victimIP); n > 201 {
			t.Errorf("the victim was asked %d times for 200 names", n)
		}
	})
}
