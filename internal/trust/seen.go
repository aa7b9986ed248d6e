package trust

import (
	"bytes"
	"time"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/dnssec"
	"knot-resolver/internal/limits"
)

// Seen is what one DNSKEY set shows, its signatures already checked.
type Seen struct {
	Trusted bool          // a trusted key signed the set
	Keys    []SeenKey     // zone keys that are not revoked
	Revoked [][]byte      // RDATA, without the REVOKE bit, of revoked keys that signed the set themselves
	TTL     time.Duration // of the set
	Life    time.Duration // what is left of the signature of the trusted key
}

// SeenKey is a key in a DNSKEY set.
type SeenKey struct {
	RData []byte
	SEP   bool // meant to become a trust anchor, and usable as one
}

// Look checks a DNSKEY set with the trusted keys of a zone. Its cost is charged to b.
func Look(v *dnssec.Validator, z Zone, set *dns.RRset, now time.Time, b *limits.Budget) Seen {
	seen := Seen{TTL: time.Duration(set.TTL) * time.Second}
	keys, verdict := v.Keys(set, z.Anchor(), now, b)
	if verdict.State == dnssec.Secure {
		seen.Trusted, seen.Life = true, keys.Expires.Sub(now)
	} else if z.signed(v, set, now, b) {
		seen.Trusted, seen.Life = true, seen.TTL
	}
	for rdata := range set.RDatas.All() {
		key, err := dns.ParseDNSKEY(rdata)
		if err != nil || key.Protocol != 3 || key.Flags&dns.KeyFlagZone == 0 {
			continue
		}
		rdata = bytes.Clone(rdata)
		if key.Flags&dns.KeyFlagRevoke == 0 {
			_, usable := v.Usable(dnssec.Anchor{Zone: z.Name, Keys: []dns.DNSKEY{key}})
			sep := key.Flags&dns.KeyFlagSEP != 0 && usable.State == dnssec.Secure
			seen.Keys = append(seen.Keys, SeenKey{RData: rdata, SEP: sep})
			continue
		}
		was := unrevoked(rdata)
		if z.knows(was) && v.SignedBy(set, rdata, now, b) {
			seen.Revoked = append(seen.Revoked, was)
		}
	}
	return seen
}

// signed says whether a trusted key that is not in the set signed it: it may still say which keys there are, its own absence
// included (RFC 5011 section 4, event KeyRem), though not sign the zone's data.
func (z Zone) signed(v *dnssec.Validator, set *dns.RRset, now time.Time, b *limits.Budget) bool {
	for i := range z.Keys {
		k := &z.Keys[i]
		if k.State.Trusted() && k.Type == dns.TypeDNSKEY && !set.RDatas.Contains(k.RData) && v.SignedBy(set, k.RData, now, b) {
			return true
		}
	}
	return false
}

// unrevoked returns the RDATA of a DNSKEY as it was before it was revoked.
func unrevoked(rdata []byte) []byte {
	rdata = bytes.Clone(rdata)
	rdata[1] &^= dns.KeyFlagRevoke
	return rdata
}

func (z Zone) knows(rdata []byte) bool {
	for i := range z.Keys {
		if z.Keys[i].is(z.Name, rdata) {
			return true
		}
	}
	return false
}

// find returns the key in the set that k means, or nil.
func (s *Seen) find(zone dns.Name, k *Key) *SeenKey {
	for i := range s.Keys {
		if k.is(zone, s.Keys[i].RData) {
			return &s.Keys[i]
		}
	}
	return nil
}
