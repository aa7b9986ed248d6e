package iterate

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/limits"
)

// TestAM01EndlessDelegation has servers whose names are each below another delegation without glue.
func TestAM01EndlessDelegation(t *testing.T) {
	attacker := func(q *miekg.Msg) *miekg.Msg {
		labels := miekg.SplitDomainName(strings.ToLower(q.Question[0].Name))
		if len(labels) < 2 {
			return replyTo(q, message(t, "aa", "--\nattacker. 60 SOA ns.attacker. x. 1 2 3 4 5"))
		}
		var n int
		fmt.Sscanf(labels[len(labels)-2], "q%d", &n)
		return replyTo(q, message(t, "", fmt.Sprintf("--\nq%d.attacker. 60 NS ns.q%d.attacker.", n, n+1)))
	}
	play(t, internet(t, attacker), func(t *testing.T, s *scene) {
		out, _, _ := s.resolve("www.q0.attacker")
		if out.RCode != dns.RCodeServFail || s.queries("") > 50 {
			t.Errorf("%v after %d queries", out.RCode, s.queries(""))
		}
		s.expect("www.victim", "198.51.100.1")
	})
}

// TestAM02NXNS has a referral to many servers with names in the victim's zone.
func TestAM02NXNS(t *testing.T) {
	for _, count := range []int{135, 250, 1500} {
		t.Run(fmt.Sprint(count), func(t *testing.T) {
			var text strings.Builder
			text.WriteString("--\n")
			for i := range count {
				fmt.Fprintf(&text, "www.attacker. 60 NS r%d.victim.\n", i)
			}
			referral := message(t, "", text.String())
			attacker := func(q *miekg.Msg) *miekg.Msg { return replyTo(q, referral) }
			play(t, internet(t, attacker), func(t *testing.T, s *scene) {
				out, _, _ := s.resolve("a.www.attacker")
				if out.RCode != dns.RCodeServFail || s.queries(victimIP) > 20 || s.queries("") > 100 {
					t.Errorf("%v, victim asked %d times, all %d times", out.RCode, s.queries(victimIP), s.queries(""))
				}
			})
		})
	}
}

// TestAM06Cycles has zones whose servers are each in the next zone, without glue.
func TestAM06Cycles(t *testing.T) {
	for _, length := range []int{1, 2, 5} {
		t.Run(fmt.Sprint(length), func(t *testing.T) {
			text := "@ NS ns.root-servers.test.\n"
			for i := range length {
				text += fmt.Sprintf("c%d 3600 NS ns.c%d.\n", i, (i+1)%length)
			}
			play(t, map[string]handler{rootIP: serves(t, ".", text)}, func(t *testing.T, s *scene) {
				out, _, _ := s.resolve("www.c0")
				if out.RCode != dns.RCodeServFail || s.queries("") > 20 {
					t.Errorf("%v after %d queries", out.RCode, s.queries(""))
				}
				s.forget()
				for range 40 {
					time.Sleep(100 * time.Millisecond)
					s.resolve("www.c0")
				}
				if s.queries("") > 0 {
					t.Errorf("%d queries within 4 s", s.queries(""))
				}
			})
		})
	}
}

// aliases is a server with one CNAME a response: c0 to c1 and so on; c<n> is the next of c<n-1>, or an address.
func aliases(t *testing.T, next func(i int) int) handler {
	return func(q *miekg.Msg) *miekg.Msg {
		var i int
		fmt.Sscanf(strings.ToLower(q.Question[0].Name), "c%d.", &i)
		if n := next(i); n >= 0 {
			return replyTo(q, message(t, "aa", fmt.Sprintf("c%d.attacker. 60 CNAME c%d.attacker.", i, n)))
		}
		return replyTo(q, message(t, "aa", fmt.Sprintf("c%d.attacker. 60 A 203.0.113.1", i)))
	}
}

func TestAM09AliasLoops(t *testing.T) {
	for _, length := range []int{1, 2, 11, 12, 100} {
		t.Run(fmt.Sprint("loop of ", length), func(t *testing.T) {
			play(t, internet(t, aliases(t, func(i int) int { return (i + 1) % length })), func(t *testing.T, s *scene) {
				out, budget, _ := s.resolve("c0.attacker")
				if out.RCode != dns.RCodeServFail || s.queries("") > 14 || budget.Spent(limits.KindUpstreamQueries) > 14 {
					t.Errorf("%v after %d queries", out.RCode, s.queries(""))
				}
			})
		})
		t.Run(fmt.Sprint("chain of ", length), func(t *testing.T) {
			end := func(i int) int {
				if i == length {
					return -1
				}
				return i + 1
			}
			play(t, internet(t, aliases(t, end)), func(t *testing.T, s *scene) {
				want := ""
				if length <= limits.AliasSteps {
					want = "203.0.113.1"
				}
				s.expect("c0.attacker", want)
				if s.queries("") > 14 {
					t.Errorf("%d queries", s.queries(""))
				}
			})
		})
	}
}

