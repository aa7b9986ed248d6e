package attack

import (
	"fmt"
	"strings"
	"testing"
	"time"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/cache"
	"knot-resolver/internal/dns"
	"knot-resolver/internal/testnet/zone"
)

// stored says whether the cache has an answer to a question, of any rank.
func (w *world) stored(name string, t dns.Type) (cache.Entry, bool) {
	return w.cache.Answer(dns.MustName(name), t, cache.Unvalidated, time.Now())
}

// untouched demands that the victim's names are what its servers say.
func (w *world) untouched() {
	w.Helper()
	w.expect("www.victim.test.", "198.51.100.1")
	w.expect("x.victim.test.", "198.51.100.2")
	if m := w.ask("victim.test.", miekg.TypeSOA); len(m.Answer) == 0 || !m.AuthenticatedData {
		w.Errorf("no SOA of the victim\n%v", m)
	}
	if m := w.ask("nothing.victim.test.", miekg.TypeA); m.Rcode != miekg.RcodeNameError || !m.AuthenticatedData {
		w.Errorf("no proven denial from the victim\n%v", m)
	}
}

// answering answers one name with these records, all other names as usual.
func answering(name string, rcode int, answer, authority []miekg.RR) quirk {
	return func(_ string, q, right *miekg.Msg) *miekg.Msg {
		if lowered(q) != name || q.Question[0].Qtype == miekg.TypeDS {
			return right
		}
		return reply(q, rcode, answer, authority, nil)
	}
}

// TestDL01: a signature whose labels claim a wildcard above the zone that signs.
func TestDL01(t *testing.T) {
	for labels := range uint8(2) {
		for _, name := range []string{"www.evil.test.", "evil.test."} {
			t.Run(fmt.Sprintf("%s as if from %d labels", name, labels), func(t *testing.T) {
				play(t, nil, func(w *world) {
					a := rr(name + " 300 A 192.0.2.66")
					source := a // the signature is of the wildcard it says; the library cannot sign that of the root
					if labels == 1 {
						source = rr("*.test. 300 A 192.0.2.66")
					}
					sig := w.key.sign("evil.test.", []miekg.RR{source})
					sig.Hdr.Name, sig.Labels = name, labels
					nsec := w.key.signed("evil.test.", rr("evil.test. 300 NSEC evil.test. NS SOA RRSIG NSEC DNSKEY"))
					w.change(evilIP, func(_ string, q, right *miekg.Msg) *miekg.Msg {
						if q.Question[0].Qtype == miekg.TypeA {
							return reply(q, 0, []miekg.RR{a, sig}, nsec, nil)
						}
						return right
					})
					w.refuse(name, miekg.TypeA)
					for _, wildcard := range []string{"*.test.", "*."} {
						if e, ok := w.stored(wildcard, dns.TypeA); ok {
							w.Errorf("%s is stored: %v", wildcard, e)
						}
					}
					for _, other := range []string{fmt.Sprintf("r%d.test.", w.rng.Uint32()), fmt.Sprintf("r%d.", w.rng.Uint32())} {
						if m := w.ask(other, miekg.TypeA); m.Rcode != miekg.RcodeNameError || !m.AuthenticatedData {
							w.Errorf("%s is no secure NXDOMAIN\n%v", other, m)
						}
					}
					w.untouched()
				})
			})
		}
	}
}

// lies are NSEC records of evil.test. that reach beyond it. They deny the victim if anybody believes them.
func TestDL04(t *testing.T) {
	for name, lie := range map[string]string{
		"past the zone":      "a.evil.test. 300 NSEC zzz.test. A RRSIG NSEC",
		"to the parent":      "a.evil.test. 300 NSEC test. A RRSIG NSEC",
		"to the root":        "a.evil.test. 300 NSEC . A RRSIG NSEC",
		"from the apex":      "evil.test. 300 NSEC zzz.test. NS SOA RRSIG NSEC DNSKEY",
		"to another zone":    "a.evil.test. 300 NSEC zzz.victim.test. A RRSIG NSEC",
		"owner of the chain": "a.evil.test. 300 NSEC \\000.test. A RRSIG NSEC",
	} {
		t.Run(name, func(t *testing.T) {
			play(t, nil, func(w *world) { w.denying(rr(lie)) })
		})
	}
}

// TestDL05: an NSEC that is its own next name, and a last one that is not last.
func TestDL05(t *testing.T) {
	for name, lie := range map[string]string{
		"at the apex":    "evil.test. 300 NSEC evil.test. NS SOA RRSIG NSEC DNSKEY",
		"below the apex": "a.evil.test. 300 NSEC a.evil.test. A RRSIG NSEC",
		"backwards":      "m.evil.test. 300 NSEC b.evil.test. A RRSIG NSEC",
	} {
		t.Run(name, func(t *testing.T) {
			play(t, nil, func(w *world) { w.denying(rr(lie)) })
		})
	}
}

// denying lets evil.test. deny its own names with a lie, and has the cache asked about others then.
func (w *world) denying(lie miekg.RR) {
	w.Helper()
	authority := w.denial(lie)
	w.change(evilIP, func(_ string, q, right *miekg.Msg) *miekg.Msg {
		if strings.HasPrefix(lowered(q), "b") {
			return reply(q, miekg.RcodeNameError, nil, authority, nil)
		}
		return right
	})
	for _, name := range []string{"b1.evil.test.", "b2.evil.test."} {
		w.ask(name, miekg.TypeA)
		w.ask(name, miekg.TypeA, checkingDisabled)
	}
	for _, name := range []string{"victim.test.", "good.test.", "www.victim.test."} {
		if m := w.ask(name, miekg.TypeSOA); m.Rcode != 0 || !m.AuthenticatedData {
			w.Errorf("SOA of %s\n%v", name, m)
		}
	}
	w.untouched()
	w.expect("u7.good.test.", "203.0.113.8")
}

