package dnssec

import (
	"testing"
	"time"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/limits"
)

// FuzzVerify gives keys, signatures and records of any octets: nothing may panic, nor cost more than allowed.
func FuzzVerify(f *testing.F) {
	t := new(testing.T)
	for _, alg := range algorithms[2:] {
		s := newSigner(t, "example.test.", alg.number, alg.bits)
		set := s.sign(signedTexts[0])
		f.Add(uint16(set.Type), s.keys(New(Options{SHA1: true})).keys[0].rdata, set.Sigs.First(), set.RDatas.First(), int64(now.Unix()))
	}
	f.Add(uint16(35), []byte{1, 0, 3, 8, 0, 0, 1}, []byte("\x00\x23\x08\x02\x00\x00"), []byte{0, 0, 0, 0, 200}, int64(1)<<32)
	f.Fuzz(func(t *testing.T, typ uint16, dnskey, rrsig, rdata []byte, seconds int64) {
		if len(dnskey) > 4096 || len(rrsig) > 4096 || len(rdata) > 4096 {
			return
		}
		v := New(Options{SHA1: true})
		zone, at := dns.MustName("example.test."), time.Unix(seconds%(1<<33), 0)
		keySet := dns.RRset{Owner: zone, Type: dns.TypeDNSKEY, RDatas: dns.RDatas(nil).Append(dnskey), Sigs: dns.RDatas(nil).Append(rrsig)}
		b := new(limits.Budget)
		v.Keys(&keySet, Anchor{Zone: zone, DS: []dns.DS{{KeyTag: dns.KeyTag(dnskey), Algorithm: algECDSAP256, DigestType: 2}}}, at, b)
		keys := v.Trusted(&keySet, at)
		if len(keys.keys) == 1 && len(rrsig) >= 18 { // let the signature name the key, or hardly anything gets further
			rrsig = append([]byte{byte(typ >> 8), byte(typ), keys.keys[0].Algorithm, 3}, rrsig[4:]...)
			rrsig[16], rrsig[17] = byte(keys.keys[0].tag>>8), byte(keys.keys[0].tag)
		}
		set := dns.RRset{Owner: dns.MustName("www.example.test."), Type: dns.Type(typ)}
		set.RDatas, set.Sigs = set.RDatas.Append(rdata), set.Sigs.Append(rrsig)
		signed, verdict := v.Verify(&set, keys, at, b)
		if verdict.State != Secure && verdict.Reason == "" || verdict.State == Secure && signed.Labels > 3 {
			t.Errorf("%+v %+v", verdict, signed)
		}
		ds := dns.RRset{Owner: set.Owner, Type: dns.TypeDS, RDatas: set.RDatas}
		v.Delegation(&ds)
		wantWithin(t, b, map[limits.Kind]int{limits.KindSignatureChecks: 8, limits.KindCryptoUnits: limits.CryptoUnits})
	})
}

// FuzzProof gives records of any octets and asks everything: nothing may panic, run away or deny names of other zones.
func FuzzProof(f *testing.F) {
	for _, z := range []*denialZone{exampleNSEC(), exampleNSEC3(false), exampleNSEC3(true)} {
		a, b := z.sets[0].Set, z.sets[1].Set
		f.Add(a.Type == dns.TypeNSEC3, string(a.Owner), a.RDatas.First(), string(b.Owner), b.RDatas.First(), "\x01c\x07example\x00")
	}
	f.Add(true, "\x07example\x00", []byte{1, 0, 0, 0, 0, 20}, "\x00", []byte{1, 1, 0xff, 0xff, 0}, "\x00")
	f.Fuzz(func(t *testing.T, hashed bool, owner1 string, rdata1 []byte, owner2 string, rdata2 []byte, question string) {
		names := make([]dns.Name, 3)
		for i, text := range []string{owner1, owner2, question} {
			name, err := dns.WireName([]byte(text))
			if err != nil {
				return
			}
			names[i] = name.Lower()
		}
		if len(rdata1) > 4096 || len(rdata2) > 4096 {
			return
		}
		typ := dns.TypeNSEC
		if hashed {
			typ = dns.TypeNSEC3
		}
		zone, budget := dns.MustName("example."), new(limits.Budget)
		p := New(Options{}).NewProof(zone, []Verified{
			{Set: dns.RRset{Owner: names[0], Type: typ, RDatas: dns.RDatas(nil).Append(rdata1)}},
			{Set: dns.RRset{Owner: names[1], Type: typ, RDatas: dns.RDatas(nil).Append(rdata2)}},
		}, budget)
		q := names[2]
		denials := []Denial{p.NameError(q), p.NoDS(q), p.WildcardAnswer(q, q.Labels()-1), p.WildcardAnswer(q, -1)}
		for _, qtype := range []dns.Type{dns.TypeA, dns.TypeDS, dns.TypeANY, dns.TypeCNAME} {
			denials = append(denials, p.NoData(q, qtype))
		}
		for _, d := range denials {
			if d.State != Bogus && !q.Under(zone) || d.State == Indeterminate || d.State == Bogus && d.Reason == "" {
				t.Errorf("%v: %+v", q, d)
			}
		}
		if hashes := len(p.hasher.known); hashed && hashes > limits.NSEC3Blocks {
			t.Errorf("%d names hashed", hashes)
		}
	})
}

func FuzzParseAnchors(f *testing.F) {
	f.Add(rootDSText)
	f.Add(rootKeyText)
	f.Add("$TTL 3600\n. IN DS 1 8 2 00")
	f.Fuzz(func(t *testing.T, text string) {
		anchors, err := ParseAnchors(text)
		for _, a := range anchors {
			if err != nil || len(a.DS)+len(a.Keys) == 0 || a.Zone == "" {
				t.Errorf("%+v %v", a, err)
			}
			New(Options{SHA1: true}).Usable(a)
		}
	})
}
