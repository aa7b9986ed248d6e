package dnssec

import (
	"bytes"
	"encoding/binary"
	"slices"
	"time"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/limits"
)

// Tags returns the key tags of an anchor, ascending, each once.
func (a Anchor) Tags() []uint16 {
	var tags []uint16
	for i := range a.DS {
		tags = append(tags, a.DS[i].KeyTag)
	}
	for i := range a.Keys {
		tags = append(tags, dns.KeyTag(keyRData(&a.Keys[i])))
	}
	slices.Sort(tags)
	return slices.Compact(tags)
}

// Names says whether a record of the anchor is, or is a digest of, the key with this RDATA.
func (a Anchor) Names(rdata []byte) bool {
	for i := range a.Keys {
		if bytes.Equal(keyRData(&a.Keys[i]), rdata) {
			return true
		}
	}
	return slices.ContainsFunc(a.DS, func(ds dns.DS) bool {
		return ds.KeyTag == dns.KeyTag(rdata) && dsDigests(&ds, a.Zone, rdata)
	})
}

// SignedBy says whether the key with this RDATA signed the set, whatever its flags say otherwise: by its own signature a
// revoked key proves that its owner revoked it (RFC 5011 section 2.1).
func (v *Validator) SignedBy(set *dns.RRset, rdata []byte, now time.Time, b *limits.Budget) bool {
	k, err := dns.ParseDNSKEY(rdata)
	if err != nil {
		return false
	}
	_, verdict := v.verify(set, set.Owner, []key{{k, dns.KeyTag(rdata), rdata}}, now, b)
	return verdict.State == Secure
}

func keyRData(k *dns.DNSKEY) []byte {
	rdata := binary.BigEndian.AppendUint16(nil, k.Flags)
	return append(append(rdata, k.Protocol, k.Algorithm), k.PublicKey...)
}
