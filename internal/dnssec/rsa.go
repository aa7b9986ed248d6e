package dnssec

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"encoding/binary"
	"math"
	"math/big"
	"math/bits"

	"knot-resolver/internal/limits"
)

// parseRSA reads exponent and modulus (RFC 3110 section 2). Keys whose use would cost too much are refused here,
// before any arithmetic is done with them.
func parseRSA(raw []byte, hash crypto.Hash) (publicKey, error) {
	exponent, modulus, ok := splitRSA(raw)
	if !ok || len(exponent) > 8 || len(modulus) > limits.RSAModulusBits/8 {
		return publicKey{}, errKey
	}
	var e uint64
	for _, c := range exponent {
		e = e<<8 | uint64(c)
	}
	n := new(big.Int).SetBytes(modulus)
	if e < 3 || e&1 == 0 || e > limits.RSAExponent || n.BitLen() < limits.RSAModulusMinBits || n.Bit(0) == 0 {
		return publicKey{}, errKey
	}
	key := publicKey{weight: rsaWeight(n.BitLen(), e)}
	if n.BitLen() >= 1024 && e <= math.MaxInt32 {
		key.verify = func(signed, signature []byte) bool {
			public := rsa.PublicKey{N: n, E: int(e)}
			return rsa.VerifyPKCS1v15(&public, hash, digest(hash, signed), signature) == nil
		}
		return key, nil
	}
	key.verify = func(signed, signature []byte) bool {
		return verifyOddRSA(n, e, hash, digest(hash, signed), signature)
	}
	return key, nil
}

// splitRSA divides the key at the length of the exponent: one octet, or zero and two octets. Leading zero octets are dropped.
func splitRSA(raw []byte) (exponent, modulus []byte, ok bool) {
	if len(raw) < 3 {
		return nil, nil, false
	}
	length, rest := int(raw[0]), raw[1:]
	if length == 0 {
		length, rest = int(binary.BigEndian.Uint16(rest)), rest[2:]
	}
	if length == 0 || length >= len(rest) {
		return nil, nil, false
	}
	return bytes.TrimLeft(rest[:length], "\x00"), bytes.TrimLeft(rest[length:], "\x00"), true
}

// rsaWeight estimates the cost of one verification: a multiplication costs the square of the modulus, and there is one for
// every bit of the exponent and another for every bit set. The divisor makes 4096 bits with e = 65537 cost 4 units.
func rsaWeight(modulusBits int, e uint64) int {
	multiplications := bits.Len64(e) + bits.OnesCount64(e)
	return 1 + modulusBits*modulusBits*multiplications/100_000_000
}

// verifyOddRSA checks PKCS #1 v1.5 signatures (RFC 8017 section 8.2.2) for the keys crypto/rsa refuses though DNSSEC
// allows them: below 1024 bits, and exponents above 31 bits. All inputs are public, so time may depend on them.
func verifyOddRSA(n *big.Int, e uint64, hash crypto.Hash, digest, signature []byte) bool {
	size := (n.BitLen() + 7) / 8
	s := new(big.Int).SetBytes(signature)
	prefix := pkcs1Prefix(hash)
	padding := size - 3 - len(prefix) - len(digest)
	if len(signature) != size || s.Cmp(n) >= 0 || padding < 8 {
		return false
	}
	want := make([]byte, 0, size)
	want = append(want, 0, 1)
	want = append(want, bytes.Repeat([]byte{0xff}, padding)...)
	want = append(want, 0)
	want = append(append(want, prefix...), digest...)
	got := new(big.Int).Exp(s, new(big.Int).SetUint64(e), n)
	return bytes.Equal(got.FillBytes(make([]byte, size)), want)
}

// pkcs1Prefix is the DER form of a DigestInfo up to the digest (RFC 8017 section 9.2).
func pkcs1Prefix(hash crypto.Hash) string {
	switch hash {
	case crypto.SHA1:
		return "\x30\x21\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00\x04\x14"
	case crypto.SHA256:
		return "\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"
	case crypto.SHA512:
		return "\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x40"
	}
	panic("BUG: no DigestInfo for " + hash.String())
}
