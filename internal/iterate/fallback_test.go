package iterate

import (
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/limits"
	"knot-resolver/internal/testnet/memnet"
)

const (
	lastIP  = "192.0.2.8" // resolver of last resort
	otherIP = "192.0.2.9"
)

func silent(*miekg.Msg) *miekg.Msg { return nil }

// resolver answers every question for an address with the same one.
func resolver(t *testing.T, address string) handler {
	return func(q *miekg.Msg) *miekg.Msg {
		m := replyTo(q, new(miekg.Msg))
		m.RecursionAvailable = true
		if q.Question[0].Qtype == miekg.TypeA {
			rr, err := miekg.NewRR(q.Question[0].Name + " 60 A " + address)
			if err != nil {
				t.Error(err)
			}
			m.Answer = []miekg.RR{rr}
		}
		return m
	}
}

func at(ips ...string) (list []Server) {
	for _, ip := range ips {
		list = append(list, Server{Addr: netip.AddrPortFrom(netip.MustParseAddr(ip), 53)})
	}
	return list
}

// TestFallback: what cannot be resolved is asked of the resolvers of last resort: at once when it fails, after three seconds
// when it takes long; what resolves is not asked there, nor what belongs to configured servers or is kept from it.
func TestFallback(t *testing.T) {
	servers := internet(t, says(t, "REFUSED", ""))
	servers[lastIP] = resolver(t, "198.51.100.77")
	servers[otherIP] = silent
	play(t, servers, func(t *testing.T, s *scene) {
		s.engine.Fallback = &Fallback{Servers: at(lastIP)}
		s.engine.Forwards = []Forward{{Apex: dns.MustName("corp"), Servers: at(otherIP), Insecure: true}}
		s.expect("www.victim", "198.51.100.1")
		if n := s.queries(lastIP); n != 0 {
			t.Errorf("asked %d times for what resolves", n)
		}
		for _, name := range []string{"a.attacker", "a.attacker", "b.attacker"} { // the second time, the failure is cached
			begin := time.Now()
			s.expect(name, "198.51.100.77")
			if took := time.Since(begin); took > time.Second {
				t.Errorf("%s took %v", name, took)
			}
		}
		s.forget()
		s.expect("host.corp", "")
		kept := Question{Name: dns.MustName("c.attacker"), Type: dns.TypeA, NoFallback: true}
		if out := s.engine.Resolve(t.Context(), kept, new(limits.Budget), nil); out.RCode != dns.RCodeServFail {
			t.Errorf("kept from fallback: %v", out.RCode)
		}
		if n := s.queries(lastIP); n != 0 {
			t.Errorf("asked %d times for what is not its business", n)
		}
		s.net.Listen(netip.MustParseAddrPort(victimIP+":53"), memnet.ServerFunc(func(string, []byte) [][]byte { return nil }))
		begin := time.Now()
		s.expect("x.victim", "198.51.100.77")
		if took := time.Since(begin); took < 2*time.Second || took > limits.FallbackAfter+time.Second {
			t.Errorf("silent servers: %v", took)
		}
		out, ok := s.engine.FromCache(Question{Name: dns.MustName("x.victim"), Type: dns.TypeA})
		if !ok || len(out.Answer) != 1 {
			t.Errorf("from the cache: %v %+v", ok, out)
		}
	})
}

// TestFallbackFails: when nobody helps, the reason names both, and the resolvers of last resort are left alone for a while (AM-19).
func TestFallbackFails(t *testing.T) {
	servers := internet(t, says(t, "REFUSED", ""))
	servers[lastIP] = says(t, "REFUSED", "")
	play(t, servers, func(t *testing.T, s *scene) {
		s.engine.Fallback = &Fallback{Servers: at(lastIP)}
		out, _, _ := s.resolve("a.attacker")
		if !strings.Contains(out.Reason, attackerIP) || !strings.Contains(out.Reason, lastIP) {
			t.Errorf("reason: %s", out.Reason)
		}
		n := s.queries(lastIP)
		for range 5 {
			s.expect("a.attacker", "")
		}
		if now := s.queries(lastIP); now != n {
			t.Errorf("asked %d times, then %d", n, now)
		}
	})
}

// TestFallbackInsecure: without validation there, nothing of it is served to those who ask the ordinary way once servers work again.
func TestFallbackInsecure(t *testing.T) {
	servers := internet(t, silent)
	servers[lastIP] = resolver(t, "198.51.100.77")
	play(t, servers, func(t *testing.T, s *scene) {
		s.engine.Fallback = &Fallback{Servers: at(lastIP), Insecure: true}
		out, _, got := s.resolve("a.attacker")
		if got != "198.51.100.77" || out.Secure {
			t.Errorf("%q %+v", got, out)
		}
		if out, ok := s.engine.FromCache(Question{Name: dns.MustName("a.attacker"), Type: dns.TypeA}); ok {
			t.Errorf("from the cache: %+v", out)
		}
	})
}

// TestHedge: while one of two servers is silent the other one is asked, and from then on first; heard again, it is asked again.
func TestHedge(t *testing.T) {
	servers := internet(t, silent)
	servers[lastIP], servers[otherIP] = silent, resolver(t, "198.51.100.77")
	play(t, servers, func(t *testing.T, s *scene) {
		s.engine.Forwards = []Forward{{Apex: dns.Root, Servers: at(lastIP, otherIP), Insecure: true}}
		for i := range 40 {
			begin, known := time.Now(), s.queries(lastIP) > 0
			s.expect(string(rune('a'+i%26))+string(rune('a'+i/26))+".example", "198.51.100.77")
			if took := time.Since(begin); took > limits.HedgeMost+100*time.Millisecond || known && took > limits.HedgeLeast/2 {
				t.Errorf("question %d took %v", i, took)
			}
		}
		if n := s.queries(lastIP); n > 10 {
			t.Errorf("the silent server was asked %d times", n)
		}
	})
}

