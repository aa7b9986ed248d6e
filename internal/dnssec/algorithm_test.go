package dnssec

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"math/big"
	"testing"

	"github.com/cloudflare/circl/sign/ed448"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/limits"
)

// rsaKey makes a key with any exponent and size.
func rsaKey(t *testing.T, bits int, exponent uint64) (raw []byte, sign func(hash crypto.Hash, data []byte) []byte) {
	t.Helper()
	e := new(big.Int).SetUint64(exponent)
	one := big.NewInt(1)
	for {
		p, err1 := rand.Prime(rand.Reader, bits/2)
		q, err2 := rand.Prime(rand.Reader, bits-bits/2)
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		n := new(big.Int).Mul(p, q)
		phi := new(big.Int).Mul(p.Sub(p, one), q.Sub(q, one))
		d := new(big.Int).ModInverse(e, phi)
		if d == nil || n.BitLen() != bits {
			continue
		}
		raw = append(append([]byte{byte(len(e.Bytes()))}, e.Bytes()...), n.Bytes()...)
		return raw, func(hash crypto.Hash, data []byte) []byte {
			info := append([]byte(pkcs1Prefix(hash)), digest(hash, data)...)
			size := (bits + 7) / 8
			em := append([]byte{0, 1}, bytes.Repeat([]byte{0xff}, size-3-len(info))...)
			em = append(append(em, 0), info...)
			return new(big.Int).Exp(new(big.Int).SetBytes(em), d, n).FillBytes(make([]byte, size))
		}
	}
}

// Keys crypto/rsa refuses take another path; both must agree on what a good signature is.
func TestRSASizesAndExponents(t *testing.T) {
	data := []byte("signed octets")
	for _, bits := range []int{512, 768, 1000, 1024, 1031} {
		for _, exponent := range []uint64{3, 65537, 1<<31 - 1, limits.RSAExponent} {
			raw, sign := rsaKey(t, bits, exponent)
			for number, hash := range map[uint8]crypto.Hash{algRSASHA1: crypto.SHA1, algRSASHA256: crypto.SHA256, algRSASHA512: crypto.SHA512} {
				if hash == crypto.SHA512 && bits < 1000 {
					continue // does not fit
				}
				public, err := parsePublicKey(number, raw)
				if err != nil {
					t.Fatalf("%d bits, e=%d: %v", bits, exponent, err)
				}
				good := sign(hash, data)
				if !public.verify(data, good) {
					t.Errorf("%s, %d bits, e=%d: good signature refused", algorithmName(number), bits, exponent)
				}
				for name, bad := range map[string][]byte{
					"changed": flip(good, len(good)/2), "cut": good[1:], "padded": append([]byte{0}, good...), "empty": nil,
					"with the modulus added": plus(good, raw[1+raw[0]:]),
					"all ones":               bytes.Repeat([]byte{0xff}, len(good)),
				} {
					if public.verify(data, bad) {
						t.Errorf("%s, %d bits, e=%d: %s signature accepted", algorithmName(number), bits, exponent, name)
					}
				}
				if public.verify([]byte("other octets"), good) {
					t.Errorf("%s, %d bits, e=%d: other data accepted", algorithmName(number), bits, exponent)
				}
			}
		}
	}
}

// plus adds the modulus: the same number modulo n, and if there is room of the same length.
func plus(signature, modulus []byte) []byte {
	sum := new(big.Int).Add(new(big.Int).SetBytes(signature), new(big.Int).SetBytes(modulus))
	if len(sum.Bytes()) > len(signature) {
		return sum.Bytes()
	}
	return sum.FillBytes(make([]byte, len(signature)))
}

func flip(b []byte, i int) []byte {
	c := bytes.Clone(b)
	c[i] ^= 1
	return c
}

