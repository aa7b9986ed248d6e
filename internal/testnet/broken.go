package testnet

import (
	"github.com/miekg/dns"

	"knot-resolver/internal/testnet/zone"
)

// broken are signed zones that must not validate.
func broken() []zoneSpec {
	bogus := func(origin string, ede uint16, why string) zoneSpec {
		return zoneSpec{
			origin: origin, hosts: []string{"ns1.example.se."}, sign: nsec,
			text:   "www A 192.0.2.50\nok A 192.0.2.51\n",
			expect: []Expectation{failure("www."+origin, ede, why)},
		}
	}
	// onlyWWW breaks the address of www and nothing else.
	onlyWWW := func(origin string, ede uint16, why string, twist func(*zone.Zone, string, span)) zoneSpec {
		z := bogus(origin, ede, why)
		z.twist = func(z *zone.Zone, life span) { twist(z, "www."+origin, life) }
		z.expect = append(z.expect, secureAnswer("ok."+origin, dns.TypeA, "the rest of a zone with one broken name", "192.0.2.51"))
		return z
	}

	late := bogus("expired.se.", dns.ExtendedErrorCodeSignatureExpired, "all signatures expired")
	late.life = expired
	early := bogus("future.se.", dns.ExtendedErrorCodeSignatureNotYetValid, "all signatures not yet valid")
	early.life = notYetValid
	badDS := bogus("badds.se.", dns.ExtendedErrorCodeDNSKEYMissing, "DS of another key")
	badDS.link = linkWrongKey

	return []zoneSpec{
		late, early, badDS, noProof(),
		onlyWWW("badsig.se.", dns.ExtendedErrorCodeDNSBogus, "forged signature", func(z *zone.Zone, name string, _ span) {
			z.Corrupt(name, dns.TypeA)
		}),
		onlyWWW("nosig.se.", dns.ExtendedErrorCodeRRSIGsMissing, "missing RRSIG", func(z *zone.Zone, name string, _ span) {
			z.Unsign(name, dns.TypeA)
		}),
		onlyWWW("wrongkey.se.", dns.ExtendedErrorCodeDNSKEYMissing, "signed by a key that is not in the zone", func(z *zone.Zone, name string, s span) {
			k := zone.NewKey(z.Origin(), "stranger", dns.ECDSAP256SHA256, zone.FlagsKSK)
			z.Resign(name, dns.TypeA, k, s.inception, s.expiration)
		}),
		onlyWWW("expiredname.se.", dns.ExtendedErrorCodeSignatureExpired, "one expired signature", func(z *zone.Zone, name string, s span) {
			k := zone.NewKey(z.Origin(), "zone", dns.ECDSAP256SHA256, zone.FlagsKSK)
			old := span{s.inception.AddDate(0, 0, -40), s.inception.AddDate(0, 0, -10)}
			z.Resign(name, dns.TypeA, k, old.inception, old.expiration)
		}),
	}
}

// noProof has data, but cannot prove what it does not have.
func noProof() zoneSpec {
	missing := dns.ExtendedErrorCodeNSECMissing
	return zoneSpec{
		origin: "noproof.se.", hosts: []string{"ns1.example.se."}, sign: nsec, text: "www A 192.0.2.52\n",
		twist: func(z *zone.Zone, _ span) { z.DropDenial() },
		expect: []Expectation{
			secureAnswer("www.noproof.se.", dns.TypeA, "data of a zone without NSEC records", "192.0.2.52"),
			failure("nothing.noproof.se.", missing, "NXDOMAIN without its NSEC"),
			{Name: "www.noproof.se.", Type: dns.TypeAAAA, RCode: dns.RcodeServerFailure, EDE: missing, Why: "NODATA without its NSEC"},
		},
	}
}
