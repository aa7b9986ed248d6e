package dnssec

import (
	"bytes"
	"slices"
	"time"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/limits"
)

// key is one DNSKEY record. Its public key is parsed only when a signature names it.
type key struct {
	dns.DNSKEY
	tag   uint16
	rdata []byte
}

// Keys is the validated keys of one zone. It is immutable.
type Keys struct {
	Zone    dns.Name
	TTL     uint32    // seconds for which the keys may be kept
	Expires time.Time // end of the signature over the DNSKEY set
	keys    []key
}

// matching returns the keys that a signature or DS may mean: at most limits.KeysPerTag.
func matching(keys []key, algorithm uint8, tag uint16) []*key {
	var found []*key
	for i := range keys {
		if keys[i].tag == tag && keys[i].Algorithm == algorithm && len(found) < limits.KeysPerTag {
			found = append(found, &keys[i])
		}
	}
	return found
}

// Keys validates the DNSKEY set of anchor.Zone: a key that the anchor names must have signed the set
// (RFC 4035 section 5.2). Any one such key is enough, whatever its algorithm (RFC 6840 section 5.11).
func (v *Validator) Keys(set *dns.RRset, anchor Anchor, now time.Time, b *limits.Budget) (*Keys, Verdict) {
	anchor, verdict := v.Usable(anchor)
	if verdict.State != Secure {
		return nil, verdict
	}
	if set.Type != dns.TypeDNSKEY || set.Owner != anchor.Zone || len(set.RDatas) == 0 {
		return nil, bogus(dns.EDEDNSKEYMissing, "no DNSKEY of %v", anchor.Zone)
	}
	all := parseKeys(set)
	failure := Verdict{}
	for _, named := range entryPoints(anchor, all) {
		ok, err := named.matches(anchor.Zone, b)
		if err != nil {
			return nil, overBudget("DNSKEY of "+anchor.Zone.String(), err)
		}
		if !ok {
			failure = worse(failure, bogus(dns.EDEDNSKEYMissing, "DNSKEY %d of %v does not match its DS", named.key.tag, anchor.Zone))
			continue
		}
		if flaw := keyFlaw(anchor.Zone, named.key); flaw.State == Bogus {
			failure = worse(failure, flaw)
			continue
		}
		signed, verdict := v.verify(set, anchor.Zone, []key{*named.key}, now, b)
		if verdict.State == Secure {
			return v.zoneKeys(anchor.Zone, all, signed), verdict
		}
		failure = worse(failure, verdict)
	}
	if failure.State != Bogus {
		failure = bogus(dns.EDEDNSKEYMissing, "no DNSKEY of %v is named by its DS or trust anchor", anchor.Zone)
	}
	return nil, failure
}

// Trusted wraps a DNSKEY set that has been validated before, for example one kept in a cache.
func (v *Validator) Trusted(set *dns.RRset, expires time.Time) *Keys {
	return v.zoneKeys(set.Owner, parseKeys(set), Signed{TTL: set.TTL, Expiration: expires})
}

// zoneKeys keeps the keys that may sign data of the zone.
func (v *Validator) zoneKeys(zone dns.Name, all []key, signed Signed) *Keys {
	keys := slices.DeleteFunc(all, func(k key) bool {
		return keyFlaw(zone, &k).State == Bogus || !v.supports(k.Algorithm)
	})
	return &Keys{Zone: zone, TTL: signed.TTL, Expires: signed.Expiration, keys: keys}
}

// entryPoint is a key with the anchor record that has its tag and algorithm.
type entryPoint struct {
	key    *key
	ds     *dns.DS
	dnskey *dns.DNSKEY
}

func entryPoints(anchor Anchor, all []key) []entryPoint {
	var found []entryPoint
	for i := range anchor.DS {
		ds := &anchor.DS[i]
		for _, k := range matching(all, ds.Algorithm, ds.KeyTag) {
			found = append(found, entryPoint{key: k, ds: ds})
		}
	}
	for i := range anchor.Keys {
		for j := range all {
			if bytes.Equal(anchor.Keys[i].PublicKey, all[j].PublicKey) {
				found = append(found, entryPoint{key: &all[j], dnskey: &anchor.Keys[i]})
			}
		}
	}
	return found
}

func (e entryPoint) matches(zone dns.Name, b *limits.Budget) (bool, error) {
	if e.ds != nil {
		return dsMatches(e.ds, zone, e.key, b)
	}
	return e.dnskey.Algorithm == e.key.Algorithm, nil
}

// keyFlaw says why a key must not sign data of the zone (RFC 4034 section 2.1, RFC 5011 section 2.1).
func keyFlaw(zone dns.Name, k *key) Verdict {
	switch {
	case k.Flags&dns.KeyFlagZone == 0:
		return bogus(dns.EDENoZoneKeyBit, "DNSKEY %d of %v is no zone key", k.tag, zone)
	case k.Flags&dns.KeyFlagRevoke != 0:
		return bogus(dns.EDEDNSKEYMissing, "DNSKEY %d of %v is revoked", k.tag, zone)
	case k.Protocol != 3:
		return bogus(dns.EDEDNSKEYMissing, "DNSKEY %d of %v has protocol %d instead of 3", k.tag, zone, k.Protocol)
	}
	return Verdict{}
}

// parseKeys copies the keys out of a set; malformed ones are left out.
func parseKeys(set *dns.RRset) []key {
	rdatas := dns.RDatas(bytes.Clone(set.RDatas))
	keys := make([]key, 0, rdatas.Count())
	for rdata := range rdatas.All() {
		if parsed, err := dns.ParseDNSKEY(rdata); err == nil {
			keys = append(keys, key{parsed, dns.KeyTag(rdata), rdata})
		}
	}
	return keys
}
