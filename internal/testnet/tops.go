package testnet

import (
	"github.com/miekg/dns"

	"knot-resolver/internal/testnet/zone"
)

// tops are the root and the top-level domains.
func tops() []zoneSpec {
	roots := []string{"a.root-servers.net.", "b.root-servers.net."}
	return []zoneSpec{
		{
			origin: ".", hosts: roots, sign: nsec, split: true, text: zone.DigestText,
			twist: func(z *zone.Zone, _ span) { z.Digest() },
			expect: []Expectation{
				secureAnswer(".", dns.TypeNS, "priming the root", "a.root-servers.net.", "b.root-servers.net."),
				secureAnswer(".", dns.TypeDNSKEY, "keys of the root", "257 3 13 ", "256 3 13 "),
				nxdomain("no-such-tld.", true, "NXDOMAIN proven by the NSEC chain of the root"),
			},
		},
		{
			origin: "root-servers.net.", hosts: roots,
			expect: []Expectation{insecureAnswer("a.root-servers.net.", dns.TypeA, "address of a root server, unsigned as the real ones", "127.77.0.1")},
		},
		{
			origin: "arpa.", hosts: roots, sign: nsec,
			expect: []Expectation{secureAnswer("arpa.", dns.TypeDS, "DS of a zone served by the servers of its parent", "27705 13 2 C769BAD2")},
		},
		{origin: "in-addr.arpa.", hosts: []string{"a.in-addr-servers.arpa."}, sign: nsec},
		{
			origin: "18.198.in-addr.arpa.", hosts: []string{"ns1.example.se."}, sign: nsec,
			text: "80.0 PTR www.example.se.\n",
			expect: []Expectation{
				secureAnswer("80.0.18.198.in-addr.arpa.", dns.TypePTR, "reverse lookup", "www.example.se."),
				noData("0.18.198.in-addr.arpa.", dns.TypePTR, true, "empty non-terminal in a reverse zone"),
			},
		},
		{
			origin: "se.", hosts: []string{"a.ns.se.", "b.ns.se."}, sign: nsec, split: true,
			expect: []Expectation{
				secureAnswer("se.", dns.TypeSOA, "top-level domain with NSEC", "a.ns.se. hostmaster.se. 1 "),
				nxdomain("nothing.se.", true, "NXDOMAIN proven by NSEC"),
				secureAnswer("example.se.", dns.TypeDS, "DS is answered by the parent", "37505 13 2 BA68E683"),
				noData("insecure.se.", dns.TypeDS, true, "missing DS proven by NSEC"),
			},
		},
		{
			origin: "cz.", hosts: []string{"a.ns.nic.cz."}, sign: nsec3,
			expect: []Expectation{
				secureAnswer("cz.", dns.TypeSOA, "top-level domain with NSEC3", "a.ns.nic.cz. hostmaster.cz. 1 "),
				nxdomain("nothing.cz.", true, "NXDOMAIN proven by NSEC3"),
				noData("insecure.cz.", dns.TypeDS, true, "missing DS proven by NSEC3"),
			},
		},
		{
			origin: "com.", hosts: []string{"a.gtld-servers.net."}, sign: optOut,
			foreign: "ns.victim.zz. A " + attackerIP + "\n", // for poison.com
			expect: []Expectation{
				secureAnswer("com.", dns.TypeSOA, "top-level domain with NSEC3 opt-out", "a.gtld-servers.net. hostmaster.com. 1 "),
				nxdomain("nothing.com.", false, "NXDOMAIN from an opt-out span is not secure"),
				noData("insecure.com.", dns.TypeDS, false, "missing DS from an opt-out span"),
			},
		},
		{
			origin: "net.", hosts: []string{"a.gtld-servers.net."}, sign: optOut,
			expect: []Expectation{secureAnswer("a.gtld-servers.net.", dns.TypeA, "address of a server of com. and net.", "127.77.3.1")},
		},
		{
			origin: "zz.", hosts: []string{"ns.nic.zz."},
			expect: []Expectation{
				insecureAnswer("zz.", dns.TypeSOA, "unsigned top-level domain", "ns.nic.zz. hostmaster.zz. 1 "),
				nxdomain("nothing.zz.", false, "NXDOMAIN without proof"),
			},
		},
	}
}