func TestAM09GrowingDNAME(t *testing.T) {
	attacker := serves(t, "attacker.", "@ NS ns\nns A 192.0.2.3\nd DNAME "+strings.Repeat("x", 60)+".d\nping DNAME pong\npong DNAME ping\n")
	play(t, internet(t, attacker), func(t *testing.T, s *scene) {
		if out, _, _ := s.resolve("www.d.attacker"); out.RCode != dns.RCodeYXDomain || s.queries("") > 14 {
			t.Errorf("%v (%s) after %d queries", out.RCode, out.Reason, s.queries(""))
		}
		s.forget()
		if out, _, _ := s.resolve("www.ping.attacker"); out.RCode != dns.RCodeServFail || s.queries("") > 14 {
			t.Errorf("%v (%s) after %d queries", out.RCode, out.Reason, s.queries(""))
		}
	})
}

// TestAM16AllRefuse has 13 servers with an address of each family, all of which refuse.
func TestAM16AllRefuse(t *testing.T) {
	text := rootZone
	servers := map[string]handler{}
	for i := range 13 {
		text += fmt.Sprintf("bad NS ns%d.bad.\nns%d.bad A 192.0.2.%d\nns%d.bad AAAA 2001:db8::%d\n", i, i, 100+i, i, 1+i)
		servers[fmt.Sprintf("192.0.2.%d", 100+i)] = says(t, "REFUSED", "")
		servers[fmt.Sprintf("2001:db8::%d", 1+i)] = says(t, "REFUSED", "")
	}
	servers[rootIP] = serves(t, ".", text)
	play(t, servers, func(t *testing.T, s *scene) {
		out, budget, _ := s.resolve("www.bad")
		if out.RCode != dns.RCodeServFail || s.queries("") > 27 || budget.Spent(limits.KindUpstreamQueries) != s.queries("") {
			t.Errorf("%v after %d queries, %d charged", out.RCode, s.queries(""), budget.Spent(limits.KindUpstreamQueries))
		}
		s.forget()
		for range 40 {
			time.Sleep(100 * time.Millisecond)
			if out, _, _ := s.resolve("www.bad"); out.RCode != dns.RCodeServFail {
				t.Error(out.RCode)
			}
		}
		if s.queries("") > 0 {
			t.Errorf("%d queries within 4 s", s.queries(""))
		}
	})
}

// TestB2AliasStep has 26 addresses that each want to be asked twice: one link of a chain of aliases may cost 50 queries.
func TestB2AliasStep(t *testing.T) {
	text := rootZone
	servers := map[string]handler{}
	bare := func(q *miekg.Msg) *miekg.Msg { return new(miekg.Msg).SetRcode(q, miekg.RcodeFormatError) } // without EDNS
	for i := range 13 {
		text += fmt.Sprintf("bad NS ns%d.bad.\nns%d.bad A 192.0.2.%d\nns%d.bad AAAA 2001:db8::%d\n", i, i, 100+i, i, 1+i)
		servers[fmt.Sprintf("192.0.2.%d", 100+i)] = bare
		servers[fmt.Sprintf("2001:db8::%d", 1+i)] = bare
	}
	servers[rootIP] = serves(t, ".", text)
	play(t, servers, func(t *testing.T, s *scene) {
		out, budget, _ := s.resolve("www.bad")
		spent := budget.Spent(limits.KindUpstreamQueries)
		if out.RCode != dns.RCodeServFail || s.queries("") != spent || spent != limits.AliasStepQueries || !strings.Contains(out.Reason, "more than 50 upstream queries") {
			t.Errorf("%v (%s) after %d queries, %d charged", out.RCode, out.Reason, s.queries(""), spent)
		}
	})
}

// TestSP06Birthday has a thousand clients ask for one name at once.
func TestSP06Birthday(t *testing.T) {
	play(t, internet(t, nil), func(t *testing.T, s *scene) {
		s.expect("www.victim", "198.51.100.1") // the way is known
		s.forget()
		var group sync.WaitGroup
		for range 1000 {
			group.Go(func() { s.expect("x.victim", "198.51.100.2") })
		}
		group.Wait()
		if s.queries("") != 1 {
			t.Errorf("%d queries", s.queries(""))
		}
	})
}

// TestBudget exhausts every kind of a budget that a resolution charges, one at a time.
func TestBudget(t *testing.T) {
	for kind, spend := range map[limits.Kind]int{limits.KindUpstreamQueries: limits.UpstreamQueries, limits.KindBytesIn: limits.BytesIn} {
		t.Run(kind.String(), func(t *testing.T) {
			play(t, internet(t, nil), func(t *testing.T, s *scene) {
				budget := new(limits.Budget)
				if err := budget.Charge(kind, spend); err != nil {
					t.Fatal(err)
				}
				out := s.engine.Resolve(t.Context(), Question{Name: dns.MustName("www.victim"), Type: dns.TypeA}, budget, nil)
				if out.RCode != dns.RCodeServFail || !strings.Contains(out.Reason, kind.String()) || s.queries("") > 1 {
					t.Errorf("%v, %q after %d queries", out.RCode, out.Reason, s.queries(""))
				}
				s.expect("www.victim", "198.51.100.1") // it was not the victim's fault
			})
		})
	}
}