// TestDL06: a zone whose own name is the hash of its parent's apex signs an NSEC3 that seems to be its parent's.
func TestDL06(t *testing.T) {
	hash := strings.ToLower(miekg.HashName("hashed.test.", miekg.SHA1, 0, ""))
	sub := hash + ".hashed.test."
	play(t, func(uint64) setting {
		return setting{zones: []site{
			{origin: "hashed.test.", ip: "192.0.2.40", denial: zone.NSEC3, text: "www A 198.51.100.9\n"},
			{origin: sub, ip: "192.0.2.41", denial: zone.NSEC3},
		}}
	}, func(w *world) {
		// The apex of the child, signed by the child, says: hashed.test. is all there is.
		apex := nsec3("hashed.test.", hash, strings.ToUpper(hash), 0, "", miekg.TypeNS, miekg.TypeSOA, miekg.TypeRRSIG, miekg.TypeDNSKEY, miekg.TypeNSEC3PARAM)
		child := w.zones[sub].Keys()[0]
		lie := by(child, apex)
		soa := rr("hashed.test. 300 SOA ns.hashed.test. x. 1 2 3 4 300")
		w.change("192.0.2.41", func(_ string, q, right *miekg.Msg) *miekg.Msg {
			switch {
			case strings.HasPrefix(lowered(q), "b") && q.Question[0].Qtype != miekg.TypeDS:
				own := by(child, rr(sub+" 300 SOA ns. x. 1 2 3 4 300"))
				return reply(q, miekg.RcodeNameError, nil, append(own, lie...), nil)
			}
			return right
		})
		w.change("192.0.2.40", func(_ string, q, right *miekg.Msg) *miekg.Msg {
			if strings.HasPrefix(lowered(q), "b") {
				return reply(q, miekg.RcodeNameError, nil, append(by(child, soa), lie...), nil)
			}
			return right
		})
		w.refuse("b1."+sub, miekg.TypeA)
		w.refuse("b2.hashed.test.", miekg.TypeA)
		w.expect("www.hashed.test.", "198.51.100.9")
		if m := w.ask("nothing.hashed.test.", miekg.TypeA); m.Rcode != miekg.RcodeNameError || !m.AuthenticatedData {
			w.Errorf("no proven denial\n%v", m)
		}
		w.untouched()
	})
}

// by is a record signed with a key of a zone.
func by(k *zone.Key, record miekg.RR) []miekg.RR {
	set := []miekg.RR{record}
	return append(set, k.Sign(set, time.Now().Add(-time.Hour), time.Now().Add(time.Hour)))
}

// TestDL12: the denial of a DS set by a zone other than the parent makes no signed zone insecure.
func TestDL12(t *testing.T) {
	apexes := map[string]string{
		"the child":       "victim.evil.test.",
		"the grandparent": "test.",
	}
	for name, signer := range apexes {
		t.Run("by "+name, func(t *testing.T) {
			play(t, same(setting{zones: []site{threeDeep()}}), func(w *world) { w.stripped(signer) })
		})
	}
}

// threeDeep is a signed zone below evil.test.; evil.test. is the middle of three here, and its victim below.
func threeDeep() site {
	return site{origin: "victim.evil.test.", ip: "192.0.2.42", text: "www A 198.51.100.7\n"}
}

// stripped has the servers of evil.test. refer to the victim below it without its DS, and with a proof that is signed
// by another zone. First the record is in the cache, where a denial of the other zone left it; then it comes fresh.
func (w *world) stripped(signer string) {
	w.Helper()
	key := w.zones[signer].Keys()[0]
	proof := by(key, rr("victim.evil.test. 300 NSEC \\000.victim.evil.test. NS RRSIG NSEC"))
	soa := by(key, rr(signer+" 300 SOA ns. x. 1 2 3 4 300"))
	attacker := "192.0.2.66"
	w.listen("192.0.2.43", func(transport string, raw []byte, q *miekg.Msg) [][]byte {
		return [][]byte{w.pack(transport, q, reply(q, 0, []miekg.RR{rr(lowered(q) + " 60 A " + attacker)}, nil, nil))}
	})
	w.change(evilIP, func(_ string, q, right *miekg.Msg) *miekg.Msg {
		if !strings.HasSuffix(lowered(q), "victim.evil.test.") {
			return right
		}
		if q.Question[0].Qtype == miekg.TypeDS {
			return reply(q, 0, nil, append(soa, proof...), nil)
		}
		return referral(q, append([]miekg.RR{rr("victim.evil.test. 60 NS ns.victim.evil.test.")}, proof...), []miekg.RR{rr("ns.victim.evil.test. 60 A 192.0.2.43")})
	})
	w.refuse("www.victim.evil.test.", miekg.TypeA)
	if m := w.ask("victim.evil.test.", miekg.TypeDS); m.AuthenticatedData {
		w.Errorf("the DS is denied\n%v", m)
	}
	w.change(evilIP, nil)
	time.Sleep(6 * time.Second) // the failure is remembered for five
	w.expect("www.victim.evil.test.", "198.51.100.7")
}
