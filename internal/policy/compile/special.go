package compile

import (
	"fmt"
	"net/netip"
	"strings"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/policy"
)

// specialTTL is the TTL of the special-use names, in seconds (resolver.md 6.5).
const specialTTL = 3600

// Special-use names that are one rule for a whole subtree (resolver.md 6.5; RFC 6303, RFC 6761 and
// the IANA registries they started). The ranges of RFC 1918 and RFC 6598 are added by emptyZones.
const (
	emptyNames = `
		10.in-addr.arpa 168.192.in-addr.arpa 0.in-addr.arpa 127.in-addr.arpa 254.169.in-addr.arpa
		2.0.192.in-addr.arpa 100.51.198.in-addr.arpa 113.0.203.in-addr.arpa 255.255.255.255.in-addr.arpa
		d.f.ip6.arpa 8.e.f.ip6.arpa 9.e.f.ip6.arpa a.e.f.ip6.arpa b.e.f.ip6.arpa 8.b.d.0.1.0.0.2.ip6.arpa
		home.arpa service.arpa`
	emptyNoDataNames = `resolver.arpa`
	nxdomainNames    = `default.service.arpa 6tisch.arpa eap-noob.arpa invalid local onion test`
)

// specialUse adds the special-use names where the configuration has no rule of its own for everybody.
func specialUse(b *builder) {
	origin := b.origin(policy.Origin{Text: "special-use name", EDE: dns.NoEDE, Special: true})
	at := func(name string) spot { return spot{string(dns.MustName(name)), policy.At, origin} }
	own := func(s spot) bool { return b.find(b.names[s.key], s, policy.Tree, 0) != nil }
	if !own(at("localhost")) {
		localhost(b, origin)
	}
	for kind, names := range map[policy.Subtree][]string{
		policy.SubtreeEmpty:       emptyZones(),
		policy.SubtreeEmptyNoData: strings.Fields(emptyNoDataNames),
		policy.SubtreeNXDomain:    strings.Fields(nxdomainNames),
		policy.SubtreeRedirect:    {"localhost"},
	} {
		for _, name := range names {
			if s := at(name); !own(s) {
				b.subtree(s, kind, specialTTL)
			}
		}
	}
}

func emptyZones() []string {
	list := strings.Fields(emptyNames)
	for i := 16; i <= 31; i++ {
		list = append(list, fmt.Sprintf("%d.172.in-addr.arpa", i))
	}
	for i := 64; i <= 127; i++ {
		list = append(list, fmt.Sprintf("%d.100.in-addr.arpa", i))
	}
	for _, ip := range []netip.Addr{netip.IPv6Unspecified(), netip.IPv6Loopback()} {
		list = append(list, dns.ReverseName(ip).String())
	}
	return list
}

// localhost adds the records of localhost and of the addresses it stands for.
func localhost(b *builder, origin uint16) {
	name := dns.MustName("localhost")
	v4, v6 := netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()
	for _, rec := range []struct {
		owner dns.Name
		typ   dns.Type
		rdata []byte
	}{
		{name, dns.TypeA, v4.AsSlice()}, {name, dns.TypeAAAA, v6.AsSlice()}, {name, dns.TypeNS, []byte(name)}, {name, dns.TypePTR, []byte(name)},
		{dns.ReverseName(v6), dns.TypePTR, []byte(name)}, {dns.ReverseName(v4), dns.TypePTR, []byte(name)},
	} {
		s := spot{string(rec.owner), policy.At, origin}
		if b.find(b.names[s.key], s, policy.Records, uint16(rec.typ)) == nil {
			b.names.put(s, policy.Rule{What: policy.Records, TTL: specialTTL, Kind: uint16(rec.typ), RDatas: dns.RDatas(nil).Append(rec.rdata)})
		}
	}
	// Inside 127.in-addr.arpa, whose other names do not exist, this one needs a mark that it does.
	if s := (spot{string(dns.ReverseName(v4)), policy.At, origin}); b.find(b.names[s.key], s, policy.Marked, 0) == nil {
		b.noData(b.names, s, specialTTL)
	}
}
