package dnssec

import (
	"slices"
	"testing"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/dns/dnstest"
	"knot-resolver/internal/limits"
)

func TestKeys(t *testing.T) {
	for _, alg := range algorithms {
		for _, digest := range []uint8{digestSHA1, digestSHA256, digestSHA384} {
			v := New(Options{SHA1: true})
			s := newSigner(t, "example.test.", alg.number, alg.bits)
			set := s.dnskey()
			keys, verdict := v.Keys(&set, s.anchorWith(digest), now, new(limits.Budget))
			wantState(t, verdict, Secure)
			if keys.Zone != "\x07example\x04test\x00" || keys.TTL != 3600 || len(keys.keys) != 1 {
				t.Errorf("%s, digest %d: %+v", algorithmName(alg.number), digest, keys)
			}
		}
	}
}

// A key signing key brings in the zone signing key; either may sign with another algorithm.
func TestKeysOfTwoKinds(t *testing.T) {
	v := New(Options{})
	ksk, zsk := newP256(t, "example.test."), newSigner(t, "example.test.", algED25519, 256)
	zsk.key.Flags = 256
	set := ksk.dnskey(zsk.key)
	keys, verdict := v.Keys(&set, ksk.anchor(), now, new(limits.Budget))
	wantState(t, verdict, Secure)
	data := zsk.sign("www.example.test. 300 IN A 192.0.2.1")
	_, verdict = v.Verify(&data, keys, now, new(limits.Budget))
	wantState(t, verdict, Secure)
}

func TestKeysByDNSKEYAnchor(t *testing.T) {
	v := New(Options{})
	s, other := newP256(t, "."), newP256(t, ".")
	set := s.dnskey()
	for _, c := range []struct {
		text string
		want State
	}{{s.key.String(), Secure}, {other.key.String(), Bogus}, {other.key.String() + "\n" + s.key.String(), Secure}} {
		anchors, err := ParseAnchors(c.text)
		if err != nil || len(anchors) != 1 {
			t.Fatalf("%v %v", anchors, err)
		}
		_, verdict := v.Keys(&set, anchors[0], now, new(limits.Budget))
		wantState(t, verdict, c.want)
	}
}

func TestKeysRefused(t *testing.T) {
	v := New(Options{SHA1: true})
	s, other := newP256(t, "example.test."), newP256(t, "example.test.")
	flagged := func(edit func(*miekg.DNSKEY)) (dns.RRset, Anchor) {
		k := *s
		dnskey := *s.key
		k.key = &dnskey
		edit(k.key)
		return k.dnskey(), k.anchor()
	}
	cases := []struct {
		name  string
		make  func() (dns.RRset, Anchor)
		code  dns.EDECode
		words string
	}{
		{"no DNSKEY", func() (dns.RRset, Anchor) {
			return dns.RRset{Owner: dns.MustName("example.test."), Type: dns.TypeDNSKEY}, s.anchor()
		}, dns.EDEDNSKEYMissing, "no DNSKEY of example.test."},
		{"another zone", func() (dns.RRset, Anchor) { return newP256(t, "other.test.").dnskey(), s.anchor() }, dns.EDEDNSKEYMissing, "no DNSKEY of"},
		{"no match", func() (dns.RRset, Anchor) { return other.dnskey(), s.anchor() }, dns.EDEDNSKEYMissing, "named by its DS"},
		{"wrong digest", func() (dns.RRset, Anchor) {
			a := s.anchor()
			a.DS[0].Digest = slices.Clone(a.DS[0].Digest)
			a.DS[0].Digest[7] ^= 1
			return s.dnskey(), a
		}, dns.EDEDNSKEYMissing, "does not match its DS"},
		{"short digest", func() (dns.RRset, Anchor) {
			a := s.anchor()
			a.DS[0].Digest = a.DS[0].Digest[:20]
			return s.dnskey(), a
		}, dns.EDEDNSKEYMissing, "does not match its DS"},
		{"unsigned", func() (dns.RRset, Anchor) {
			set := s.dnskey()
			set.Sigs = nil
			return set, s.anchor()
		}, dns.EDERRSIGsMissing, "no RRSIG of example.test. DNSKEY"},
		{"signed by another of its keys", func() (dns.RRset, Anchor) { return other.dnskey(s.key), s.anchor() }, dns.EDERRSIGsMissing, "by a key that the DS or trust anchor names"},
		{"corrupt signature", func() (dns.RRset, Anchor) {
			set := s.dnskey()
			set.Sigs[len(set.Sigs)-1] ^= 1
			return set, s.anchor()
		}, dns.EDEBogus, "is wrong"},
		{"no zone key bit", func() (dns.RRset, Anchor) { return flagged(func(k *miekg.DNSKEY) { k.Flags = 1 }) }, dns.EDENoZoneKeyBit, "no zone key"},
		{"revoked (DL-16)", func() (dns.RRset, Anchor) { return flagged(func(k *miekg.DNSKEY) { k.Flags |= dns.KeyFlagRevoke }) }, dns.EDEDNSKEYMissing, "revoked"},
		{"protocol 4", func() (dns.RRset, Anchor) { return flagged(func(k *miekg.DNSKEY) { k.Protocol = 4 }) }, dns.EDEDNSKEYMissing, "protocol 4"},
		{"SHA-256 wrong beside a good SHA-1 (DL-15)", func() (dns.RRset, Anchor) {
			a := s.anchorWith(digestSHA1, digestSHA256)
			a.DS[1].Digest = slices.Clone(a.DS[1].Digest)
			a.DS[1].Digest[0] ^= 1
			return s.dnskey(), a
		}, dns.EDEDNSKEYMissing, "does not match its DS"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			set, anchor := c.make()
			keys, verdict := v.Keys(&set, anchor, now, new(limits.Budget))
			wantBogus(t, verdict, c.code, c.words)
			if keys != nil {
				t.Error("keys returned with a bogus verdict")
			}
		})
	}
}

