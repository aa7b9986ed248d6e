package attack

import (
	"fmt"
	"strings"
	"testing"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/limits"
	"knot-resolver/internal/worker"
)

// loop is the only NSEC3 of a zone: it matches the apex and covers all other names.
func loop(zone string, iterations uint16, salt string) *miekg.NSEC3 {
	hash := miekg.HashName(zone, miekg.SHA1, iterations, salt)
	return nsec3(zone, strings.ToLower(hash), hash, iterations, salt, miekg.TypeNS, miekg.TypeSOA, miekg.TypeRRSIG, miekg.TypeDNSKEY, miekg.TypeNSEC3PARAM)
}

func nsec3(zone, owner, next string, iterations uint16, salt string, types ...uint16) *miekg.NSEC3 {
	return &miekg.NSEC3{
		Hdr:  miekg.RR_Header{Name: owner + "." + zone, Rrtype: miekg.TypeNSEC3, Class: miekg.ClassINET, Ttl: 300},
		Hash: miekg.SHA1, Iterations: iterations, SaltLength: uint8(len(salt) / 2), Salt: salt, HashLength: 20, NextDomain: next, TypeBitMap: types,
	}
}

// denial is an authority section: the SOA of evil.test. and a proof, both signed.
func (w *world) denial(proof ...miekg.RR) []miekg.RR {
	all := w.key.signed("evil.test.", rr("evil.test. 300 SOA ns.evil.test. x. 1 2 3 4 300"))
	for _, p := range proof {
		all = append(all, w.key.signed("evil.test.", p)...)
	}
	return all
}

// deep is a name with as many labels below evil.test. as fit.
func deep(first string, labels int) string {
	return first + "." + strings.Repeat("a.", labels-1) + "evil.test."
}

// endless answers as a zone without names, but admits that only when asked for a whole name.
func (w *world) endless(proof ...miekg.RR) quirk {
	authority := w.denial(proof...)
	return func(_ string, q, right *miekg.Msg) *miekg.Msg {
		switch {
		case lowered(q) == "evil.test.":
			return right
		case q.Question[0].Qtype == miekg.TypeNS:
			return reply(q, 0, nil, authority[:2], nil)
		}
		return reply(q, miekg.RcodeNameError, nil, authority, nil)
	}
}

func (w *world) forgetEvil() {
	w.Helper()
	if _, err := w.worker.ClearCache(worker.Clear{Name: "evil.test."}); err != nil {
		w.Fatal(err)
	}
}

// TestDW04: closest encloser proofs that are expensive to follow.
func TestDW04(t *testing.T) {
	type parameters struct {
		iterations uint16
		salt       string
	}
	chains := map[parameters]*miekg.NSEC3{}
	for _, i := range []uint16{0, 50, 51, 150, 500, 2500, 65535} {
		for _, octets := range []int{0, 255} {
			p := parameters{i, strings.Repeat("ab", octets)}
			chains[p] = loop("evil.test.", p.iterations, p.salt)
		}
	}
	play(t, nil, func(w *world) {
		for p, record := range chains {
			w.forgetEvil()
			w.change(evilIP, w.endless(record))
			for _, labels := range []int{1, 20, 120} {
				w.reset()
				m := w.ask(deep(fmt.Sprintf("q%d", w.rng.Uint32()%1000), labels), miekg.TypeA)
				if p.iterations <= 50 {
					w.atMost("H, up to 50 iterations", float64(w.used(limits.KindNSEC3Blocks)), 600)
					continue
				}
				w.atMost("H, more", float64(w.used(limits.KindNSEC3Blocks)), 1)
				if m.AuthenticatedData || m.Rcode != miekg.RcodeNameError || ede(m) != int(miekg.ExtendedErrorCodeUnsupportedNSEC3IterValue) {
					w.Errorf("%d iterations: not insecure with EDE 27\n%v", p.iterations, m)
				}
			}
		}
	})
}

