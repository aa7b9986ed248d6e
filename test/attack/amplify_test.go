package attack

import (
	"fmt"
	"strings"
	"testing"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/limits"
)

// lowered is the name asked for.
func lowered(q *miekg.Msg) string { return strings.ToLower(q.Question[0].Name) }

// amplified checks what one query of the client cost.
func (w *world) amplified(m *miekg.Msg) {
	w.Helper()
	if m.Rcode != miekg.RcodeServerFailure {
		w.Errorf("want SERVFAIL\n%v", m)
	}
	w.atMost("LQ", float64(w.LQ("")), 100)
	w.atMost("LQ to the victim", float64(w.LQ(victimIP)+w.LQ("192.0.2.33")), 20)
	if w.used(limits.KindUpstreamQueries) < w.LQ("") {
		w.Errorf("%d queries charged, %d arrived", w.used(limits.KindUpstreamQueries), w.LQ(""))
	}
}

// victims are the kinds of zone that the queries may be aimed at. That a signed one answers for itself from the cache
// (RFC 8198) hides what else bounds the attack.
func victims() map[string]setting {
	evil := site{origin: "evil.test.", ip: evilIP, unsigned: true}
	bare := site{origin: "victim.test.", ip: victimIP, unsigned: true, text: "www A 198.51.100.1\n"}
	return map[string]setting{
		"signed":   {zones: []site{evil}},
		"unsigned": {zones: []site{evil, bare}},
		"silent":   {zones: []site{evil, {origin: "victim.test.", ip: "192.0.2.33", unsigned: true}, {origin: "other.test.", ip: victimIP}}},
	}
}

// TestAM02: NXNSAttack, a referral to many servers without glue below the victim.
func TestAM02(t *testing.T) {
	for kind, set := range victims() {
		for _, count := range []int{135, 1500} {
			t.Run(fmt.Sprint(kind, " ", count), func(t *testing.T) {
				play(t, same(set), func(w *world) {
					w.change("192.0.2.33", func(string, *miekg.Msg, *miekg.Msg) *miekg.Msg { return nil })
					w.change(evilIP, manyServers(w, count))
					w.amplified(w.ask("a.sub.evil.test.", miekg.TypeA))
				})
			})
		}
	}
}

// manyServers refers to servers below the victim, with other names each time.
func manyServers(w *world, count int) quirk {
	return func(_ string, q, right *miekg.Msg) *miekg.Msg {
		if lowered(q) == "evil.test." {
			return right
		}
		var ns []miekg.RR
		for i := range count {
			header := miekg.RR_Header{Name: "sub.evil.test.", Rrtype: miekg.TypeNS, Class: miekg.ClassINET, Ttl: 60}
			ns = append(ns, &miekg.NS{Hdr: header, Ns: fmt.Sprintf("r%d-%d.victim.test.", w.rng.Uint32(), i)})
		}
		return referral(q, ns, nil)
	}
}

// nested answers as the attacker of AM-03: every server's name is below a cut whose servers are below further cuts,
// fan wide and depth deep, with those of the last below the victim.
func nested(fan, depth int) quirk {
	return func(_ string, q, right *miekg.Msg) *miekg.Msg {
		name := lowered(q)
		labels := miekg.SplitDomainName(name)
		if len(labels) < 3 {
			return right
		}
		cut := labels[len(labels)-3] // d<level>x<...>.evil.test.
		var level int
		fmt.Sscanf(cut, "d%dx", &level)
		var ns []miekg.RR
		for i := range fan {
			host := fmt.Sprintf("ns.d%dx%dx%s.evil.test.", level+1, i, cut)
			if level == depth || len(host) > 60 {
				host = fmt.Sprintf("%.40s-%d.victim.test.", cut, i)
			}
			ns = append(ns, rr(fmt.Sprintf("%s.evil.test. 60 NS %s", cut, host)))
		}
		return referral(q, ns, nil)
	}
}

// TestAM03: NXNS where each server's name is an alias chain, or below a delegation of the same kind.
func TestAM03(t *testing.T) {
	unsigned := same(victims()["unsigned"])
	for _, to := range []string{"nowhere.evil.test.", "victim.test."} {
		t.Run("aliases to "+to, func(t *testing.T) {
			play(t, unsigned, func(w *world) {
				w.change(evilIP, func(_ string, q, right *miekg.Msg) *miekg.Msg {
					var server, step int
					name := lowered(q)
					switch n, _ := fmt.Sscanf(name, "n%dc%d.evil.test.", &server, &step); {
					case name == "evil.test.":
						return right
					case n == 2 && step < 10:
						return reply(q, 0, []miekg.RR{rr(fmt.Sprintf("%s 60 CNAME n%dc%d.evil.test.", name, server, step+1))}, nil, nil)
					case n == 2:
						return reply(q, 0, []miekg.RR{rr(fmt.Sprintf("%s 60 CNAME r%d.%s", name, server, to))}, nil, nil)
					case strings.HasSuffix(name, "sub.evil.test."):
						var ns []miekg.RR
						for i := range 50 {
							ns = append(ns, rr(fmt.Sprintf("sub.evil.test. 60 NS n%dc0.evil.test.", i)))
						}
						return referral(q, ns, nil)
					}
					return right
				})
				w.amplified(w.ask("a.sub.evil.test.", miekg.TypeA))
			})
		})
	}
	for _, shape := range [][2]int{{2, 7}, {3, 4}, {10, 2}} {
		t.Run(fmt.Sprintf("delegations %d wide %d deep", shape[0], shape[1]), func(t *testing.T) {
			play(t, unsigned, func(w *world) {
				w.change(evilIP, nested(shape[0], shape[1]))
				w.amplified(w.ask("www.d0x.evil.test.", miekg.TypeA))
			})
		})
	}
}

