package dnssec

import (
	"encoding/binary"
	"fmt"
	"math/big"
	"strings"
	"testing"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/dns/dnstest"
	"knot-resolver/internal/limits"
)

// colliding returns n different DNSKEY RDATA with the algorithm and tag of k. Swapping 16-bit words of the
// public key keeps the tag.
func colliding(k *miekg.DNSKEY, n int) []dns.RRset {
	rdata := dnstest.RData(k)
	set := dns.RRset{Owner: dns.MustName(k.Hdr.Name), Type: dns.TypeDNSKEY, TTL: 3600}
	words := (len(rdata) - 4) / 2
	for i := 0; set.RDatas.Count() < n; i++ {
		twin := append([]byte(nil), rdata...)
		a, b := 4+2*(i%words), 4+2*(i/words%words)
		twin[a], twin[b], twin[a+1], twin[b+1] = twin[b], twin[a], twin[b+1], twin[a+1]
		if dns.KeyTag(twin) != k.KeyTag() {
			panic("the tag changed")
		}
		set.RDatas = set.RDatas.Append(twin)
	}
	return []dns.RRset{set}
}

// forge appends n wrong signatures by key tag to the set.
func forge(set *dns.RRset, s *signer, n int) {
	sig := dnstest.RData(s.signature(records(s.t, set.Owner.String()+" 300 IN A 192.0.2.99"), nil))
	binary.BigEndian.PutUint16(sig, uint16(set.Type))
	for i := range n {
		binary.BigEndian.PutUint32(sig[len(sig)-4:], uint32(i))
		set.Sigs = set.Sigs.Append(sig)
	}
}

// DW-01, KeySigTrap: many keys with one tag, many signatures.
func TestDW01ManyKeysManySignatures(t *testing.T) {
	for _, size := range []struct{ keys, sigs int }{{582, 340}, {50, 50}, {5, 200}} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			v := New(Options{})
			s := newSigner(t, "example.test.", algECDSAP384, 384)
			keys := v.Trusted(&colliding(s.key, size.keys)[0], now)
			set := dnstest.MustRRset("www.example.test. 300 IN A 192.0.2.1")
			forge(&set, s, size.sigs)
			b := new(limits.Budget)
			_, verdict := v.Verify(&set, keys, now, b)
			wantBogus(t, verdict, dns.EDEBogus, "")
			wantWithin(t, b, map[limits.Kind]int{limits.KindSignatureFailures: 8, limits.KindSignatureChecks: 16, limits.KindCryptoUnits: 200})

			// The same budget is used up for whatever comes next.
			before := spent(b)
			_, verdict = v.Verify(&set, keys, now, b)
			wantBogus(t, verdict, dns.EDEBogus, "more than 8 failed signature checks")
			if spent(b) != before {
				t.Errorf("went on from %s to %s", before, spent(b))
			}
		})
	}
}

// DW-02, SigJam: one key, many signatures.
func TestDW02ManySignatures(t *testing.T) {
	v := New(Options{})
	s := newP256(t, "example.test.")
	set := dnstest.MustRRset("www.example.test. 300 IN A 192.0.2.1")
	forge(&set, s, 1500)
	b := new(limits.Budget)
	_, verdict := v.Verify(&set, s.keys(v), now, b)
	wantBogus(t, verdict, dns.EDEBogus, "is wrong")
	wantWithin(t, b, map[limits.Kind]int{limits.KindSignatureChecks: 8})
}

// DW-02, LockCram: many keys, one signature.
func TestDW02ManyKeys(t *testing.T) {
	v := New(Options{})
	s := newSigner(t, "example.test.", algED25519, 256)
	set := dnstest.MustRRset("www.example.test. 300 IN A 192.0.2.1")
	forge(&set, s, 1)
	b := new(limits.Budget)
	_, verdict := v.Verify(&set, v.Trusted(&colliding(s.key, 1500)[0], now), now, b)
	wantBogus(t, verdict, dns.EDEBogus, "is wrong")
	wantWithin(t, b, map[limits.Kind]int{limits.KindSignatureChecks: 2})
}

