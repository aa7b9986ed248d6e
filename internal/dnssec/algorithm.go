package dnssec

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"errors"
	"math/big"
	"strconv"

	// Hashes of the algorithms below.
	_ "crypto/sha1"
	_ "crypto/sha256"
	_ "crypto/sha512"

	"github.com/cloudflare/circl/sign/ed448"
)

// Algorithm numbers (RFC 8624 section 3.1).
const (
	algRSASHA1      = 5
	algRSASHA1NSEC3 = 7
	algRSASHA256    = 8
	algRSASHA512    = 10
	algECDSAP256    = 13
	algECDSAP384    = 14
	algED25519      = 15
	algED448        = 16
)

// algorithmName returns the mnemonic of an algorithm number for messages.
func algorithmName(number uint8) string {
	names := [...]string{algRSASHA1: "RSASHA1", algRSASHA1NSEC3: "RSASHA1-NSEC3-SHA1", algRSASHA256: "RSASHA256", algRSASHA512: "RSASHA512",
		algECDSAP256: "ECDSAP256SHA256", algECDSAP384: "ECDSAP384SHA384", algED25519: "ED25519", algED448: "ED448"}
	if int(number) < len(names) && names[number] != "" {
		return names[number]
	}
	return "algorithm " + strconv.Itoa(int(number))
}

// errKey says that a public key is not of the form its algorithm prescribes, or too costly to use.
var errKey = errors.New("unusable public key")

// publicKey is a key ready for use: what one check costs, in units of one P-256 check, and the check.
type publicKey struct {
	weight int
	verify func(signed, signature []byte) bool
}

// Costs in units of one P-256 verification (about 0.1 ms, security.md 0.4).
const (
	weightP256    = 1
	weightP384    = 12
	weightEd25519 = 1
	weightEd448   = 4
)

// parsePublicKey reads the public key field of a DNSKEY. Algorithms that are not implemented give errKey.
func parsePublicKey(algorithm uint8, raw []byte) (publicKey, error) {
	switch algorithm {
	case algRSASHA1, algRSASHA1NSEC3:
		return parseRSA(raw, crypto.SHA1)
	case algRSASHA256:
		return parseRSA(raw, crypto.SHA256)
	case algRSASHA512:
		return parseRSA(raw, crypto.SHA512)
	case algECDSAP256:
		return parseECDSA(raw, elliptic.P256(), crypto.SHA256, weightP256)
	case algECDSAP384:
		return parseECDSA(raw, elliptic.P384(), crypto.SHA384, weightP384)
	case algED25519:
		if len(raw) != ed25519.PublicKeySize {
			return publicKey{}, errKey
		}
		return publicKey{weightEd25519, func(signed, signature []byte) bool {
			return ed25519.Verify(raw, signed, signature)
		}}, nil
	case algED448:
		if len(raw) != ed448.PublicKeySize {
			return publicKey{}, errKey
		}
		return publicKey{weightEd448, func(signed, signature []byte) bool {
			return ed448.Verify(raw, signed, signature, "")
		}}, nil
	}
	return publicKey{}, errKey
}

// parseECDSA reads the two coordinates of a point (RFC 6605 section 4).
func parseECDSA(raw []byte, curve elliptic.Curve, hash crypto.Hash, weight int) (publicKey, error) {
	size := curve.Params().BitSize / 8
	if len(raw) != 2*size {
		return publicKey{}, errKey
	}
	key, err := ecdsa.ParseUncompressedPublicKey(curve, append([]byte{4}, raw...))
	if err != nil {
		return publicKey{}, errKey
	}
	return publicKey{weight, func(signed, signature []byte) bool {
		if len(signature) != 2*size {
			return false
		}
		r, s := new(big.Int).SetBytes(signature[:size]), new(big.Int).SetBytes(signature[size:])
		return ecdsa.Verify(key, digest(hash, signed), r, s)
	}}, nil
}

func digest(hash crypto.Hash, data []byte) []byte {
	h := hash.New()
	h.Write(data)
	return h.Sum(nil)
}
