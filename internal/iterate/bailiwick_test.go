package iterate

import (
	"fmt"
	"strings"
	"testing"
	"time"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/cache"
	"knot-resolver/internal/dns"
	"knot-resolver/internal/limits"
)

func TestBW01RecordsOfOthers(t *testing.T) {
	attacker := says(t, "aa", `
		x.attacker. 60 A 203.0.113.1
		www.victim. 60 A 192.0.2.66
		--
		www.victim. 60 A 192.0.2.66
		victim. 60 NS ns.attacker.
		--
		www.victim. 60 A 192.0.2.66
		ns.victim. 60 A 192.0.2.3`)
	play(t, internet(t, attacker), func(t *testing.T, s *scene) {
		s.expect("x.attacker", "203.0.113.1")
		s.forget()
		s.expect("www.victim", "198.51.100.1")
		if s.queries(attackerIP) > 0 || s.queries(victimIP) == 0 {
			t.Errorf("attacker asked %d times, victim %d times", s.queries(attackerIP), s.queries(victimIP))
		}
	})
}

func TestBW02PromiscuousNS(t *testing.T) {
	honest := serves(t, "victim.", victimZone)
	servers := internet(t, serves(t, "victim.", victimZone))
	servers[victimIP] = func(q *miekg.Msg) *miekg.Msg { // the forger's answer arrives in the victim's name
		if q.Question[0].Qtype == miekg.TypeA && miekg.CanonicalName(q.Question[0].Name) == "x.victim." {
			return replyTo(q, message(t, "aa", `
				x.victim. 60 A 192.0.2.66
				--
				victim. 86400 NS ns.attacker.
				victim. 86400 NS evil.victim.
				--
				evil.victim. 86400 A 192.0.2.3
				ns.victim. 86400 A 192.0.2.3
				ns.attacker. 86400 A 192.0.2.3`))
		}
		return honest(q)
	}
	play(t, servers, func(t *testing.T, s *scene) {
		s.expect("www.victim", "198.51.100.1")
		before, _ := s.engine.Cache.Cut(dns.MustName("victim"), cache.Insecure, time.Now())
		s.expect("x.victim", "192.0.2.66")
		after, _ := s.engine.Cache.Cut(dns.MustName("y.victim"), cache.Insecure, time.Now())
		if after.Zone != before.Zone || len(after.Servers) != 1 || after.Servers[0].Name != before.Servers[0].Name || !after.Expires.Equal(before.Expires) {
			t.Errorf("delegation is %+v, was %+v", after, before)
		}
		s.expect("y.victim", "198.51.100.3")
		s.expect("ns.victim", "192.0.2.2")
		if s.queries(attackerIP) > 0 {
			t.Errorf("attacker asked %d times", s.queries(attackerIP))
		}
	})
}

func TestBW05PoisonedChain(t *testing.T) {
	attacker := says(t, "aa", "x.attacker. 60 CNAME www.victim.\nwww.victim. 60 A 192.0.2.66")
	play(t, internet(t, attacker), func(t *testing.T, s *scene) {
		s.expect("x.attacker", "198.51.100.1")
		s.expect("www.victim", "198.51.100.1")
		if s.queries(attackerIP) != 1 {
			t.Errorf("attacker asked %d times", s.queries(attackerIP))
		}
	})
}

func TestBW11LameReferrals(t *testing.T) {
	for name, text := range map[string]string{
		"root":    "--\n. 60 NS ns.attacker.\n--\nns.attacker. 60 A 192.0.2.3",
		"itself":  "--\nattacker. 60 NS ns2.attacker.\n--\nns2.attacker. 60 A 192.0.2.3",
		"sibling": "--\nvictim. 60 NS ns.attacker.\n--\nns.attacker. 60 A 192.0.2.3",
		"nobody":  "",
	} {
		t.Run(name, func(t *testing.T) {
			play(t, internet(t, says(t, "", text)), func(t *testing.T, s *scene) {
				out, _, _ := s.resolve("a.b.www.attacker")
				if out.RCode != dns.RCodeServFail || s.queries(attackerIP) > limits.SameQuestion || s.queries(rootIP) > limits.SameQuestion {
					t.Errorf("%v, attacker asked %d times, root %d times", out.RCode, s.queries(attackerIP), s.queries(rootIP))
				}
				s.expect("www.victim", "198.51.100.1")
				d, ok := s.engine.Cache.Cut(dns.MustName("attacker"), cache.Insecure, time.Now())
				if !ok || len(d.Servers) != 1 || d.Servers[0].Name != dns.MustName("ns.attacker") {
					t.Errorf("delegation is %+v", d)
				}
			})
		})
	}
}