// DW-02, HashTrap: many DS, many keys with the same tag.
func TestDW02ManyDigests(t *testing.T) {
	v := New(Options{})
	s := newSigner(t, "example.test.", algED25519, 256)
	set := colliding(s.key, 300)[0]
	forge(&set, s, 300)
	ds := dns.RRset{Owner: set.Owner, Type: dns.TypeDS}
	for i := range 300 {
		rdata := dnstest.RData(s.key.ToDS(digestSHA256))
		binary.BigEndian.PutUint16(rdata[4:], uint16(i))
		ds.RDatas = ds.RDatas.Append(rdata)
	}
	anchor, verdict := v.Delegation(&ds)
	wantState(t, verdict, Secure)
	b := new(limits.Budget)
	_, verdict = v.Keys(&set, anchor, now, b)
	wantBogus(t, verdict, dns.EDEDNSKEYMissing, "does not match its DS")
	wantWithin(t, b, map[limits.Kind]int{limits.KindDigests: 16, limits.KindSignatureChecks: 8})
}

// DW-03: keys that match but cannot be used count as failures.
func TestDW03MalformedKeys(t *testing.T) {
	v := New(Options{})
	s := newP256(t, "example.test.")
	malformed := colliding(s.key, 200)[0]
	keys := v.Trusted(&malformed, now)
	keys.keys = keys.keys[100:] // with the two coordinates mixed up
	b := new(limits.Budget)
	for range 10 {
		set := dnstest.MustRRset("www.example.test. 300 IN A 192.0.2.1")
		forge(&set, s, 5)
		_, verdict := v.Verify(&set, keys, now, b)
		wantBogus(t, verdict, dns.EDEBogus, "")
	}
	if b.Spent(limits.KindSignatureFailures) != 8 || b.Spent(limits.KindSignatureChecks) != 0 {
		t.Errorf("%s, want 8 failures without any check", spent(b))
	}
}

// DW-04, DW-05: iterations above the limit are never hashed, on any path.
func TestDW04Iterations(t *testing.T) {
	deep := dns.MustName(strings.Repeat("a.", 120) + "test.")
	cases := []struct {
		iterations uint16
		salt       int
		want       State
		hashed     int
	}{
		{0, 0, Secure, 600}, {50, 0, Secure, 600}, {9, 255, Secure, 600},
		{10, 255, Insecure, 0}, {50, 255, Insecure, 0}, {51, 0, Insecure, 0}, {150, 0, Insecure, 0}, {500, 255, Insecure, 0}, {2500, 0, Insecure, 0}, {65535, 255, Insecure, 0},
	}
	for _, c := range cases {
		t.Run(fmt.Sprintf("%d iterations, salt %d", c.iterations, c.salt), func(t *testing.T) {
			z := newNSEC3Zone("test.", c.iterations, strings.Repeat("ab", c.salt), false, "test. NS SOA DNSKEY", "z.test. A")
			for name, prove := range map[string]func(*Proof) Denial{
				"NameError":      func(p *Proof) Denial { return p.NameError(deep) },
				"NoData":         func(p *Proof) Denial { return p.NoData(dns.MustName("z.test."), dns.TypeMX) },
				"WildcardAnswer": func(p *Proof) Denial { return p.WildcardAnswer(deep, 1) },
			} {
				b := new(limits.Budget)
				d := prove(New(Options{}).NewProof(dns.MustName("test."), z.verified(), b))
				wantState(t, d.Verdict, c.want)
				if d.State == Insecure && d.EDE != dns.EDEUnsupportedIterations {
					t.Errorf("%s: %v", name, d.EDE)
				}
				wantWithin(t, b, map[limits.Kind]int{limits.KindNSEC3Blocks: c.hashed})
			}
			if c.hashed == 0 {
				b := new(limits.Budget)
				d := New(Options{}).NewProof(dns.MustName("test."), z.verified(), b).NoDS(deep)
				wantState(t, d.Verdict, Insecure)
				if !d.Cut {
					t.Error("a delegation cannot be excluded")
				}
				wantWithin(t, b, map[limits.Kind]int{limits.KindNSEC3Blocks: 0})
			}
		})
	}
}

