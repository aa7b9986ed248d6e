package attack

import (
	"fmt"
	"strings"
	"testing"
	"time"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/iterate"
)

const ghostIP = "192.0.2.50"

// ghosts are worlds in which test. delegates ghost.test. for a minute.
func ghosts() func(uint64) setting {
	return same(setting{zones: []site{{origin: "ghost.test.", ip: ghostIP, unsigned: true, ttl: 60, text: "* 5 A 192.0.2.66\n"}}})
}

// revoke removes ghost.test. from test.
func (w *world) revoke() {
	w.build(usual(w.key))
}

// gone demands that names of the ghost do not exist any more.
func (w *world) gone(name string) {
	w.Helper()
	if m := w.ask(name, miekg.TypeA); m.Rcode != miekg.RcodeNameError {
		w.Errorf("%s is still there %v after\n%v", name, time.Now(), m)
	}
}

// immortal makes the ghost refresh its own delegation in every answer.
func (w *world) immortal(extra ...string) {
	w.change(ghostIP, func(_ string, q, right *miekg.Msg) *miekg.Msg {
		right.Ns = []miekg.RR{rr("ghost.test. 86400 NS ns.ghost.test.")}
		right.Extra = append(right.Extra, rr("ns.ghost.test. 86400 A "+ghostIP))
		for _, text := range extra {
			right.Extra = append(right.Extra, rr(text))
		}
		if q.Question[0].Qtype == miekg.TypeNS && lowered(q) == "ghost.test." {
			right.Answer = right.Ns
		}
		return right
	})
}

// TestGD01: a child that refreshes its own delegation.
func TestGD01(t *testing.T) {
	play(t, ghosts(), func(w *world) {
		w.immortal()
		start := time.Now()
		for i := range 2 { // before the minute is over
			w.ask(fmt.Sprintf("a%d.ghost.test.", i), miekg.TypeA)
			w.ask("ghost.test.", miekg.TypeNS)
			w.ask("ns.ghost.test.", miekg.TypeA)
			time.Sleep(time.Duration(20+w.rng.IntN(9)) * time.Second)
		}
		w.revoke()
		for i := 0; time.Since(start) < 55*time.Second; i++ {
			w.ask(fmt.Sprintf("b%d.ghost.test.", i), miekg.TypeA)
			w.ask("ghost.test.", miekg.TypeNS)
			time.Sleep(time.Second)
		}
		time.Sleep(65*time.Second - time.Since(start))
		w.reset()
		w.gone("c.ghost.test.")
		w.gone("ghost.test.")
		w.atMost("LQ to the ghost", float64(w.LQ(ghostIP)), 0)
	})
}

// cuts answers as a server with a cut at every label below ghost.test., all served by itself for a day.
func cuts(_ string, q, right *miekg.Msg) *miekg.Msg {
	labels := miekg.SplitDomainName(lowered(q))
	if len(labels) < 3 || q.Question[0].Qtype == miekg.TypeA && strings.HasPrefix(labels[0], "www") {
		return reply(q, 0, []miekg.RR{rr(lowered(q) + " 5 A 192.0.2.66")}, nil, nil)
	}
	cut := lowered(q)
	return referral(q, []miekg.RR{rr(cut + " 86400 NS ns." + cut)}, []miekg.RR{rr("ns." + cut + " 86400 A " + ghostIP)})
}

// TestGD02: phoenix domain, a new cut below the old one just before that ends.
func TestGD02(t *testing.T) {
	play(t, ghosts(), func(w *world) {
		w.change(ghostIP, cuts)
		name := "ghost.test."
		start := time.Now()
		for i := range 8 {
			name = fmt.Sprintf("s%d.%s", i, name)
			w.ask("www"+fmt.Sprint(i)+"."+name, miekg.TypeA)
			time.Sleep(time.Duration(6500+w.rng.IntN(500)) * time.Millisecond)
		}
		w.revoke()
		w.ask("wwwlast.x."+name, miekg.TypeA) // some seconds before the end
		time.Sleep(65*time.Second - time.Since(start))
		w.reset()
		for range 3 {
			w.gone(fmt.Sprintf("www%d.%s", w.rng.Uint32(), name))
			name = name[strings.IndexByte(name, '.')+1:]
		}
		w.atMost("LQ to the ghost", float64(w.LQ(ghostIP)), 0)
	})
}