// A 512-bit modulus has no room for a SHA-512 signature.
func TestRSATooSmallForHash(t *testing.T) {
	raw, _ := rsaKey(t, 512, 65537)
	public, err := parsePublicKey(algRSASHA512, raw)
	if err != nil || public.verify(nil, make([]byte, 64)) {
		t.Errorf("got %v", err)
	}
}

func TestUnusableKeys(t *testing.T) {
	for number, lengths := range map[uint8][]int{
		algECDSAP256: {0, 63, 65, 64}, algECDSAP384: {0, 95, 97, 96}, algED25519: {0, 31, 33}, algED448: {0, 56, 58}, 0: {0, 64}, 12: {64}, 200: {64},
	} {
		for _, n := range lengths { // of the right lengths, the octets are no point of the curve
			if _, err := parsePublicKey(number, bytes.Repeat([]byte{1}, n)); err == nil {
				t.Errorf("%s: %d octets accepted", algorithmName(number), n)
			}
		}
	}
}

func TestSignatureLengths(t *testing.T) {
	edPublic, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ed448Public, _, err := ed448.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p256 := newP256(t, "test.")
	for number, raw := range map[uint8][]byte{algED25519: edPublic, algED448: ed448Public, algECDSAP256: p256.keys(New(Options{})).keys[0].PublicKey} {
		public, err := parsePublicKey(number, raw)
		if err != nil {
			t.Fatal(err)
		}
		for n := range 130 {
			if public.verify([]byte("data"), make([]byte, n)) {
				t.Errorf("%s: %d zero octets accepted", algorithmName(number), n)
			}
		}
	}
}

func TestSignedOwner(t *testing.T) {
	for _, c := range []struct {
		owner  string
		labels int
		want   string
	}{{"www.z.", 2, "www.z."}, {"www.z.", 1, "*.z."}, {"www.z.", 0, "*."}, {"*.z.", 1, "*.z."}, {"*.z.", 0, "*."}, {".", 0, "."}, {"a.*.z.", 3, "a.*.z."}} {
		if got := signedOwner(dns.MustName(c.owner), c.labels); got != dns.MustName(c.want) {
			t.Errorf("%s with %d labels: got %v, want %s", c.owner, c.labels, got, c.want)
		}
	}
}

// BenchmarkVerify shows whether the weights are in proportion.
func BenchmarkVerify(b *testing.B) {
	data := make([]byte, 300)
	run := func(name string, number uint8, raw, signature []byte) {
		public, err := parsePublicKey(number, raw)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("%s/weight=%d", name, public.weight), func(b *testing.B) {
			for b.Loop() {
				public.verify(data, signature)
			}
		})
	}
	t := new(testing.T)
	for _, s := range []*signer{newP256(t, "test."), newSigner(t, "test.", algECDSAP384, 384), newSigner(t, "test.", algED25519, 256), newSigner(t, "test.", algRSASHA256, 2048)} {
		set := s.sign("www.test. 300 IN A 192.0.2.1")
		sig, err := dns.ParseRRSIG(set.Sigs.First())
		if err != nil {
			b.Fatal(err)
		}
		run(algorithmName(s.key.Algorithm), s.key.Algorithm, s.keys(New(Options{})).keys[0].PublicKey, sig.Signature)
	}
	public, private, err := ed448.GenerateKey(rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	run("ED448", algED448, public, ed448.Sign(private, data, ""))
	odd, sign := rsaKey(t, 1024, limits.RSAExponent)
	run("RSA-1024-F5", algRSASHA256, odd, sign(crypto.SHA256, data))
	modulus := new(big.Int).SetBit(new(big.Int).Lsh(big.NewInt(1), 4095), 0, 1).Bytes()
	for _, e := range [][]byte{{3, 1, 0, 1}, {4, 0x7f, 0xff, 0xff, 0xff}, {5, 1, 0, 0, 0, 1}} {
		run(fmt.Sprintf("RSA-4096-%x", e[1:]), algRSASHA256, append(e, modulus...), bytes.Repeat([]byte{0x55}, 512))
	}
}
