package dns64

import (
	"net/netip"

	"knot-resolver/internal/dns"
)

// SpecialTTL is the TTL of the special names, in seconds, as that of other special-use names.
const SpecialTTL = 3600

// Special answers for ipv4only.arpa, by which clients find out the prefix (RFC 7050), and for the reverse names of its
// addresses: a resolver that makes addresses asks nobody about them (RFC 8880 section 7). The answer is a set, or a denial
// with a SOA: nx says that the name does not exist.
func Special(name dns.Name, t dns.Type) (answer dns.RRset, soa dns.RRset, nx, ok bool) {
	apex, types, ok := special(name)
	if !ok {
		return answer, soa, false, false
	}
	if name == apex {
		if rdatas := types[t]; rdatas != nil {
			return set(name, t, rdatas...), soa, false, true
		}
	}
	return answer, set(apex, dns.TypeSOA, soaData(apex)), name != apex, true
}

// special returns the special zone a name is in, and the records at its apex.
func special(name dns.Name) (apex dns.Name, types map[dns.Type][][]byte, ok bool) {
	const discovery dns.Name = "\x08ipv4only\x04arpa\x00"
	if name.Under(discovery) {
		first, second := addresses()
		return discovery, map[dns.Type][][]byte{
			dns.TypeA: {first.AsSlice(), second.AsSlice()}, dns.TypeNS: {[]byte(discovery)}, dns.TypeSOA: {soaData(discovery)},
		}, true
	}
	const reverse dns.Name = "\x010\x010\x03192\x07in-addr\x04arpa\x00"
	if !name.Below(reverse) {
		return "", nil, false
	}
	first, second := addresses()
	for _, a := range [...]netip.Addr{first, second} {
		if zone := dns.ReverseName(a); name.Under(zone) {
			return zone, map[dns.Type][][]byte{
				dns.TypePTR: {[]byte(discovery)}, dns.TypeNS: {[]byte(zone)}, dns.TypeSOA: {soaData(zone)},
			}, true
		}
	}
	return "", nil, false
}

// addresses are those of ipv4only.arpa (RFC 7050 section 2.2).
func addresses() (first, second netip.Addr) {
	return netip.AddrFrom4([4]byte{192, 0, 0, 170}), netip.AddrFrom4([4]byte{192, 0, 0, 171})
}

func set(owner dns.Name, t dns.Type, rdatas ...[]byte) dns.RRset {
	s := dns.RRset{Owner: owner, Type: t, TTL: SpecialTTL}
	for _, rdata := range rdatas {
		s.RDatas = s.RDatas.Append(rdata)
	}
	return s
}

// soaData is the SOA of a zone that nobody transfers.
func soaData(apex dns.Name) []byte {
	const nobody dns.Name = "\x06nobody\x07invalid\x00"
	rdata := append([]byte(apex), nobody...)
	return append(rdata, 0, 0, 0, 1, 0, 0, 0x0e, 0x10, 0, 0, 4, 0xb0, 0, 9, 0x3a, 0x80, 0, 0, 0x0e, 0x10) // 1 3600 1200 604800 3600
}
