package zone

import (
	"encoding/base64"
	"fmt"
	"time"

	"github.com/miekg/dns"
)

// sign adds the denial chain and the signatures of everything authoritative.
func (z *Zone) sign() {
	if z.cfg.Denial != NSEC {
		z.add(z.nsec3Param())
	}
	for _, n := range z.nodes {
		for qtype, set := range n.sets {
			if n.isSigned(qtype) {
				n.sigs[qtype] = z.signatures(set)
			}
		}
	}
	if z.cfg.Denial == NSEC {
		z.denial = newNSECChain(z)
	} else {
		z.denial = newNSEC3Chain(z)
	}
}

// isSigned tells whether the zone signs the RRset: at a cut only the DS set is
// its own, below it nothing is (RFC 4035 section 2.2).
func (n *node) isSigned(qtype uint16) bool {
	if n.glue {
		return false
	}
	return !n.isCut() || qtype == dns.TypeDS || qtype == dns.TypeNSEC
}

func (z *Zone) signatures(set []dns.RR) []dns.RR {
	var sigs []dns.RR
	for _, k := range z.signers(set[0].Header().Rrtype) {
		sigs = append(sigs, k.Sign(set, z.cfg.Inception, z.cfg.Expiration))
	}
	return sigs
}

// signers are the keys that sign RRsets of a type.
func (z *Zone) signers(qtype uint16) []*Key {
	want := FlagsZSK
	if qtype == dns.TypeDNSKEY {
		want = FlagsKSK
	}
	var keys []*Key
	for _, k := range z.cfg.Keys {
		if k.Public.Flags == want {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return z.cfg.Keys
	}
	return keys
}

// Corrupt flips a bit in every signature of the RRset.
func (z *Zone) Corrupt(name string, qtype uint16) {
	for _, rr := range z.mustSigs(name, qtype) {
		sig := rr.(*dns.RRSIG)
		raw, err := base64.StdEncoding.DecodeString(sig.Signature)
		if err != nil {
			panic("BUG: " + err.Error())
		}
		raw[len(raw)/2] ^= 1
		sig.Signature = base64.StdEncoding.EncodeToString(raw)
	}
}

// Unsign removes the signatures of the RRset.
func (z *Zone) Unsign(name string, qtype uint16) {
	z.mustSigs(name, qtype)
	delete(z.nodes[name].sigs, qtype)
}

// Resign replaces the signatures of the RRset by one of the given key, which
// need not be a key of the zone, valid in the given span.
func (z *Zone) Resign(name string, qtype uint16, k *Key, inception, expiration time.Time) {
	z.mustSigs(name, qtype)
	n := z.nodes[name]
	n.sigs[qtype] = []dns.RR{k.Sign(n.sets[qtype], inception, expiration)}
}

// DropDenial makes the zone forget its NSEC or NSEC3 records: negative answers
// and referrals come without proof.
func (z *Zone) DropDenial() { z.denial = nil }

func (z *Zone) mustSigs(name string, qtype uint16) []dns.RR {
	n := z.nodes[name]
	if n == nil || len(n.sigs[qtype]) == 0 {
		panic(fmt.Sprintf("BUG: %s %s has no signatures to break", name, dns.TypeToString[qtype]))
	}
	return n.sigs[qtype]
}
