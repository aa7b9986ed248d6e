package dnssec

import (
	"bytes"
	"crypto"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/limits"
)

// DS digest types (RFC 4034, RFC 4509, RFC 6605).
const (
	digestSHA1   = 1
	digestSHA256 = 2
	digestSHA384 = 4
)

func (v *Validator) supportsDigest(t uint8) bool {
	return t == digestSHA256 || t == digestSHA384 || t == digestSHA1 && v.options.SHA1
}

// dsMatches compares a DS with the digest of a key (RFC 4034 section 5.1.4).
func dsMatches(ds *dns.DS, zone dns.Name, k *key, b *limits.Budget) (bool, error) {
	if err := b.Charge(limits.KindDigests, 1); err != nil {
		return false, err
	}
	return dsDigests(ds, zone, k.rdata), nil
}

// dsDigests says whether ds has the digest of the key with this RDATA.
func dsDigests(ds *dns.DS, zone dns.Name, rdata []byte) bool {
	hash := crypto.SHA256
	switch ds.DigestType {
	case digestSHA1:
		hash = crypto.SHA1
	case digestSHA384:
		hash = crypto.SHA384
	}
	return bytes.Equal(digest(hash, append([]byte(zone), rdata...)), ds.Digest)
}
