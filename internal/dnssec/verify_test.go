package dnssec

import (
	"slices"
	"testing"
	"time"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/dns/dnstest"
	"knot-resolver/internal/limits"
)

var algorithms = []struct {
	number uint8
	bits   int
}{
	{algRSASHA1, 1024}, {algRSASHA1NSEC3, 1024}, {algRSASHA256, 2048}, {algRSASHA512, 1024},
	{algECDSAP256, 256}, {algECDSAP384, 384}, {algED25519, 256},
}

// signedTexts are sets whose canonical form has something to it.
var signedTexts = []string{
	"www.Example.test. 300 IN A 192.0.2.2\nwww.Example.test. 300 IN A 192.0.2.1\nwww.Example.test. 300 IN A 10.0.0.1",
	"example.test. 300 IN MX 10 Mail.EXAMPLE.test.\nexample.test. 300 IN MX 5 a.test.",
	"example.test. 300 IN SOA Ns.Example.TEST. Host.Example.test. 1 2 3 4 5",
	"_x.example.test. 300 IN SRV 1 2 3 Target.Example.Test.",
	"n.example.test. 300 IN NAPTR 1 2 \"U\" \"E2U+sip\" \"!x!y!\" Repl.Example.Test.",
	"t.example.test. 300 IN TXT \"Case Is Kept\" \"\"",
	"a.example.test. 300 IN NSEC Z.Example.test. A RRSIG NSEC",
	"*.example.test. 300 IN TXT \"a wildcard itself\"",
	"d.example.test. 300 IN DS 1 8 2 0000000000000000000000000000000000000000000000000000000000000000",
}

func TestVerifyAgreesWithMiekg(t *testing.T) {
	v := New(Options{SHA1: true})
	for _, alg := range algorithms {
		t.Run(algorithmName(alg.number), func(t *testing.T) {
			s := newSigner(t, "example.test.", alg.number, alg.bits)
			keys := s.keys(v)
			for _, text := range signedTexts {
				set := s.sign(text)
				b := new(limits.Budget)
				signed, verdict := v.Verify(&set, keys, now, b)
				if verdict.State != Secure {
					t.Errorf("%s: %+v", text, verdict)
				}
				if signed.Wildcard || signed.Algorithm != alg.number || signed.TTL != 300 || b.Spent(limits.KindSignatureChecks) != 1 {
					t.Errorf("%s: %+v, %s", text, signed, spent(b))
				}
			}
		})
	}
}

// Flipping any bit that is signed, or of the signature or key, must never verify.
func TestVerifyDetectsEveryChange(t *testing.T) {
	v := New(Options{SHA1: true})
	for _, alg := range algorithms {
		t.Run(algorithmName(alg.number), func(t *testing.T) {
			s := newSigner(t, "example.test.", alg.number, alg.bits)
			keys, good := s.keys(v), s.sign(signedTexts[0])
			for part, bytesOf := range map[string]func(*dns.RRset, *Keys) []byte{
				"rdata":     func(set *dns.RRset, _ *Keys) []byte { return set.RDatas },
				"signature": func(set *dns.RRset, _ *Keys) []byte { return set.Sigs },
				"key":       func(_ *dns.RRset, k *Keys) []byte { return k.keys[0].PublicKey },
			} {
				for i := range bytesOf(&good, keys) {
					set, changed := cloneSet(good), cloneKeys(keys)
					bytesOf(&set, changed)[i] ^= 1 << (i % 5) // bit 5 is letter case, which does not matter in the signer's name
					if _, verdict := v.Verify(&set, changed, now, new(limits.Budget)); verdict.State != Bogus {
						t.Fatalf("%s octet %d changed: %+v", part, i, verdict)
					}
				}
			}
			for _, owner := range []string{"wwx.example.test.", "www.example.tesu.", "a.www.example.test.", "example.test.", "."} {
				set := cloneSet(good)
				set.Owner = dns.MustName(owner)
				if _, verdict := v.Verify(&set, keys, now, new(limits.Budget)); verdict.State != Bogus {
					t.Errorf("owner changed to %s: %+v", owner, verdict)
				}
			}
		})
	}
}