// A limit of no iterations at all is not the default one: one iteration is then too many.
func TestNoIterations(t *testing.T) {
	v := New(Options{NSEC3Iterations: -1})
	for iterations, want := range []State{Secure, Insecure} {
		z := newNSEC3Zone("test.", uint16(iterations), "", false, "test. NS SOA DNSKEY", "z.test. A")
		d := v.NewProof(dns.MustName("test."), z.verified(), new(limits.Budget)).NoData(dns.MustName("z.test."), dns.TypeMX)
		wantState(t, d.Verdict, want)
	}
}

// DW-04: a name with 120 labels that exist one by one cannot exceed the budget either.
func TestDW04DeepZone(t *testing.T) {
	z := newNSEC3Zone("test.", 50, "", false, "test. NS SOA DNSKEY")
	b := new(limits.Budget)
	p := New(Options{}).NewProof(dns.MustName("test."), z.verified(), b)
	p.nsec3[0].next = p.nsec3[0].hash // covers all but itself, and nothing else is there
	p.nsec3[0].hash[0] ^= 0xff        // now the apex neither matches nor is covered
	p.nsec3[0].next = p.nsec3[0].hash
	p.nsec3[0].next[19]++
	d := p.NameError(dns.MustName(strings.Repeat("a.", 120) + "test."))
	wantBogus(t, d.Verdict, dns.EDEBogus, "more than 600 NSEC3 hash blocks")
	if hashes := len(p.hasher.known); hashes > 600/51 {
		t.Errorf("%d names were hashed", hashes)
	}
}

// DW-07: padded negative proofs are refused before any signature is checked.
func TestDW07PaddedProof(t *testing.T) {
	v := New(Options{})
	s := newP256(t, "test.")
	keys := s.keys(v)
	var sets []dns.RRset
	for i := range 200 {
		sets = append(sets, s.sign(fmt.Sprintf("a%03d.test. 300 IN NSEC b%03d.test. A", i, i)))
	}
	b := new(limits.Budget)
	p, kept := v.Proof(sets, keys, now, b)
	wantBogus(t, p.NameError(dns.MustName("a100a.test.")).Verdict, dns.EDEBogus, "200 NSEC and NSEC3 sets")
	if len(kept) != 0 || b.Spent(limits.KindSignatureChecks) != 0 {
		t.Errorf("%d sets kept, %s", len(kept), spent(b))
	}
}

// DW-09: a proof from a zone that does not hold the name is refused without walking.
func TestDW09ForeignZone(t *testing.T) {
	z := newNSEC3Zone("other.", 0, "", false, "other. NS SOA")
	b := new(limits.Budget)
	p := New(Options{}).NewProof(dns.MustName("other."), z.verified(), b)
	qname := dns.MustName("www.example.test.")
	for _, d := range []Denial{p.NameError(qname), p.NoData(qname, dns.TypeA), p.NoDS(qname), p.WildcardAnswer(qname, 1)} {
		wantBogus(t, d.Verdict, dns.EDEBogus, "www.example.test. is not in zone other.")
	}
	wantWithin(t, b, map[limits.Kind]int{limits.KindNSEC3Blocks: 0})
}