// DL-16: keys that are revoked, of another protocol or no zone keys do not sign data, even in a valid DNSKEY set.
func TestKeysThatMayNotSign(t *testing.T) {
	v := New(Options{})
	for name, edit := range map[string]func(*miekg.DNSKEY){
		"revoked":     func(k *miekg.DNSKEY) { k.Flags |= dns.KeyFlagRevoke },
		"no zone key": func(k *miekg.DNSKEY) { k.Flags = 0 },
		"protocol":    func(k *miekg.DNSKEY) { k.Protocol = 2 },
	} {
		good, bad := newP256(t, "example.test."), newP256(t, "example.test.")
		edit(bad.key)
		set := good.dnskey(bad.key)
		keys, verdict := v.Keys(&set, good.anchor(), now, new(limits.Budget))
		wantState(t, verdict, Secure)
		data := bad.sign("www.example.test. 300 IN A 192.0.2.1")
		if _, verdict := v.Verify(&data, keys, now, new(limits.Budget)); verdict.State != Bogus {
			t.Errorf("%s: %+v", name, verdict)
		}
	}
}

// DL-14, DL-15 and RFC 9905: which delegations count as signed.
func TestDelegation(t *testing.T) {
	const d1, d2, d4 = "0000000000000000000000000000000000000000", "0000000000000000000000000000000000000000000000000000000000000000",
		"000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
	ds := func(fields string) string { return "child.test. 300 IN DS " + fields + "\n" }
	cases := []struct {
		name string
		sha1 bool
		text string
		want State
		code dns.EDECode
		kept int
	}{
		{"SHA-256", false, ds("1 8 2 " + d2), Secure, dns.NoEDE, 1},
		{"SHA-384", false, ds("1 16 4 " + d4), Secure, dns.NoEDE, 1},
		{"private algorithm", true, ds("1 253 2 " + d2), Insecure, dns.EDEUnsupportedKeyAlg, 0},
		{"unknown digest", true, ds("1 8 200 " + d2), Insecure, dns.EDEUnsupportedDSDigest, 0},
		{"GOST digest", true, ds("1 8 3 " + d2), Insecure, dns.EDEUnsupportedDSDigest, 0},
		{"each fails for its own reason", true, ds("1 8 200 "+d2) + ds("2 200 2 "+d2), Insecure, dns.EDEUnsupportedDSDigest, 0},
		{"one usable", true, ds("1 253 2 "+d2) + ds("2 13 2 "+d2), Secure, dns.NoEDE, 1},
		{"RSASHA1 refused", false, ds("1 5 2 " + d2), Insecure, dns.EDEUnsupportedKeyAlg, 0},
		{"RSASHA1 accepted", true, ds("1 7 2 " + d2), Secure, dns.NoEDE, 1},
		{"SHA-1 digest refused", false, ds("1 8 1 " + d1), Insecure, dns.EDEUnsupportedDSDigest, 0},
		{"SHA-1 digest accepted", true, ds("1 8 1 " + d1), Secure, dns.NoEDE, 1},
		{"SHA-1 digest beside a better one", true, ds("1 8 1 "+d1) + ds("1 8 2 "+d2), Secure, dns.NoEDE, 1},
		{"RSAMD5 and DSA", true, ds("1 1 2 "+d2) + ds("1 3 2 "+d2), Insecure, dns.EDEUnsupportedKeyAlg, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			set := dnstest.MustRRset(c.text)
			anchor, verdict := New(Options{SHA1: c.sha1}).Delegation(&set)
			if verdict.State != c.want || verdict.EDE != c.code || len(anchor.DS) != c.kept || anchor.Zone != set.Owner {
				t.Errorf("got %+v with %d DS, want %v %v with %d", verdict, len(anchor.DS), c.want, c.code, c.kept)
			}
		})
	}
}