// TestForwardFirst: when the servers of a rule do not help, the DNS is asked as if there were no rule.
func TestForwardFirst(t *testing.T) {
	for name, h := range map[string]handler{"refuses": says(t, "REFUSED", ""), "silent": silent, "refers": says(t, "", "--\nwww.victim. 60 NS ns.other.")} {
		servers := internet(t, silent)
		servers[otherIP] = h
		play(t, servers, func(t *testing.T, s *scene) {
			s.engine.Forwards = []Forward{{Apex: dns.MustName("victim"), Servers: at(otherIP), Insecure: true, First: true}}
			s.expect("www.victim", "198.51.100.1")
			if n := s.queries(otherIP); n == 0 || n > 3 {
				t.Errorf("%s: asked %d times", name, n)
			}
			s.engine.Forwards[0].First = false
			s.expect("x.victim", "")
		})
	}
}

// TestForwardUncached: nothing is stored of what servers of such a rule say, also in referrals and denials.
func TestForwardUncached(t *testing.T) {
	servers := internet(t, silent)
	servers[otherIP] = serves(t, "corp.", "@ NS ns\nns A 192.0.2.9\nwww A 198.51.100.5\nsub NS ns.sub\nns.sub A 192.0.2.8\n")
	servers[lastIP] = serves(t, "sub.corp.", "@ NS ns\nns A 192.0.2.8\nwww A 198.51.100.6\n")
	play(t, servers, func(t *testing.T, s *scene) {
		s.engine.Forwards = []Forward{{Apex: dns.MustName("corp"), Servers: at(otherIP), Insecure: true, Authoritative: true, Uncached: true}}
		for range 3 {
			before := s.queries(otherIP)
			s.expect("www.corp", "198.51.100.5")
			s.expect("www.sub.corp", "198.51.100.6")
			s.expect("no.corp", "")
			if n := s.queries(otherIP) - before; n < 3 {
				t.Errorf("asked %d times", n)
			}
			for _, name := range []string{"www.corp", "www.sub.corp", "no.corp"} {
				if out, ok := s.engine.FromCache(Question{Name: dns.MustName(name), Type: dns.TypeA}); ok {
					t.Errorf("%s is in the cache: %+v", name, out)
				}
			}
		}
	})
}

// TestForwardTCP: no datagram goes to a server that is to be asked over TCP.
func TestForwardTCP(t *testing.T) {
	play(t, internet(t, silent), func(t *testing.T, s *scene) {
		answer := resolver(t, "198.51.100.77")
		s.net.Listen(netip.MustParseAddrPort(otherIP+":53"), memnet.ServerFunc(func(transport string, query []byte) [][]byte {
			if transport == memnet.UDP {
				t.Error("asked over UDP")
			}
			return s.answer(otherIP, answer, transport, query)
		}))
		s.engine.Forwards = []Forward{{Apex: dns.Root, Insecure: true, Servers: []Server{{Addr: netip.MustParseAddrPort(otherIP + ":53"), TCP: true}}}}
		s.expect("www.victim", "198.51.100.77")
	})
}

// someone is a client whose forward rules are those with its tag.
type someone struct {
	indifferent
	tag string
}

func (s someone) Uses(tags []string) bool { return slices.Contains(tags, s.tag) }

// TestForwardTags: a rule with tags is for those who have one of them. What it leads to is nowhere else: not in the cache, not for those
// who ask the same at the same time, not behind an alias of somebody else.
func TestForwardTags(t *testing.T) {
	servers := internet(t, serves(t, "attacker.", "@ NS ns\nns A 192.0.2.3\nalias CNAME www.victim.\n"))
	servers[otherIP] = serves(t, "victim.", "@ NS ns\nns A 192.0.2.9\nwww A 10.0.0.1\nsub NS ns.sub\nns.sub A 192.0.2.8\nonly A 10.0.0.2\n")
	servers[lastIP] = serves(t, "sub.victim.", "@ NS ns\nns A 192.0.2.8\nwww A 10.0.0.3\n")
	play(t, servers, func(t *testing.T, s *scene) {
		s.engine.Forwards = []Forward{{Apex: dns.MustName("victim"), Servers: at(otherIP), Insecure: true, Authoritative: true, Tags: []string{"inside"}}}
		s.engine.tagged = true
		ask := func(tag, name, want string) {
			q := Question{Name: dns.MustName(name), Type: dns.TypeA, Policy: someone{tag: tag}}
			out, ok := s.engine.FromCache(q)
			if !ok {
				out = s.engine.Resolve(t.Context(), q, new(limits.Budget), nil)
			}
			got := out.RCode.String()
			for i := range out.Answer {
				if set := &out.Answer[i]; set.Type == dns.TypeA {
					a, _ := dns.AddrOf(set.Type, set.RDatas.First())
					got = a.String()
				}
			}
			if got != want {
				t.Errorf("%q asks for %s: %s, want %s", tag, name, got, want)
			}
		}
		for range 3 {
			var all sync.WaitGroup
			for range 5 {
				all.Go(func() { ask("inside", "www.victim", "10.0.0.1") })
				all.Go(func() { ask("", "www.victim", "198.51.100.1") })
			}
			all.Wait()
			ask("inside", "alias.attacker", "10.0.0.1")
			ask("", "alias.attacker", "198.51.100.1")
			ask("inside", "www.sub.victim", "10.0.0.3")
			ask("", "www.sub.victim", "NXDOMAIN")
			ask("inside", "only.victim", "10.0.0.2")
			ask("other", "only.victim", "NXDOMAIN")
		}
	})
}