// DW-10: oversized RSA keys are not used at all.
func TestDW10BigRSA(t *testing.T) {
	modulus := func(bits int) []byte {
		n := new(big.Int).Lsh(big.NewInt(1), uint(bits-1))
		return n.SetBit(n, 0, 1).Bytes()
	}
	long := func(exponent, modulus []byte) []byte {
		return append(append([]byte{0, byte(len(exponent) >> 8), byte(len(exponent))}, exponent...), modulus...)
	}
	f4 := []byte{1, 0, 1}
	cases := []struct {
		name   string
		key    []byte
		usable bool
	}{
		{"2048", long(f4, modulus(2048)), true},
		{"4096, short form", append([]byte{3, 1, 0, 1}, modulus(4096)...), true},
		{"F5", long([]byte{1, 0, 0, 0, 1}, modulus(1024)), true},
		{"above F5", long([]byte{1, 0, 0, 0, 3}, modulus(1024)), false},
		{"4104", long(f4, modulus(4104)), false},
		{"8192", long(f4, modulus(8192)), false},
		{"16384", long(f4, modulus(16384)), false},
		{"exponent as long as the modulus", long(modulus(2048), modulus(2048)), false},
		{"exponent 1", long([]byte{1}, modulus(2048)), false},
		{"exponent even", long([]byte{1, 0}, modulus(2048)), false},
		{"504", long(f4, modulus(504)), false},
		{"even modulus", long(f4, append(modulus(2048)[:255], 2)), false},
		{"empty", nil, false}, {"cut", []byte{0, 1}, false}, {"no modulus", []byte{3, 1, 0, 1}, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			v := New(Options{})
			dnskey := dns.RRset{Owner: dns.MustName("test."), Type: dns.TypeDNSKEY}
			dnskey.RDatas = dnskey.RDatas.Append(append([]byte{1, 0, 3, algRSASHA256}, c.key...))
			keys := v.Trusted(&dnskey, now)
			set := dnstest.MustRRset("www.test. 300 IN A 192.0.2.1")
			s := newP256(t, "test.")
			forge(&set, s, 1)
			set.Sigs[2+2] = algRSASHA256
			if len(keys.keys) == 1 {
				binary.BigEndian.PutUint16(set.Sigs[2+16:], keys.keys[0].tag)
			}
			b := new(limits.Budget)
			_, verdict := v.Verify(&set, keys, now, b)
			wantState(t, verdict, Bogus)
			if ran := b.Spent(limits.KindSignatureChecks) == 1; ran != c.usable {
				t.Errorf("%s, want usable=%v", spent(b), c.usable)
			}
			if len(keys.keys) == 1 && b.Spent(limits.KindSignatureFailures) != 1 {
				t.Errorf("%s, want one failure", spent(b))
			}
		})
	}
}

// DW-13: more signatures than may be looked at do not help a good one behind them, and cost nothing.
func TestDW13SignatureFlood(t *testing.T) {
	v := New(Options{})
	s := newP256(t, "example.test.")
	good := s.sign("www.example.test. 300 IN A 192.0.2.1")
	set := good
	set.Sigs = nil
	for range 200 {
		set.Sigs = set.Sigs.Append([]byte{0})
	}
	set.Sigs = append(set.Sigs, good.Sigs...)
	b := new(limits.Budget)
	_, verdict := v.Verify(&set, s.keys(v), now, b)
	wantBogus(t, verdict, dns.EDEBogus, "malformed RRSIG")
	wantWithin(t, b, map[limits.Kind]int{limits.KindSignatureChecks: 0})
}

func TestRSAWeight(t *testing.T) {
	for _, c := range []struct {
		bits     int
		exponent uint64
		most     int
	}{{1024, 65537, 1}, {2048, 65537, 1}, {4096, 65537, 4}, {4096, 1<<31 - 1, 15}, {4096, limits.RSAExponent, 15}} {
		if got := rsaWeight(c.bits, c.exponent); got < 1 || got > c.most {
			t.Errorf("%d bits, e=%d: weight %d, want 1…%d", c.bits, c.exponent, got, c.most)
		}
	}
}
