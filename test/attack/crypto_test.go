package attack

import (
	"encoding/base64"
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/limits"
)

// cpu is the processor time this process used so far.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// colliding makes n keys of one tag: the reserved bits of the flags make up for what the key adds to the sum.
func colliding(n int, generate func() *miekg.DNSKEY) []miekg.RR {
	keys := []miekg.RR{generate()}
	tag := keys[0].(*miekg.DNSKEY).KeyTag()
	for len(keys) < n {
		k := generate()
		k.Flags = 0
		k.Flags = uint16((int(tag) - int(k.KeyTag()) + 65535) % 65535)
		if k.Flags&miekg.ZONE != 0 && k.Flags&miekg.REVOKE == 0 && k.KeyTag() == tag {
			keys = append(keys, k)
		}
	}
	return keys
}

// keyOf makes a generator of keys of a zone that are real, or no points of the curve at all.
func keyOf(zone string, real bool) func() *miekg.DNSKEY {
	noise := byte(0)
	return func() *miekg.DNSKEY {
		if real {
			return newSigner(miekg.ECDSAP384SHA384).public(zone)
		}
		k := newSignerless(zone)
		noise++
		octets := slices.Repeat([]byte{noise}, 96)
		k.PublicKey = base64.StdEncoding.EncodeToString(octets)
		return k
	}
}

func newSignerless(zone string) *miekg.DNSKEY {
	return &miekg.DNSKEY{Hdr: miekg.RR_Header{Name: zone, Rrtype: miekg.TypeDNSKEY, Class: miekg.ClassINET, Ttl: 3600}, Flags: 257, Protocol: 3, Algorithm: miekg.ECDSAP384SHA384}
}

// badSignatures are n signatures of a set that say they were made with a key, and were not.
func (w *world) badSignatures(set miekg.RR, zone string, tag uint16, n int) []miekg.RR {
	sig := w.key.sign(zone, []miekg.RR{set})
	sig.Algorithm, sig.KeyTag = miekg.ECDSAP384SHA384, tag
	var sigs []miekg.RR
	for range n {
		s := *sig
		octets := make([]byte, 96)
		for i := range octets {
			octets[i] = byte(w.rng.Uint32())
		}
		s.Signature = base64.StdEncoding.EncodeToString(octets)
		sigs = append(sigs, &s)
	}
	return sigs
}

// crypto checks what signatures cost; the way to the parent zone was known.
func (w *world) crypto(checks float64, took time.Duration) {
	w.Helper()
	w.atMost("V", float64(w.used(limits.KindSignatureChecks)), checks)
	w.atMost("VF", float64(w.used(limits.KindSignatureFailures)), 8)
	w.atMost("D", float64(w.used(limits.KindDigests)), 16)
	w.atMost("units of P-256", float64(w.used(limits.KindCryptoUnits)), 400)
	w.atMost("CPU ms", float64(took.Microseconds())/1000, 50*slow)
}

// keyTrap asks for a name of a zone with many keys of one tag and many bad signatures.
func keyTrap(t *testing.T, keys []miekg.RR, signatures int, checks float64) {
	t.Run(fmt.Sprintf("%d keys %d signatures", len(keys), signatures), func(t *testing.T) {
		set := site{origin: "evil.test.", ip: evilIP, text: "www A 192.0.2.66\n", extra: keys}
		play(t, same(setting{zones: []site{set}}), func(w *world) {
			a := rr("www.evil.test. 60 A 192.0.2.66")
			answer := append([]miekg.RR{a}, w.badSignatures(a, "evil.test.", keys[0].(*miekg.DNSKEY).KeyTag(), signatures)...)
			w.change(evilIP, func(_ string, q, right *miekg.Msg) *miekg.Msg {
				if q.Question[0].Qtype == miekg.TypeA {
					return reply(q, 0, answer, nil, nil)
				}
				return right
			})
			start := cpu()
			m := w.refuse("www.evil.test.", miekg.TypeA)
			w.crypto(checks, cpu()-start)
			if code := ede(m); code != int(miekg.ExtendedErrorCodeDNSBogus) && code != int(miekg.ExtendedErrorCodeDNSKEYMissing) {
				w.Errorf("EDE %d", code)
			}
		})
	})
}

// TestDW01: KeyTrap. With P-384 each check costs twelve times what it costs with P-256.
func TestDW01(t *testing.T) {
	keys := colliding(582, keyOf("evil.test.", true))
	keyTrap(t, keys, 340, 16)
	keyTrap(t, keys[:200], 200, 16)
	keyTrap(t, keys[:50], 50, 16)
	keyTrap(t, keys[:5], 200, 16)
}

// TestDW02: SigJam, LockCram and HashTrap.
func TestDW02(t *testing.T) {
	keys := colliding(300, keyOf("evil.test.", true))
	keyTrap(t, keys[:1], 450, 10) // two more are for the keys of the zone and their DS
	keyTrap(t, keys[:240], 1, 10)
	for _, n := range []int{8, 200, 300} {
		t.Run(fmt.Sprintf("%d DS %d keys", n, n), func(t *testing.T) {
			subKeys := make([]miekg.RR, n)
			for i := range subKeys {
				k := *keys[i].(*miekg.DNSKEY)
				k.Hdr.Name = "sub.evil.test."
				subKeys[i] = &k
			}
			play(t, nil, func(w *world) { w.hashTrap(subKeys) })
		})
	}
}

// hashTrap has a delegation with as many DS as keys; the tags fit and no digest does.
func (w *world) hashTrap(keys []miekg.RR) {
	var set []miekg.RR
	for i, k := range keys {
		ds := k.(*miekg.DNSKEY).ToDS(miekg.SHA256)
		ds.Digest = fmt.Sprintf("%04x", i) + ds.Digest[4:]
		set = append(set, ds)
	}
	signed := w.key.signed("evil.test.", set...)
	answer := append(slices.Clone(keys), w.badSignatures(keys[0], "sub.evil.test.", keys[0].(*miekg.DNSKEY).KeyTag(), 8)...)
	w.change(evilIP, func(_ string, q, right *miekg.Msg) *miekg.Msg {
		switch {
		case lowered(q) == "evil.test.":
			return right
		case q.Question[0].Qtype == miekg.TypeDNSKEY:
			return reply(q, 0, answer, nil, nil)
		case q.Question[0].Qtype == miekg.TypeDS:
			return reply(q, 0, signed, nil, nil)
		case q.Question[0].Qtype == miekg.TypeA:
			return reply(q, 0, []miekg.RR{rr(lowered(q) + " 60 A 192.0.2.66")}, nil, nil)
		}
		return referral(q, append([]miekg.RR{rr("sub.evil.test. 60 NS ns.sub.evil.test.")}, signed...), []miekg.RR{rr("ns.sub.evil.test. 60 A " + evilIP)})
	})
	start := cpu()
	w.refuse("www.sub.evil.test.", miekg.TypeA)
	w.crypto(16, cpu()-start)
}

// TestDW03: keys that match but are no keys.
func TestDW03(t *testing.T) {
	keyTrap(t, colliding(100, keyOf("evil.test.", false)), 100, 16)
}
