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

// specialUse adds the special-use names where the configuration has no rule of its own.
func specialUse(b *builder) {
	h := policy.Header{Origin: b.origin("special-use name", dns.NoEDE), TTL: specialTTL}
	own := b.subtrees[dns.MustName("localhost")].kind != policy.SubtreeNone
	for kind, names := range map[policy.Subtree][]string{
		policy.SubtreeEmpty:       emptyZones(),
		policy.SubtreeEmptyNoData: strings.Fields(emptyNoDataNames),
		policy.SubtreeNXDomain:    strings.Fields(nxdomainNames),
		policy.SubtreeRedirect:    {"localhost"},
	} {
		for _, name := range names {
			s := b.subtrees[dns.MustName(name)]
			if s.kind == policy.SubtreeNone {
				s.header, s.kind = h, kind
			}
			b.subtrees[dns.MustName(name)] = s
		}
	}
	if !own {
		localhost(b, h)
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
		list = append(list, ReverseName(ip).String())
	}
	return list
}

// localhost adds the records of localhost and of the addresses it stands for.
func localhost(b *builder, h policy.Header) {
	name := dns.MustName("localhost")
	one := func(rdata []byte) dns.RDatas { return dns.RDatas(nil).Append(rdata) }
	v4, v6 := netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()
	b.special(name, dns.TypeA, h, one(v4.AsSlice()))
	b.special(name, dns.TypeAAAA, h, one(v6.AsSlice()))
	b.special(name, dns.TypeNS, h, one([]byte(name)))
	b.special(name, dns.TypePTR, h, one([]byte(name)))
	b.special(ReverseName(v6), dns.TypePTR, h, one([]byte(name)))
	// Inside 127.in-addr.arpa, whose other names do not exist, this one needs a mark that it does.
	b.special(ReverseName(v4), dns.TypePTR, h, one([]byte(name)))
	b.node(ReverseName(v4), 0).noData(h, b.names[ReverseName(v4)].mark == policy.MarkNone)
}

// special adds a whole set unless the configuration has one, or a response policy zone decides about
// the name.
func (b *builder) special(name dns.Name, t dns.Type, h policy.Header, records dns.RDatas) {
	n := b.node(name, 0)
	if n.layer == 0 && n.set(t) == nil {
		n.sets = append(n.sets, set{typ: t, header: h, records: records})
	}
}