func cloneSet(set dns.RRset) dns.RRset {
	set.RDatas, set.Sigs = slices.Clone(set.RDatas), slices.Clone(set.Sigs)
	return set
}

func cloneKeys(k *Keys) *Keys {
	c := *k
	c.keys = slices.Clone(k.keys)
	for i := range c.keys {
		c.keys[i].PublicKey = slices.Clone(c.keys[i].PublicKey)
	}
	return &c
}

// The order of records, their case and TTL, and repeated ones do not matter.
func TestVerifyCanonicalForm(t *testing.T) {
	v := New(Options{})
	s := newP256(t, "example.test.")
	set := s.sign("example.test. 300 IN NS b.test.\nexample.test. 300 IN NS A.test.")
	set.RDatas = nil
	for _, target := range []string{"\x01B\x04test\x00", "\x01a\x04TEST\x00", "\x01b\x04test\x00"} {
		set.RDatas = set.RDatas.Append([]byte(target))
	}
	set.TTL = 17
	signed, verdict := v.Verify(&set, s.keys(v), now, new(limits.Budget))
	wantState(t, verdict, Secure)
	if signed.TTL != 17 {
		t.Errorf("TTL %d, want 17", signed.TTL)
	}
}

func TestVerifyTTL(t *testing.T) {
	v := New(Options{})
	s := newP256(t, "example.test.")
	for _, c := range []struct{ ttl, expires, want uint32 }{{3600, 60, 60}, {50, 60, 50}, {3600, 9000, 300}, {3600, 0, 0}} {
		set := s.sign("www.example.test. 300 IN A 192.0.2.1", func(sig *miekg.RRSIG) { sig.Expiration = uint32(now.Unix()) + c.expires })
		set.TTL = c.ttl
		signed, verdict := v.Verify(&set, s.keys(v), now, new(limits.Budget))
		wantState(t, verdict, Secure)
		if signed.TTL != c.want || !signed.Expiration.Equal(now.Add(time.Duration(c.expires)*time.Second)) {
			t.Errorf("TTL %d: %+v, want TTL %d", c.ttl, signed, c.want)
		}
	}
}

// DL-17: times are serial numbers and there is no tolerance.
func TestVerifyTimes(t *testing.T) {
	v := New(Options{})
	s := newP256(t, "example.test.")
	keys := s.keys(v)
	wrap := time.Unix(1<<32, 0)
	cases := []struct {
		name                  string
		now                   time.Time
		inception, expiration time.Duration // from now
		code                  dns.EDECode
		words                 string
	}{
		{"valid", now, -time.Hour, time.Hour, dns.NoEDE, ""},
		{"first second", now, 0, time.Hour, dns.NoEDE, ""},
		{"last second", now, -time.Hour, 0, dns.NoEDE, ""},
		{"one second late", now, -time.Hour, -time.Second, dns.EDESignatureExpired, "expired 2026-11-01T11:59:59Z"},
		{"one second early", now, time.Second, time.Hour, dns.EDESignatureNotYetValid, "not valid before 2026-11-01T12:00:01Z"},
		{"inverted", now, time.Hour, -time.Hour, dns.EDEExpiredBeforeValid, "expires before"},
		{"across 2106", wrap, -time.Hour, time.Hour, dns.NoEDE, ""},
		{"expired across 2106", wrap.Add(time.Hour), -3 * time.Hour, -2 * time.Hour, dns.EDESignatureExpired, "expired 2106-"},
		{"sign bit of 2038", time.Unix(1<<31, 0), -time.Hour, time.Hour, dns.NoEDE, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			set := s.sign("www.example.test. 300 IN A 192.0.2.1", func(sig *miekg.RRSIG) {
				sig.Inception, sig.Expiration = uint32(c.now.Add(c.inception).Unix()), uint32(c.now.Add(c.expiration).Unix())
			})
			_, verdict := v.Verify(&set, keys, c.now, new(limits.Budget))
			if c.code == dns.NoEDE {
				wantState(t, verdict, Secure)
				return
			}
			wantBogus(t, verdict, c.code, c.words)
		})
	}
}

