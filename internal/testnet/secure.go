package testnet

import (
	"fmt"
	"strings"

	"github.com/miekg/dns"
)

// secure are the well-behaved signed zones of ordinary content.
func secure() []zoneSpec {
	return []zoneSpec{exampleSE(), exampleCZ(), exampleCOM(), wildSE(), wildCZ(), bigSE()}
}

func exampleSE() zoneSpec {
	return zoneSpec{
		origin: "example.se.", hosts: []string{"ns1.example.se.", "ns2.example.se."}, sign: nsec,
		text: `
@      A     192.0.2.10
@      MX    10 mail
@      TXT   "v=spf1 -all"
@      CAA   0 issue "ca.example.se"
www    A     192.0.2.80
www    AAAA  2001:db8::80
www    HTTPS 1 . alpn=h2 ipv4hint=192.0.2.80
mail   A     192.0.2.25
_sip._tcp SRV 1 2 5060 www
a.b.c  A     192.0.2.11
alias  CNAME www
large  TXT   ` + strings.Repeat(fmt.Sprintf("%q ", strings.Repeat("x", 250)), 14) + "\n",
		expect: []Expectation{
			secureAnswer("www.example.se.", dns.TypeA, "address in a zone with NSEC", "192.0.2.80"),
			secureAnswer("www.example.se.", dns.TypeAAAA, "IPv6 address", "2001:db8::80"),
			secureAnswer("www.example.se.", dns.TypeHTTPS, "service binding", `1 . alpn="h2" ipv4hint="192.0.2.80"`),
			secureAnswer("example.se.", dns.TypeMX, "mail exchanger", "10 mail.example.se."),
			secureAnswer("example.se.", dns.TypeTXT, "text", `"v=spf1 -all"`),
			secureAnswer("example.se.", dns.TypeCAA, "certification authority", `0 issue "ca.example.se"`),
			secureAnswer("_sip._tcp.example.se.", dns.TypeSRV, "service", "1 2 5060 www.example.se."),
			secureAnswer("example.se.", dns.TypeDNSKEY, "keys of a zone", "257 3 13 "),
			secureAnswer("alias.example.se.", dns.TypeA, "CNAME inside one zone", "www.example.se.", "192.0.2.80"),
			secureAnswer("a.b.c.example.se.", dns.TypeA, "below empty non-terminals", "192.0.2.11"),
			noData("b.c.example.se.", dns.TypeA, true, "empty non-terminal, NSEC"),
			noData("mail.example.se.", dns.TypeAAAA, true, "NODATA proven by NSEC"),
			nxdomain("nothing.example.se.", true, "NXDOMAIN proven by NSEC of a second-level zone"),
			nxdomain("x.www.example.se.", true, "NXDOMAIN below an existing name"),
			secureAnswer("large.example.se.", dns.TypeTXT, "answer of 3.5 KB: TCP is needed", `"xxxx`),
		},
	}
}

func exampleCZ() zoneSpec {
	return zoneSpec{
		origin: "example.cz.", hosts: []string{"ns.example.cz."}, sign: nsec3,
		text: "@ A 198.51.100.10\nwww A 198.51.100.80\na.b.c A 198.51.100.11\nmoved DNAME example.se.\nold DNAME new\nwww.new A 198.51.100.81\n",
		expect: []Expectation{
			secureAnswer("www.example.cz.", dns.TypeA, "address in a zone with NSEC3", "198.51.100.80"),
			noData("www.example.cz.", dns.TypeAAAA, true, "NODATA proven by NSEC3"),
			noData("b.c.example.cz.", dns.TypeA, true, "empty non-terminal, NSEC3"),
			nxdomain("nothing.example.cz.", true, "NXDOMAIN proven by NSEC3 of a second-level zone"),
			nxdomain("x.y.z.example.cz.", true, "NXDOMAIN three labels below the closest encloser"),
			secureAnswer("www.old.example.cz.", dns.TypeA, "DNAME inside one zone", "new.example.cz.", "www.new.example.cz.", "198.51.100.81"),
			secureAnswer("www.moved.example.cz.", dns.TypeA, "DNAME to another zone", "example.se.", "www.example.se.", "192.0.2.80"),
			nxdomain("nothing.moved.example.cz.", true, "DNAME to a name that does not exist", "example.se.", "nothing.example.se."),
		},
	}
}

func exampleCOM() zoneSpec {
	return zoneSpec{
		origin: "example.com.", hosts: []string{"ns.example.com."}, sign: nsec3,
		text: "@ A 203.0.113.10\nwww A 203.0.113.80\n",
		expect: []Expectation{
			secureAnswer("www.example.com.", dns.TypeA, "secure zone under an opt-out parent", "203.0.113.80"),
			secureAnswer("example.com.", dns.TypeDS, "DS in an opt-out zone", "55319 13 2 910EDF32"),
		},
	}
}

func wildSE() zoneSpec {
	return zoneSpec{
		origin: "wild.se.", hosts: []string{"ns1.example.se."}, sign: nsec,
		text: "* A 192.0.2.42\nreal TXT \"here\"\n*.alias CNAME www.example.se.\n",
		expect: []Expectation{
			secureAnswer("anything.wild.se.", dns.TypeA, "wildcard with NSEC", "192.0.2.42"),
			secureAnswer("deep.below.wild.se.", dns.TypeA, "wildcard for two labels", "192.0.2.42"),
			secureAnswer("*.wild.se.", dns.TypeA, "the wildcard itself", "192.0.2.42"),
			noData("anything.wild.se.", dns.TypeTXT, true, "NODATA of a wildcard, NSEC"),
			noData("real.wild.se.", dns.TypeA, true, "an existing name hides the wildcard"),
			nxdomain("x.real.wild.se.", true, "no wildcard below an existing name"),
			secureAnswer("x.alias.wild.se.", dns.TypeA, "wildcard CNAME", "www.example.se.", "192.0.2.80"),
		},
	}
}

func wildCZ() zoneSpec {
	return zoneSpec{
		origin: "wild.cz.", hosts: []string{"ns.example.cz."}, sign: nsec3,
		text: "* A 198.51.100.42\nreal TXT \"here\"\n",
		expect: []Expectation{
			secureAnswer("anything.wild.cz.", dns.TypeA, "wildcard with NSEC3", "198.51.100.42"),
			noData("anything.wild.cz.", dns.TypeTXT, true, "NODATA of a wildcard, NSEC3"),
			nxdomain("x.real.wild.cz.", true, "no wildcard below an existing name, NSEC3"),
		},
	}
}

func bigSE() zoneSpec {
	return zoneSpec{
		origin: "big.se.", hosts: []string{"ns.big.se."}, sign: nsec, text: "www A 192.0.2.90\n",
		expect: []Expectation{secureAnswer("www.big.se.", dns.TypeA, "server that truncates everything over UDP", "192.0.2.90")},
	}
}
