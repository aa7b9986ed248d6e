package attack

import (
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/admit"
	"knot-resolver/internal/limits"
	"knot-resolver/internal/server"
)

// capacity of the workers that are overloaded here: so many misses at once, each of which takes 20 ms.
const atOnce = 16

// crowd is a worker with the queue of its listeners, and clients of several kinds.
type crowd struct {
	*world
	server  *server.Server
	running sync.WaitGroup

	mu      sync.Mutex
	asked   int
	served  int // with the right answer, over TCP where that was wanted
	slowest time.Duration
}

// options of a crowd.
type overload struct {
	rate    bool // rate limiting, as an operator would set it
	atOnce  int
	latency bool // servers of attack.test. take longer than anybody waits
}

func newCrowd(w *world, o overload) *crowd {
	p, err := admit.NewPriorities(admit.PrioritiesOptions{}, slog.New(slog.DiscardHandler))
	if err != nil {
		w.Fatal(err)
	}
	w.worker.SetPriorities(p)
	if o.rate {
		l, err := admit.NewRateLimiter(admit.RateLimit{Rate: 50, Instant: 100, Capacity: 1 << 16, Slip: 2}, w.worker.RateCounts(), slog.New(slog.DiscardHandler))
		if err != nil {
			w.Fatal(err)
		}
		w.worker.SetRateLimiter(l)
	}
	c := &crowd{world: w}
	c.server = server.New(server.Options{Handler: w.worker, Resolving: o.atOnce, Priority: w.worker.Priority, Shed: w.worker.Shed})
	return c
}

func (c *crowd) close() {
	c.running.Wait()
	if err := c.server.Shutdown(c.Context()); err != nil {
		c.Error(err)
	}
}

// send has a query of a client answered, as a listener would.
func (c *crowd) send(ip netip.Addr, t server.Transport, name string, reply func(*miekg.Msg)) {
	q := new(miekg.Msg).SetQuestion(name, miekg.TypeA)
	raw, err := q.Pack()
	if err != nil {
		panic(err)
	}
	c.server.Answer(&server.Request{Raw: raw, Client: netip.AddrPortFrom(ip, 4000), Transport: t}, func(answer []byte) {
		if reply == nil {
			return
		}
		m := new(miekg.Msg)
		if m.Unpack(answer) != nil {
			m = nil
		}
		reply(m)
	})
}

// client asks for a name as a stub resolver does: by UDP, over TCP when told to, once more when there is no answer in time.
func (c *crowd) client(ip netip.Addr, name string) {
	c.running.Go(func() {
		start, ok := time.Now(), false
		for try := 0; try < 2 && !ok; try++ {
			m := c.exchange(ip, server.UDP, name)
			if m != nil && m.Truncated {
				m = c.exchange(ip, server.TCP, name)
			}
			ok = m != nil && m.Rcode == miekg.RcodeSuccess && len(m.Answer) > 0
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.asked++
		if ok {
			c.served++
			c.slowest = max(c.slowest, time.Since(start))
		}
	})
}

func (c *crowd) exchange(ip netip.Addr, t server.Transport, name string) *miekg.Msg {
	got := make(chan *miekg.Msg, 1)
	c.send(ip, t, name, func(m *miekg.Msg) { got <- m })
	timeout := time.NewTimer(2 * time.Second)
	defer timeout.Stop()
	select {
	case m := <-got:
		if m != nil {
			return m
		}
		<-timeout.C // silence
	case <-timeout.C:
	}
	return nil
}

// steadily calls send so many times a second until the time is over.
func steadily(perSecond int, duration time.Duration, send func(n int)) {
	tick := time.Millisecond
	for n, start := 0, time.Now(); ; time.Sleep(tick) {
		passed := time.Since(start)
		if passed >= duration {
			return
		}
		for ; n < int(passed.Seconds()*float64(perSecond)); n++ {
			send(n)
		}
	}
}

// wild is a zone that has an answer for every name, unsigned, so that each new name is a miss.
func wild(origin, ip string) site {
	return site{origin: origin, ip: ip, unsigned: true, text: "* 60 A 198.51.100.7\n"}
}

// overloaded plays an attack on a crowd with some seeds: it costs more than others.
func overloaded(t *testing.T, o overload, attack func(c *crowd)) {
	t.Helper()
	var count tally
	const seeds = 3
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, seed, &count, setting{zones: []site{wild("attack.test.", "192.0.2.91"), wild("benign.test.", "192.0.2.92")}})
				defer w.close()
				if o.latency {
					w.change("192.0.2.91", func(string, *miekg.Msg, *miekg.Msg) *miekg.Msg { return nil })
				}
				for _, name := range []string{"u0.good.test.", "x.benign.test."} {
					w.ask(name, 1)
				}
				c := newCrowd(w, o)
				attack(c)
				c.close()
			})
		})
	}
	t.Logf("worst of %d seeds: %s", seeds, &count)
}

// good starts clients that each ask for a new name from time to time, and for one that is cached.
func (c *crowd) good(perSecond int, duration time.Duration) {
	c.running.Go(func() {
		steadily(perSecond, duration, func(n int) {
			ip := netip.AddrFrom4([4]byte{203, 0, byte(n % 50), byte(n % 100)})
			c.client(ip, fmt.Sprintf("n%d.benign.test.", n))
			c.client(ip, "u0.good.test.")
		})
	})
}

// result checks what the clients got.
func (c *crowd) result(what string) {
	c.running.Wait()
	c.atMost("% of "+what+" not answered", 100*float64(c.asked-c.served)/float64(c.asked), 1)
	c.atMost("slowest answer of them, s", c.slowest.Seconds(), 4)
	if c.asked == 0 {
		c.Error("nobody asked")
	}
}