// TestDW05: the same in a referral to an unsigned zone.
func TestDW05(t *testing.T) {
	record := loop("evil.test.", 65535, "")
	record.Flags = 1
	play(t, nil, func(w *world) {
		proof := append([]miekg.RR{rr("sub.evil.test. 60 NS ns.sub.evil.test.")}, w.key.signed("evil.test.", record)...)
		w.change(evilIP, func(_ string, q, right *miekg.Msg) *miekg.Msg {
			switch {
			case lowered(q) == "evil.test.":
				return right
			case q.Question[0].Qtype == miekg.TypeA && lowered(q) == "www.sub.evil.test." && w.LQ(evilIP) > 2:
				return reply(q, 0, []miekg.RR{rr("www.sub.evil.test. 60 A 192.0.2.66")}, nil, nil)
			}
			return referral(q, proof, []miekg.RR{rr("ns.sub.evil.test. 60 A " + evilIP)})
		})
		if m := w.ask("www.sub.evil.test.", miekg.TypeA); m.AuthenticatedData || addresses(m) != "192.0.2.66" {
			w.Errorf("want an insecure answer\n%v", m)
		}
		w.atMost("H", float64(w.used(limits.KindNSEC3Blocks)), 1)
	})
}

// TestDW06: hashing for answers from the cache, also along aliases.
func TestDW06(t *testing.T) {
	for _, p := range []struct {
		iterations uint16
		salt       int
	}{{0, 0}, {0, 64}, {0, 255}, {1, 8}, {10, 64}, {50, 0}, {50, 64}} {
		t.Run(fmt.Sprintf("%d iterations %d octets of salt", p.iterations, p.salt), func(t *testing.T) {
			record := loop("evil.test.", p.iterations, strings.Repeat("ab", p.salt))
			play(t, nil, func(w *world) {
				prime := w.endless(record)
				w.change(evilIP, prime)
				w.ask("prime.evil.test.", miekg.TypeA)
				w.change(evilIP, func(transport string, q, right *miekg.Msg) *miekg.Msg {
					if q.Question[0].Qtype != miekg.TypeA {
						return prime(transport, q, right)
					}
					var i int
					fmt.Sscanf(lowered(q), "c%d.", &i) // the aliases go on in the zone, and end elsewhere
					target := deep(fmt.Sprintf("c%d", i+1), 5+2*i)
					if i == 10 {
						target = "www.victim.test."
					}
					return reply(q, 0, w.key.signed("evil.test.", rr(lowered(q)+" 60 CNAME "+target)), nil, nil)
				})
				for _, name := range []string{deep("c10", 4), deep("c10", 35), deep("c10", 120), deep("c0", 4)} {
					w.reset()
					w.ask(name, miekg.TypeA)
					w.atMost("H", float64(w.used(limits.KindNSEC3Blocks)), 150)
				}
			})
		})
	}
}

// TestDW07: a denial with hundreds of signed proofs.
func TestDW07(t *testing.T) {
	play(t, nil, func(w *world) {
		var proofs []miekg.RR
		for i := range 200 {
			hash := miekg.HashName(fmt.Sprintf("n%d.evil.test.", i), miekg.SHA1, 0, "")
			proofs = append(proofs, nsec3("evil.test.", strings.ToLower(hash), hash, 0, "", miekg.TypeA))
		}
		w.change(evilIP, w.endless(proofs...))
		w.refuse("nothing.evil.test.", miekg.TypeA)
		w.atMost("V", float64(w.used(limits.KindSignatureChecks)), 32)
		w.atMost("H", float64(w.used(limits.KindNSEC3Blocks)), 600)
	})
}

// TestDW09: a denial with SOA and NSEC3 of a zone that does not hold the name.
func TestDW09(t *testing.T) {
	play(t, nil, func(w *world) {
		foreign := append(w.key.signed("victim.test.", rr("victim.test. 300 SOA ns.victim.test. x. 1 2 3 4 300")), w.key.signed("victim.test.", loop("victim.test.", 0, ""))...)
		w.change(evilIP, func(_ string, q, right *miekg.Msg) *miekg.Msg {
			if lowered(q) == "evil.test." {
				return right
			}
			return reply(q, 0, nil, foreign, nil)
		})
		w.refuse("nothing.evil.test.", miekg.TypeA)
		w.atMost("H", float64(w.used(limits.KindNSEC3Blocks)), 0)
		w.atMost("LQ", float64(w.LQ("")), 20)
	})
}
