package testnet

import "github.com/miekg/dns"

// servers are zones on servers that misbehave; see serverTable for how.
func servers() []zoneSpec {
	on := func(origin string, sign signing, why string, hosts ...string) zoneSpec {
		z := zoneSpec{origin: origin, hosts: hosts, sign: sign, text: "www A 192.0.2.70\na.ent A 192.0.2.71\n"}
		z.expect = []Expectation{{Name: "www." + origin, Type: dns.TypeA, AD: sign != unsigned, Want: []string{"192.0.2.70"}, Why: why}}
		return z
	}
	down := func(origin, why string, hosts ...string) zoneSpec {
		z := on(origin, unsigned, why, hosts...)
		z.expect = []Expectation{failure("www."+origin, dns.ExtendedErrorCodeNoReachableAuthority, why)}
		return z
	}

	lame := down("lame.se.", "the only server does not have the zone", "ns.hoster.se.")
	lame.lame = lame.hosts
	halfLame := on("halflame.se.", nsec, "one of two servers does not have the zone", "ns.hoster.se.", "ns1.example.se.")
	halfLame.lame = halfLame.hosts[:1]
	ent := on("entbreaker.zz.", unsigned, "server that says NXDOMAIN for empty non-terminals", "ns.entbreaker.zz.")
	ent.expect = append(ent.expect, insecureAnswer("a.ent.entbreaker.zz.", dns.TypeA, "name below a denied empty non-terminal", "192.0.2.71"))

	return []zoneSpec{
		lame, halfLame, ent,
		down("refused.zz.", "server that refuses everything", "ns.refused.zz."),
		down("servfail.zz.", "server that fails everything", "ns.servfail.zz."),
		down("down.zz.", "nothing listens at the server's address", "ns.down.zz."),
		on("halfdead.se.", nsec, "one of two servers is silent", "dead.halfdead.se.", "ns.halfdead.se."),
		down("noedns.zz.", "server that drops queries with EDNS: nobody works around that since 2019", "ns.noedns.zz."),
		on("formerr.zz.", unsigned, "server that answers FORMERR to EDNS", "ns.formerr.zz."),
		on("lowercase.se.", nsec, "server that lower-cases the question", "ns.lowercase.se."),
	}
}

// serverTable is every server of the world.
func serverTable() []serverSpec {
	return []serverSpec{
		{host: "a.root-servers.net.", ip: "127.77.0.1"},
		{host: "b.root-servers.net.", ip: "127.77.0.2"},
		{host: "a.ns.se.", ip: "127.77.1.1"},
		{host: "b.ns.se.", ip: "127.77.1.2"},
		{host: "a.ns.nic.cz.", ip: "127.77.2.1"},
		{host: "a.gtld-servers.net.", ip: "127.77.3.1"},
		{host: "ns.nic.zz.", ip: "127.77.4.1"},
		{host: "a.in-addr-servers.arpa.", ip: "127.77.5.1"},
		{host: "ns1.example.se.", ip: "127.77.16.1"},
		{host: "ns2.example.se.", ip: "127.77.16.2"},
		{host: "ns.example.cz.", ip: "127.77.17.1"},
		{host: "ns.example.com.", ip: "127.77.18.1"},
		{host: "ns.example.zz.", ip: "127.77.19.1"},
		{host: "ns.big.se.", ip: "127.77.20.1", quirk: truncateUDP},
		{host: "ns.cdn.net.", ip: "127.77.21.1"},
		{host: "ns.cdn-eu.cz.", ip: "127.77.22.1"},
		{host: "ns.hoster.se.", ip: "127.77.24.1"},
		{host: "ns.dnshost.cz.", ip: "127.77.25.1"},
		{host: "ns.victim.zz.", ip: "127.77.26.1"},
		{host: "ns.same.cz.", ip: "127.77.27.1"},
		{host: "ns.x.y.z.example.se.", ip: "127.77.28.1"},
		{host: "ns.entbreaker.zz.", ip: "127.77.32.1", quirk: denyEmptyNonTerminals},
		{host: "ns.refused.zz.", ip: "127.77.33.1", quirk: alwaysRCode(dns.RcodeRefused)},
		{host: "ns.servfail.zz.", ip: "127.77.34.1", quirk: alwaysRCode(dns.RcodeServerFailure)},
		{host: "ns.down.zz.", ip: "127.77.35.1", closed: true},
		{host: "dead.halfdead.se.", ip: "127.77.36.1", quirk: silent},
		{host: "ns.halfdead.se.", ip: "127.77.36.2"},
		{host: "ns.noedns.zz.", ip: "127.77.37.1", quirk: dropEDNS},
		{host: "ns.formerr.zz.", ip: "127.77.38.1", quirk: formErrEDNS},
		{host: "ns.lowercase.se.", ip: "127.77.39.1", quirk: lowerCase},
		{host: "attacker.invalid.", ip: attackerIP, quirk: attack},
	}
}
