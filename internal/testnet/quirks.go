package testnet

import (
	"net"

	"github.com/miekg/dns"

	"knot-resolver/internal/testnet/memnet"
	"knot-resolver/internal/testnet/zone"
)

// Quirk turns the right reply to a query into what a server sends instead; nil
// is silence.
type Quirk func(transport string, query, right *dns.Msg) *dns.Msg

const (
	// attackerIP is the address that false glue points to.
	attackerIP = "127.77.66.6"
	// forgedIP is what the attacker answers for every name.
	forgedIP = "192.0.2.66"
)

func silent(string, *dns.Msg, *dns.Msg) *dns.Msg { return nil }

func alwaysRCode(rcode int) Quirk {
	return func(_ string, query, _ *dns.Msg) *dns.Msg { return new(dns.Msg).SetRcode(query, rcode) }
}

func truncateUDP(transport string, _, right *dns.Msg) *dns.Msg {
	if transport == memnet.UDP {
		return zone.Truncated(right)
	}
	return right
}

func dropEDNS(_ string, query, right *dns.Msg) *dns.Msg {
	if query.IsEdns0() != nil {
		return nil
	}
	return right
}

// formErrEDNS answers as a server older than EDNS: FORMERR and no OPT.
func formErrEDNS(_ string, query, right *dns.Msg) *dns.Msg {
	if query.IsEdns0() != nil {
		return new(dns.Msg).SetRcode(query, dns.RcodeFormatError)
	}
	return right
}

func lowerCase(_ string, _, right *dns.Msg) *dns.Msg {
	right.Question = []dns.Question{right.Question[0]}
	right.Question[0].Name = dns.CanonicalName(right.Question[0].Name)
	return right
}

// denyEmptyNonTerminals says NXDOMAIN where the right answer is "no data".
func denyEmptyNonTerminals(_ string, _, right *dns.Msg) *dns.Msg {
	isEmpty := right.Rcode == dns.RcodeSuccess && len(right.Answer) == 0
	if isEmpty && right.Authoritative && dns.CountLabel(right.Question[0].Name) > 2 {
		right.Rcode = dns.RcodeNameError
	}
	return right
}

// attack claims authority over everything.
func attack(_ string, query, _ *dns.Msg) *dns.Msg {
	m := new(dns.Msg).SetReply(query)
	m.Authoritative = true
	if q := query.Question[0]; q.Qtype == dns.TypeA {
		m.Answer = []dns.RR{&dns.A{
			Hdr: dns.RR_Header{Name: q.Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 3600},
			A:   net.ParseIP(forgedIP),
		}}
	}
	return m
}
