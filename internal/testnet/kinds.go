package testnet

import (
	"github.com/miekg/dns"

	"knot-resolver/internal/testnet/zone"
)

// signingKinds are zones whose keys, digests or hashes are out of the ordinary,
// but which are right.
func signingKinds() []zoneSpec {
	onSE, onCZ := []string{"ns1.example.se."}, []string{"ns.example.cz."}
	return []zoneSpec{
		{
			origin: "rsa.se.", hosts: onSE, sign: nsec, alg: dns.RSASHA256, text: "www A 192.0.2.21\n",
			expect: []Expectation{secureAnswer("www.rsa.se.", dns.TypeA, "RSASHA256 keys", "192.0.2.21")},
		},
		{
			origin: "ed.cz.", hosts: onCZ, sign: nsec3, alg: dns.ED25519, text: "www A 198.51.100.22\n",
			expect: []Expectation{secureAnswer("www.ed.cz.", dns.TypeA, "ED25519 keys", "198.51.100.22")},
		},
		{
			origin: "newalg.se.", hosts: onSE, sign: nsec, alg: zone.AlgUnknown, text: "www A 192.0.2.23\n",
			expect: []Expectation{{
				Name: "www.newalg.se.", Type: dns.TypeA, EDE: dns.ExtendedErrorCodeUnsupportedDNSKEYAlgorithm,
				Want: []string{"192.0.2.23"}, Why: "unsupported algorithm: insecure",
			}},
		},
		{
			origin: "newdigest.se.", hosts: onSE, sign: nsec, link: linkOddDigest, text: "www A 192.0.2.24\n",
			expect: []Expectation{{
				Name: "www.newdigest.se.", Type: dns.TypeA, EDE: dns.ExtendedErrorCodeUnsupportedDSDigestType,
				Want: []string{"192.0.2.24"}, Why: "unsupported DS digest: insecure",
			}},
		},
		{
			origin: "iterations.cz.", hosts: onCZ, sign: nsec3, iterations: 500, text: "www A 198.51.100.25\n",
			expect: []Expectation{{
				Name: "nothing.iterations.cz.", Type: dns.TypeA, RCode: dns.RcodeNameError,
				EDE: dns.ExtendedErrorCodeUnsupportedNSEC3IterValue, Why: "too many NSEC3 iterations: insecure (RFC 9276)",
			}},
		},
	}
}

// insecure are zones without a chain of trust.
func insecure() []zoneSpec {
	plain := func(origin, host, why string) zoneSpec {
		return zoneSpec{
			origin: origin, hosts: []string{host}, text: "www A 203.0.113.30\n",
			expect: []Expectation{
				insecureAnswer("www."+origin, dns.TypeA, why, "203.0.113.30"),
				nxdomain("nothing."+origin, false, why+": NXDOMAIN"),
			},
		}
	}
	island := plain("island.zz.", "ns.example.zz.", "signed zone below an unsigned one")
	island.sign = nsec
	noDS := plain("nods.se.", "ns1.example.se.", "signed zone without DS")
	noDS.sign, noDS.link = nsec, linkNone
	return []zoneSpec{
		plain("insecure.se.", "ns1.example.se.", "insecure zone below NSEC"),
		plain("insecure.cz.", "ns.example.cz.", "insecure zone below NSEC3"),
		plain("insecure.com.", "ns.example.com.", "insecure zone below opt-out"),
		plain("example.zz.", "ns.example.zz.", "insecure zone below an unsigned one"),
		island, noDS,
	}
}
