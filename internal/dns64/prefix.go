package dns64

import "net/netip"

// WellKnown is the prefix for translators that need none of their own (RFC 6052 section 2.1).
func WellKnown() netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom16([16]byte{1: 0x64, 2: 0xff, 3: 0x9b}), 96)
}

// Mapped is ::ffff:0:0/96, whose addresses no IPv6 host can use (RFC 6147 section 5.1.4).
func Mapped() netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom16([16]byte{10: 0xff, 11: 0xff}), 96)
}

// ValidLength says whether prefixes of so many bits can carry an IPv4 address (RFC 6052 section 2.2).
func ValidLength(bits int) bool {
	switch bits {
	case 32, 40, 48, 56, 64, 96:
		return true
	}
	return false
}

// reserved is the octet of an address that stays zero: an IPv4 address goes around it (RFC 6052 section 2.2).
const reserved = 8

// Embed puts an IPv4 address behind a prefix of valid length.
func Embed(p netip.Prefix, v4 netip.Addr) netip.Addr {
	out := p.Masked().Addr().As16()
	at := p.Bits() / 8
	for _, octet := range v4.As4() {
		if at == reserved {
			at++
		}
		out[at] = octet
		at++
	}
	return netip.AddrFrom16(out)
}

// Extract returns the IPv4 address behind a prefix of valid length. What follows it does not matter (RFC 6052 section 2.2).
func Extract(p netip.Prefix, a netip.Addr) (v4 netip.Addr, ok bool) {
	if !p.Contains(a) {
		return netip.Addr{}, false
	}
	in := a.As16()
	var octets [4]byte
	at := p.Bits() / 8
	for i := range octets {
		if at == reserved {
			at++
		}
		octets[i] = in[at]
		at++
	}
	return netip.AddrFrom4(octets), true
}
