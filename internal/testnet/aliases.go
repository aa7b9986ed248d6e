package testnet

import "github.com/miekg/dns"

// aliases are chains of CNAMEs over several zones, as content delivery networks
// make them.
func aliases() []zoneSpec {
	return []zoneSpec{
		{
			origin: "shop.com.", hosts: []string{"ns.example.com."}, sign: nsec3,
			text: `
www    CNAME shop.cdn.net.
blog   CNAME www.insecure.se.
gone   CNAME nothing.example.se.
empty  CNAME mail.example.se.
forged CNAME www.badsig.se.
loop1  CNAME loop2
loop2  CNAME loop1
`,
			expect: []Expectation{
				secureAnswer("www.shop.com.", dns.TypeA, "CNAME chain over four secure zones",
					"shop.cdn.net.", "eu.cdn.net.", "edge7.cdn-eu.cz.", "198.51.100.77"),
				insecureAnswer("blog.shop.com.", dns.TypeA, "CNAME from a secure into an insecure zone", "www.insecure.se.", "203.0.113.30"),
				nxdomain("gone.shop.com.", true, "CNAME to a name that does not exist", "nothing.example.se."),
				{Name: "empty.shop.com.", Type: dns.TypeAAAA, AD: true, Want: []string{"mail.example.se."}, Why: "CNAME to a name without the type"},
				failure("forged.shop.com.", dns.ExtendedErrorCodeDNSBogus, "CNAME to bogus data"),
				failure("loop1.shop.com.", 0, "CNAME loop"),
				secureAnswer("www.shop.com.", dns.TypeCNAME, "CNAME asked for by type is not followed", "shop.cdn.net."),
			},
		},
		{origin: "cdn.net.", hosts: []string{"ns.cdn.net."}, sign: nsec, text: "shop CNAME eu\neu 60 CNAME edge7.cdn-eu.cz.\n"},
		{origin: "cdn-eu.cz.", hosts: []string{"ns.cdn-eu.cz."}, sign: nsec3, text: "edge7 20 A 198.51.100.77\n"},
	}
}
