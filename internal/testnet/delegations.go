package testnet

import "github.com/miekg/dns"

// delegations are zones that are found in unusual ways.
func delegations() []zoneSpec {
	same := []string{"ns.same.cz."}
	return []zoneSpec{
		{
			origin: "hoster.se.", hosts: []string{"ns.hoster.se."}, sign: nsec,
			expect: []Expectation{secureAnswer("ns.hoster.se.", dns.TypeA, "address of the server of other zones", "127.77.24.1")},
		},
		{
			origin: "glueless.cz.", hosts: []string{"ns.hoster.se."}, sign: nsec3, text: "www A 198.51.100.60\n",
			expect: []Expectation{secureAnswer("www.glueless.cz.", dns.TypeA, "delegation without glue: the server is in another top-level domain", "198.51.100.60")},
		},
		{origin: "dnshost.cz.", hosts: []string{"ns.hoster.se."}, sign: nsec3, text: ""},
		{
			origin: "deepglue.com.", hosts: []string{"ns.dnshost.cz."}, sign: nsec, text: "www A 203.0.113.61\n",
			expect: []Expectation{secureAnswer("www.deepglue.com.", dns.TypeA, "address of the server is behind a delegation without glue", "203.0.113.61")},
		},
		{
			origin: "victim.zz.", hosts: []string{"ns.victim.zz."}, text: "www A 203.0.113.62\n",
			expect: []Expectation{insecureAnswer("www.victim.zz.", dns.TypeA, "zone whose server the glue of another one lies about", "203.0.113.62")},
		},
		{
			origin: "poison.com.", hosts: []string{"ns.victim.zz."}, text: "www A 203.0.113.63\n",
			expect: []Expectation{insecureAnswer("www.poison.com.", dns.TypeA, "out-of-bailiwick glue leads to an attacker if believed", "203.0.113.63")},
		},
		{
			origin: "same.cz.", hosts: same, sign: nsec3, text: "www A 198.51.100.64\n",
			expect: []Expectation{secureAnswer("www.same.cz.", dns.TypeA, "parent of a child on the same server", "198.51.100.64")},
		},
		{
			origin: "child.same.cz.", hosts: same, sign: nsec, text: "www A 198.51.100.65\n",
			expect: []Expectation{
				secureAnswer("www.child.same.cz.", dns.TypeA, "parent and child on one server: no referral in between", "198.51.100.65"),
				secureAnswer("child.same.cz.", dns.TypeDS, "DS from a server that has both zones", "21935 13 2 6D565D0A"),
			},
		},
		{
			origin: "plain.same.cz.", hosts: same, text: "www A 198.51.100.66\n",
			expect: []Expectation{insecureAnswer("www.plain.same.cz.", dns.TypeA, "insecure child on the server of its secure parent", "198.51.100.66")},
		},
		{
			origin: "x.y.z.example.se.", hosts: []string{"ns.x.y.z.example.se."}, sign: nsec, text: "www A 192.0.2.67\n",
			expect: []Expectation{
				secureAnswer("www.x.y.z.example.se.", dns.TypeA, "child zone three labels below its parent", "192.0.2.67"),
				noData("y.z.example.se.", dns.TypeA, true, "empty non-terminal above a zone cut"),
			},
		},
	}
}