// camp answers as the attacker of AM-07: ten aliases, each target below ten delegations, every one with servers
// that have to be looked up at the victim.
func camp(w *world, glue bool) quirk {
	return func(_ string, q, right *miekg.Msg) *miekg.Msg {
		name := lowered(q)
		labels := miekg.SplitDomainName(name) // … z1 l<link> evil test
		if len(labels) < 3 {
			return right
		}
		var link int
		fmt.Sscanf(labels[len(labels)-3], "l%d", &link)
		if len(labels) >= 14 && q.Question[0].Qtype != miekg.TypeNS {
			target := fmt.Sprintf("a.%sl%d.evil.test.", strings.Repeat("z.", 10), link+1)
			return reply(q, 0, []miekg.RR{rr(fmt.Sprintf("%s 60 CNAME %s", name, target))}, nil, nil)
		}
		cut := name
		if q.Question[0].Qtype == miekg.TypeDS {
			return right
		}
		ns := []miekg.RR{}
		for i := range 5 {
			ns = append(ns, rr(fmt.Sprintf("%s 60 NS r%d-%d.victim.test.", cut, w.rng.Uint32(), i)))
		}
		var extra []miekg.RR
		if glue {
			ns = append(ns, rr(fmt.Sprintf("%s 60 NS ns.%s", cut, cut)))
			extra = append(extra, rr(fmt.Sprintf("ns.%s 60 A %s", cut, evilIP)))
		}
		return referral(q, ns, extra)
	}
}

// TestAM07: CAMP, everything at once, and restarts by validation.
func TestAM07(t *testing.T) {
	unsigned := same(victims()["unsigned"])
	for _, glue := range []bool{false, true} {
		t.Run(fmt.Sprintf("with a way on %v", glue), func(t *testing.T) {
			play(t, unsigned, func(w *world) {
				w.change(evilIP, camp(w, glue))
				w.amplified(w.ask(fmt.Sprintf("a.%sl0.evil.test.", strings.Repeat("z.", 10)), miekg.TypeA))
			})
		})
	}
	for _, inReferral := range []bool{true, false} {
		t.Run(fmt.Sprintf("signed, DS in referrals %v", inReferral), func(t *testing.T) {
			play(t, nil, func(w *world) {
				w.change(evilIP, signedCamp(w, inReferral))
				w.amplified(w.ask(fmt.Sprintf("a.%sl0.evil.test.", strings.Repeat("z.", 10)), miekg.TypeA))
			})
		})
	}
	t.Run("bogus", func(t *testing.T) { // a chain of aliases, 13 servers, all of which sign badly
		play(t, same(setting{zones: thirteen()}), func(w *world) {
			for i := range 13 {
				w.change(fmt.Sprintf("192.0.2.%d", 100+i), func(_ string, q, right *miekg.Msg) *miekg.Msg {
					for _, sig := range right.Answer {
						if sig, ok := sig.(*miekg.RRSIG); ok && sig.TypeCovered != miekg.TypeDNSKEY {
							sig.Expiration++
						}
					}
					return right
				})
			}
			w.amplified(w.ask("c0.wide.test.", miekg.TypeA))
		})
	})
}

// signedCamp is camp with every cut signed, so that each costs DNSKEY and DS as well.
func signedCamp(w *world, inReferral bool) quirk {
	unsigned := camp(w, true)
	return func(transport string, q, right *miekg.Msg) *miekg.Msg {
		name := lowered(q)
		if miekg.CountLabel(name) <= 2 {
			return right
		}
		parent := name[strings.IndexByte(name, '.')+1:]
		ds := w.key.signed(parent, w.key.public(name).ToDS(miekg.SHA256))
		switch q.Question[0].Qtype {
		case miekg.TypeDNSKEY:
			return reply(q, 0, w.key.signed(name, w.key.public(name)), nil, nil)
		case miekg.TypeDS:
			return reply(q, 0, ds, nil, nil)
		}
		m := unsigned(transport, q, right)
		if len(m.Answer) > 0 {
			m.Answer = w.key.signed(parent, m.Answer...)
		} else if inReferral {
			m.Ns = append(m.Ns, ds...)
		}
		return m
	}
}

// thirteen is a zone of aliases on 13 addresses.
func thirteen() []site {
	s := site{origin: "wide.test.", ip: "192.0.2.100"}
	for i := range 11 {
		s.text += fmt.Sprintf("c%d CNAME c%d\n", i, i+1)
	}
	for i := range 12 {
		s.also = append(s.also, fmt.Sprintf("192.0.2.%d", 101+i))
	}
	return []site{s}
}