// TestGD01GhostDomain asks for a domain whose own NS set lives long after its parent took it away.
func TestGD01GhostDomain(t *testing.T) {
	with := serves(t, "test.", "@ 60 NS ns\nns A 192.0.2.4\nghost 60 NS ns.ghost\nns.ghost 60 A 192.0.2.5")
	without := serves(t, "test.", "@ 60 NS ns\nns A 192.0.2.4\n")
	var removed time.Time
	servers := map[string]handler{
		rootIP: serves(t, ".", "@ NS ns.root-servers.test.\ntest 86400 NS ns.test.\nns.test 86400 A 192.0.2.4"),
		"192.0.2.4": func(q *miekg.Msg) *miekg.Msg {
			if !removed.IsZero() && time.Now().After(removed) {
				return without(q)
			}
			return with(q)
		},
		"192.0.2.5": serves(t, "ghost.test.", "@ 86400 NS ns\nns 86400 A 192.0.2.5\n* 1 A 198.51.100.9"),
	}
	play(t, servers, func(t *testing.T, s *scene) {
		removed = time.Now().Add(time.Minute)
		s.expect("a.ghost.test", "198.51.100.9")
		time.Sleep(50 * time.Second)
		s.expect("b.ghost.test", "198.51.100.9")
		s.engine.Resolve(t.Context(), Question{Name: dns.MustName("ghost.test"), Type: dns.TypeNS}, new(limits.Budget), nil)
		s.expect("ns.ghost.test", "192.0.2.5")
		time.Sleep(15 * time.Second)
		if out, _, _ := s.resolve("c.ghost.test"); out.RCode != dns.RCodeNXDomain {
			t.Errorf("%v after 65 s", out.RCode)
		}
	})
}

// The NS set of the child lets the delegation end sooner, so that a zone that moves is found again; it changes nothing else,
// makes nothing last longer, and not even a TTL of nothing has the parent asked all the time.
func TestGD03NSSetOfTheChildEndsTheDelegation(t *testing.T) {
	for _, c := range []struct {
		ttl, lives uint32
	}{{0, limits.DelegationTTL}, {600, 600}, {86400, 3600}} {
		servers := internet(t, silent)
		servers[rootIP] = serves(t, ".", strings.ReplaceAll(rootZone, "victim NS", "victim 3600 NS"))
		servers[victimIP] = says(t, "aa", fmt.Sprintf(`
			www.victim. 60 A 198.51.100.1
			--
			victim. %d NS ns.attacker.`, c.ttl))
		play(t, servers, func(t *testing.T, s *scene) {
			s.expect("www.victim", "198.51.100.1")
			start, zone := time.Now(), dns.MustName("victim")
			s.engine.Cache.Store().Flush()
			life := time.Duration(c.lives) * time.Second
			d, ok := s.engine.Cache.Cut(zone, cache.Insecure, start.Add(life-time.Second))
			if !ok || d.Zone != zone || len(d.Servers) != 1 || d.Servers[0].Name != dns.MustName("ns.victim") {
				t.Errorf("NS set with TTL %d: delegation is %+v", c.ttl, d)
			}
			if d, ok := s.engine.Cache.Cut(zone, cache.Insecure, start.Add(life+time.Second)); ok && d.Zone == zone {
				t.Errorf("NS set with TTL %d: delegation lives until %v", c.ttl, d.Expires.Sub(start))
			}
		})
	}
}