// TestGD03: a long chain of cuts, each of which outlives the one above it if it may.
func TestGD03(t *testing.T) {
	play(t, ghosts(), func(w *world) {
		w.change(ghostIP, cuts)
		name := "ghost.test."
		start := time.Now()
		for range 100 {
			name = "s." + name
		}
		for depth := 5; depth <= 100; depth += 5 { // as far as one query may go
			w.ask("www."+name[2*(100-depth):], miekg.TypeA)
		}
		w.revoke()
		time.Sleep(65*time.Second - time.Since(start))
		w.reset()
		for depth := range 100 {
			w.gone(fmt.Sprintf("www%d.%s", depth, name[2*depth:]))
		}
		w.atMost("LQ to the ghost", float64(w.LQ(ghostIP)), 0)
	})
}

// TestGD04: glue that outlives its delegation, when the zone has moved.
func TestGD04(t *testing.T) {
	const newIP = "192.0.2.51"
	old := site{origin: "moves.test.", ip: ghostIP, unsigned: true, ttl: 4, text: "* 1 A 192.0.2.66\n"}
	moved := old
	moved.ip, moved.text = newIP, "* 1 A 198.51.100.5\n"
	play(t, same(setting{zones: []site{old}}), func(w *world) {
		longGlue := func(_ string, _, right *miekg.Msg) *miekg.Msg {
			for _, extra := range right.Extra {
				if extra.Header().Rrtype == miekg.TypeA {
					extra.Header().Ttl = 86400
				}
			}
			return right
		}
		w.change(testIP, copied(longGlue))
		w.change(ghostIP, copied(func(_ string, q, right *miekg.Msg) *miekg.Msg {
			right.Ns, right.Extra = []miekg.RR{rr("moves.test. 86400 NS ns.moves.test.")}, append(right.Extra, rr("ns.moves.test. 86400 A "+ghostIP))
			return right
		}))
		start := time.Now()
		for i := range 3 {
			w.ask(fmt.Sprintf("a%d.moves.test.", i), miekg.TypeA)
			w.ask("ns.moves.test.", miekg.TypeA)
			time.Sleep(time.Second)
		}
		w.build(append(usual(w.key), moved))
		w.change(testIP, copied(longGlue))
		w.ask("b.moves.test.", miekg.TypeA)
		time.Sleep(5*time.Second - time.Since(start))
		w.reset()
		for i := range 20 {
			if m := w.ask(fmt.Sprintf("c%d.moves.test.", i), miekg.TypeA); addresses(m) != "198.51.100.5" {
				w.Errorf("%v", m)
			}
			time.Sleep(time.Duration(w.rng.IntN(5000)) * time.Millisecond)
		}
		w.atMost("LQ to the old host", float64(w.LQ(ghostIP)), 0)
	})
}

// copied lets a quirk change a copy: the records belong to the zone.
func copied(f quirk) quirk {
	return func(transport string, q, right *miekg.Msg) *miekg.Msg { return f(transport, q, right.Copy()) }
}

// TestGD05: a name that is gone is gone, though there is stale data for it.
func TestGD05(t *testing.T) {
	set := ghosts()(0)
	set.engine = func(o *iterate.Options) { o.Stale = iterate.DefaultStale() }
	play(t, same(set), func(w *world) {
		w.ask("www.ghost.test.", miekg.TypeA)
		w.revoke()
		time.Sleep(time.Duration(65+w.rng.IntN(3600)) * time.Second)
		w.reset()
		w.gone("www.ghost.test.")
		w.gone("www.ghost.test.")
	})
}