func TestVerifyWildcard(t *testing.T) {
	v := New(Options{})
	s := newP256(t, "example.test.")
	keys := s.keys(v)
	set := s.expanded("*.w.example.test. 300 IN A 192.0.2.1", "a.b.w.example.test.")
	signed, verdict := v.Verify(&set, keys, now, new(limits.Budget))
	wantState(t, verdict, Secure)
	if !signed.Wildcard || signed.Labels != 3 {
		t.Errorf("got %+v, want a wildcard with 3 labels", signed)
	}
	ds := s.expanded("*.example.test. 300 IN DS 1 8 2 00", "a.example.test.") // DL-25
	_, verdict = v.Verify(&ds, keys, now, new(limits.Budget))
	wantBogus(t, verdict, dns.EDEBogus, "comes from a wildcard")
}

// Of several signatures one good one is enough, and the most telling failure is reported.
func TestVerifySeveralSignatures(t *testing.T) {
	v := New(Options{})
	s := newP256(t, "example.test.")
	keys := s.keys(v)
	expired := func(sig *miekg.RRSIG) { sig.Expiration = uint32(now.Unix()) - 1 }
	stranger := func(sig *miekg.RRSIG) { sig.KeyTag++ }
	unknown := func(set dns.RRset) dns.RRset { set.Sigs[2+2] = 253; return set }

	set := s.sign("www.example.test. 300 IN A 192.0.2.1", expired, stranger, nil)
	_, verdict := v.Verify(&set, keys, now, new(limits.Budget))
	wantState(t, verdict, Secure)

	set = s.sign("www.example.test. 300 IN A 192.0.2.1", stranger, expired)
	_, verdict = v.Verify(&set, keys, now, new(limits.Budget))
	wantBogus(t, verdict, dns.EDESignatureExpired, "RRSIG of www.example.test. A by example.test. key")

	set = unknown(s.sign("www.example.test. 300 IN A 192.0.2.1")) // DL-13
	_, verdict = v.Verify(&set, keys, now, new(limits.Budget))
	wantBogus(t, verdict, dns.EDEBogus, "unsupported algorithm: algorithm 253")

	set = s.sign("www.example.test. 300 IN A 192.0.2.1")
	set.Sigs[2+1] = byte(dns.TypeAAAA)
	_, verdict = v.Verify(&set, keys, now, new(limits.Budget))
	wantBogus(t, verdict, dns.EDEBogus, "covers another type")

	set.Sigs = nil
	_, verdict = v.Verify(&set, keys, now, new(limits.Budget))
	wantBogus(t, verdict, dns.EDERRSIGsMissing, "no RRSIG of www.example.test. A")
}

