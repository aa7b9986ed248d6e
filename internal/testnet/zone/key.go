package zone

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/big"
	"time"

	"github.com/miekg/dns"
)

// AlgUnknown is an algorithm number nobody has assigned. Keys of it sign with
// bytes that mean nothing.
const AlgUnknown uint8 = 250

// Flags of the two kinds of zone keys (RFC 4034 section 2.1.1).
const (
	FlagsZSK uint16 = dns.ZONE
	FlagsKSK uint16 = dns.ZONE | dns.SEP
)

// keyTTL is the TTL of DNSKEY and DS records in seconds.
const keyTTL = 3600

// The two primes of the only RSA key. It is public on purpose: making RSA keys
// is slow, and a key that signs test data has nothing to hide.
const (
	rsaP = "fe4daf69851c0cfed23e6c3c535851d1624732935dec3b4ca23d65596c4858bc56ed69862d1cb12d396823ecf18836bb4a9347232c943a7467bc935c302ec66f" +
		"c6664d86e8ed089c60c4562493dde6f70405c354d6dd584c5283140261c07c26789f0412e5a68f5580c5b61872a7db298025836a15cefcc15b099344a8877edd"
	rsaQ = "f242bc97a685dcae5e07955cd960d4422b9ff8701a16cc40ecda9db339f60fa29672e84a9bfe44252a1c8e331b1af7a35f660c18e2cc8aa46f4c6b49205aeba7" +
		"f6bff6e0db57665e256dea6af381eb1b4d67a1d3c51042d3cf12822d643185df350e2ce2ed2cf36265e0f571bfe8142e1f8a82bd082b9332f0e1c614e25c372d"
)

// Key signs the records of one zone.
type Key struct {
	Public *dns.DNSKEY
	signer crypto.Signer // nil for AlgUnknown
}

// NewKey derives the key of a zone from its name, a label that tells keys of
// one zone apart, and the algorithm: the same input always gives the same key.
// Supported are RSASHA256, ECDSAP256SHA256, ED25519 and AlgUnknown; others panic.
func NewKey(origin, label string, alg uint8, flags uint16) *Key {
	seed := sha256.Sum256(fmt.Appendf(nil, "%s %s %d", origin, label, alg))
	signer, public := derive(alg, seed)
	return &Key{
		Public: &dns.DNSKEY{
			Hdr:       dns.RR_Header{Name: origin, Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: keyTTL},
			Flags:     flags,
			Protocol:  3,
			Algorithm: alg,
			PublicKey: base64.StdEncoding.EncodeToString(public),
		},
		signer: signer,
	}
}

// derive makes the private key and the public key field of the DNSKEY.
func derive(alg uint8, seed [32]byte) (crypto.Signer, []byte) {
	switch alg {
	case dns.ECDSAP256SHA256:
		return deriveECDSA(seed)
	case dns.ED25519:
		k := ed25519.NewKeyFromSeed(seed[:])
		return k, k.Public().(ed25519.PublicKey)
	case dns.RSASHA256:
		return fixedRSA()
	case AlgUnknown:
		return nil, seed[:]
	}
	panic(fmt.Sprintf("BUG: no test key of algorithm %d", alg))
}

func deriveECDSA(seed [32]byte) (crypto.Signer, []byte) {
	for {
		k, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), seed[:])
		if err != nil { // not below the group order: one seed in 2^32
			seed = sha256.Sum256(seed[:])
			continue
		}
		point, err := k.PublicKey.Bytes()
		if err != nil {
			panic("BUG: " + err.Error())
		}
		return k, point[1:] // without the "uncompressed" mark (RFC 6605 section 4)
	}
}

func fixedRSA() (crypto.Signer, []byte) {
	p, _ := new(big.Int).SetString(rsaP, 16)
	q, _ := new(big.Int).SetString(rsaQ, 16)
	one := big.NewInt(1)
	phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
	const e = 65537
	k := &rsa.PrivateKey{
		PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: e},
		D:         new(big.Int).ModInverse(big.NewInt(e), phi),
		Primes:    []*big.Int{p, q},
	}
	k.Precompute()
	return k, append([]byte{3, 1, 0, 1}, k.N.Bytes()...) // RFC 3110 section 2
}

// DS is the delegation signer record of the key with the given digest type.
// Digest types this package cannot compute get a digest that means nothing.
func (k *Key) DS(digest uint8) *dns.DS {
	if ds := k.Public.ToDS(digest); ds != nil {
		return ds
	}
	ds := k.Public.ToDS(dns.SHA256)
	ds.DigestType = digest
	return ds
}

// Sign makes the RRSIG of one RRset.
func (k *Key) Sign(set []dns.RR, inception, expiration time.Time) *dns.RRSIG {
	h := set[0].Header()
	sig := &dns.RRSIG{
		Hdr:         dns.RR_Header{Name: h.Name, Rrtype: dns.TypeRRSIG, Class: dns.ClassINET, Ttl: h.Ttl},
		TypeCovered: h.Rrtype,
		Algorithm:   k.Public.Algorithm,
		Labels:      uint8(dns.CountLabel(h.Name)),
		OrigTtl:     h.Ttl,
		Expiration:  uint32(expiration.Unix()),
		Inception:   uint32(inception.Unix()),
		KeyTag:      k.Public.KeyTag(),
		SignerName:  k.Public.Hdr.Name,
	}
	if k.signer == nil {
		noise := sha256.Sum256([]byte(h.String()))
		sig.Signature = base64.StdEncoding.EncodeToString(noise[:])
		return sig
	}
	if err := sig.Sign(k.signer, set); err != nil {
		panic(fmt.Sprintf("BUG: cannot sign %s %s: %v", h.Name, dns.TypeToString[h.Rrtype], err))
	}
	return sig
}