// attackers of both kinds: who can be known by where he is, and who seems to be everywhere.
var attackers = map[string]func(c *crowd, n int) (netip.Addr, server.Transport){
	"few networks": func(_ *crowd, n int) (netip.Addr, server.Transport) {
		return netip.AddrFrom4([4]byte{198, 18, byte(n % 2), byte(n % 40)}), server.Transport(n % 2) // UDP and TCP
	},
	"forged addresses": func(c *crowd, _ int) (netip.Addr, server.Transport) {
		return netip.AddrFrom4([4]byte{byte(1 + c.rng.IntN(200)), byte(c.rng.IntN(256)), byte(c.rng.IntN(256)), byte(c.rng.IntN(256))}), server.UDP
	},
}

// TestFT47: ten times as many misses as can be worked on.
func TestFT47(t *testing.T) {
	for kind, attacker := range attackers {
		for _, rate := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, rate limiting %v", kind, rate), func(t *testing.T) {
				overloaded(t, overload{atOnce: atOnce, rate: rate}, func(c *crowd) {
					const perSecond = 10 * atOnce * 50
					c.good(100, 4*time.Second)
					steadily(perSecond, 3*time.Second, func(n int) {
						ip, transport := attacker(c, n)
						c.send(ip, transport, fmt.Sprintf("n%d.attack.test.", n), nil)
					})
					c.result("benign queries")
					if c.LQ("192.0.2.91") == 0 {
						c.Error("the attack did not arrive")
					}
				})
			})
		}
	}
}

// TestFT47Recovers: when the attack is over there is nothing left of it after five seconds.
func TestFT47Recovers(t *testing.T) {
	overloaded(t, overload{atOnce: atOnce}, func(c *crowd) {
		steadily(10*atOnce*50, 2*time.Second, func(n int) {
			ip, transport := attackers["few networks"](c, n)
			c.send(ip, transport, fmt.Sprintf("n%d.attack.test.", n), nil)
		})
		time.Sleep(5 * time.Second)
		start := time.Now()
		for n := range 20 {
			if m := c.exchange(netip.MustParseAddr("203.0.113.9"), server.UDP, fmt.Sprintf("r%d.benign.test.", n)); m == nil || len(m.Answer) == 0 {
				c.Errorf("query %d after the attack: %v", n, m)
			}
		}
		c.atMost("ms for a miss 5 s later", float64(time.Since(start).Milliseconds())/20, 25)
		if m := c.exchange(netip.MustParseAddr("198.18.0.1"), server.UDP, "again.benign.test."); m == nil || len(m.Answer) == 0 {
			c.Errorf("the attacker himself, alone: %v", m)
		}
	})
}

// TestCM09: all places are taken by names whose servers never answer, each asked for again and again.
func TestCM09(t *testing.T) {
	for kind, attacker := range attackers {
		t.Run(kind, func(t *testing.T) {
			overloaded(t, overload{atOnce: 64, latency: true}, func(c *crowd) {
				c.good(50, 6*time.Second)
				steadily(10*64*2, 5*time.Second, func(n int) {
					ip, transport := attacker(c, n)
					c.send(ip, transport, fmt.Sprintf("n%d.attack.test.", n%640), nil)
				})
				c.result("benign queries")
			})
		})
	}
}

// TestCM08: DNSBomb. Queries in the name of one victim wait for one slow server, which answers them all at once.
func TestCM08(t *testing.T) {
	victim := netip.MustParseAddr("192.0.2.200")
	overloaded(t, overload{atOnce: limits.Resolving}, func(c *crowd) {
		start := time.Now()
		c.change("192.0.2.91", func(_ string, _, right *miekg.Msg) *miekg.Msg {
			if time.Since(start) < 9*time.Second {
				return nil
			}
			return right
		})
		var mu sync.Mutex
		var all []time.Duration // when answers went out
		oldest := time.Duration(0)
		steadily(500, 10*time.Second, func(n int) {
			sent := time.Since(start)
			c.send(victim, server.UDP, fmt.Sprintf("n%d.attack.test.", n), func(m *miekg.Msg) {
				if m == nil {
					return
				}
				mu.Lock()
				defer mu.Unlock()
				now := time.Since(start)
				all = append(all, now)
				if !m.Truncated {
					oldest = max(oldest, now-sent)
				}
			})
		})
		time.Sleep(limits.ResolutionTime)
		mu.Lock()
		defer mu.Unlock()
		c.atMost("answers in 100 ms", float64(most(all, 100*time.Millisecond)), 200)
		c.atMost("oldest answer, s", oldest.Seconds(), 2)
	})
}

// most is how many of the times are in one window at most.
func most(times []time.Duration, window time.Duration) (most int) {
	slices.Sort(times)
	from := 0
	for i, at := range times {
		for at-times[from] > window {
			from++
		}
		most = max(most, i-from+1)
	}
	return most
}

// TestFT48: a name that everybody asks for runs out, and 10 000 clients ask within 10 ms.
func TestFT48(t *testing.T) {
	overloaded(t, overload{atOnce: limits.Resolving}, func(c *crowd) {
		const hot = "hot.benign.test."
		c.ask(hot, miekg.TypeA)
		time.Sleep(61 * time.Second) // its TTL
		c.reset()
		for n := range 10_000 {
			c.client(netip.AddrFrom4([4]byte{100, 64, byte(n >> 8), byte(n)}), hot)
			if n%1000 == 0 {
				time.Sleep(time.Millisecond)
			}
		}
		c.running.Wait()
		c.atMost("queries to the server", float64(c.LQ("192.0.2.92")), 1)
		c.atMost("clients without answer", float64(c.asked-c.served), 0)
		c.atMost("slowest answer, ms", float64(c.slowest.Milliseconds()), 2*float64(delay.Milliseconds())+20)
	})
}
