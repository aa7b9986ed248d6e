package iterate

import (
	"testing"

	miekg "github.com/miekg/dns"
)

// TestCohostedZone has one server answer for a zone and for one below it, without ever referring to that: what its NS set
// showed once is remembered, for as long as the zone above is.
func TestCohostedZone(t *testing.T) {
	servers := internet(t, nil)
	servers[victimIP] = serves(t, "victim.", victimZone+"co NS ns\n", "co.victim.", "@ NS ns.victim.\n*.a A 198.51.100.7\n*.b A 198.51.100.7\n")
	play(t, servers, func(t *testing.T, s *scene) {
		s.expect("n.a.co.victim", "198.51.100.7")
		if !s.wasAsked(victimIP, "co.victim.", miekg.TypeNS) {
			t.Error("nobody asked where the zone begins")
		}
		s.forget()
		s.expect("n.b.co.victim", "198.51.100.7")
		if s.wasAsked(victimIP, "co.victim.", miekg.TypeNS) {
			t.Error("asked again where the zone begins")
		}
	})
}

// TestCohostedElsewhere has the zone below name other servers: those of the zone above are not taken for them.
func TestCohostedElsewhere(t *testing.T) {
	servers := internet(t, nil)
	servers[victimIP] = serves(t, "victim.", victimZone+"co NS ns.attacker.\n", "co.victim.", "@ NS ns.attacker.\n*.a A 198.51.100.7\n*.b A 198.51.100.7\n")
	servers[attackerIP] = serves(t, "attacker.", "@ NS ns\nns A 192.0.2.3\n")
	play(t, servers, func(t *testing.T, s *scene) {
		s.expect("n.a.co.victim", "198.51.100.7")
		s.expect("n.b.co.victim", "198.51.100.7")
		if s.wasAsked(attackerIP, "n.b.co.victim.", miekg.TypeA) {
			t.Error("a server was asked that no referral named")
		}
	})
}

func (s *scene) wasAsked(ip, name string, t uint16) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, q := range s.asked[ip] {
		if q.Name == name && q.Qtype == t {
			return true
		}
	}
	return false
}