// Published vectors for the algorithms and key sizes that miekg/dns cannot make.
func TestVerifyVectors(t *testing.T) {
	cases := []struct{ name, dnskey, set, rrsig string }{
		{"RFC 8080 6.2 first, with its erratum",
			"example.com. 3600 IN DNSKEY 257 3 16 3kgROaDjrh0H2iuixWBrc8g2EpBBLCdGzHmn+G2MpTPhpj/OiBVHHSfPodx1FYYUcJKm1MDpJtIA",
			"example.com. 3600 IN MX 10 mail.example.com.",
			"example.com. 3600 IN RRSIG MX 16 2 3600 1440021600 1438207200 9713 example.com. 3cPAHkmlnxcDHMyg7vFC34l0blBhuG1qpwLmjInI8w1CMB29FkEAIJUA0amxWndkmnBZ6SKiwZSAxGILn/NBtOXft0+Gj7FSvOKxE/07+4RQvE581N3Aj/JtIyaiYVdnYtyMWbSNyGEY2213WKsJlwEA"},
		{"RFC 8080 6.2 second, with its erratum",
			"example.com. 3600 IN DNSKEY 257 3 16 kkreGWoccSDmUBGAe7+zsbG6ZAFQp+syPmYUurBRQc3tDjeMCJcVMRDmgcNLp5HlHAMy12VoISsA",
			"example.com. 3600 IN MX 10 mail.example.com.",
			"example.com. 3600 IN RRSIG MX 16 2 3600 1440021600 1438207200 38353 example.com. E1/oLjSGIbmLny/4fcgM1z4oL6aqo+izT3urCyHyvEp4Sp8Syg1eI+lJ57CSnZqjJP41O/9l4m0AsQ4f7qI1gVnML8vWWiyW2KXhT9kuAICUSxv5OWbf81Rq7Yu60npabODB0QFPb/rkW3kUZmQ0YQUA"},
		{"RFC 5702 6.1, 512 bits",
			"example.net. 3600 IN DNSKEY 256 3 8 AwEAAcFcGsaxxdgiuuGmCkVImy4h99CqT7jwY3pexPGcnUFtR2Fh36BponcwtkZ4cAgtvd4Qs8PkxUdp6p/DlUmObdk=",
			"www.example.net. 3600 IN A 192.0.2.91",
			"www.example.net. 3600 IN RRSIG A 8 3 3600 20300101000000 20000101000000 9033 example.net. kRCOH6u7l0QGy9qpC9l1sLncJcOKFLJ7GhiUOibu4teYp5VE9RncriShZNz85mwlMgNEacFYK/lPtPiVYP4bwg=="},
	}
	v := New(Options{})
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dnskey, set := dnstest.MustRRset(c.dnskey), dnstest.MustRRset(c.set)
			rrsig := records(t, c.rrsig)[0].(*miekg.RRSIG)
			set.Sigs = set.Sigs.Append(dnstest.RData(rrsig))
			at := time.Unix(int64(rrsig.Inception)+1, 0)
			_, verdict := v.Verify(&set, v.Trusted(&dnskey, at.Add(time.Hour)), at, new(limits.Budget))
			wantState(t, verdict, Secure)
			set.RDatas[2] ^= 1
			_, verdict = v.Verify(&set, v.Trusted(&dnskey, at.Add(time.Hour)), at, new(limits.Budget))
			wantBogus(t, verdict, dns.EDEBogus, "is wrong")
		})
	}
}

func TestSigner(t *testing.T) {
	s := newP256(t, "example.test.")
	set := s.sign("www.sub.example.test. 300 IN A 192.0.2.1")
	if zone, ok := Signer(&set); !ok || zone != dns.MustName("example.test.") {
		t.Errorf("got %v %v", zone, ok)
	}
	set.Owner = dns.MustName("www.other.")
	if zone, ok := Signer(&set); ok {
		t.Errorf("%v does not hold %v", zone, set.Owner)
	}
}

// Tests that replay recordings made with withdrawn algorithms replace the arithmetic, and nothing else.
func TestOverride(t *testing.T) {
	const dsa = 3
	v := New(Options{Override: func(algorithm uint8) VerifyFunc {
		if algorithm != dsa {
			return nil
		}
		return func(dns.DNSKEY, []byte, []byte) bool { return true }
	}})
	dnskey := dnstest.MustRRset("example.test. 300 IN DNSKEY 256 3 3 AAAA")
	keys := v.Trusted(&dnskey, now)
	s := newP256(t, "example.test.")
	set := s.sign("www.example.test. 300 IN A 192.0.2.1", func(sig *miekg.RRSIG) { sig.KeyTag = keys.keys[0].tag })
	set.Sigs[2+2] = dsa
	_, verdict := v.Verify(&set, keys, now, new(limits.Budget))
	wantState(t, verdict, Secure)
	_, verdict = v.Verify(&set, keys, now.Add(48*time.Hour), new(limits.Budget))
	wantBogus(t, verdict, dns.EDESignatureExpired, "expired")
	_, verdict = New(Options{}).Verify(&set, keys, now, new(limits.Budget))
	wantBogus(t, verdict, dns.EDEBogus, "unsupported algorithm")
}
