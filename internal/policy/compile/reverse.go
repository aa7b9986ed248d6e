package compile

import (
	"net/netip"
	"strconv"

	"knot-resolver/internal/dns"
)

// ReverseName returns the name that holds the PTR records of an address (RFC 1035 3.5, RFC 3596
// 2.5). An IPv4-mapped IPv6 address is an IPv6 address.
func ReverseName(ip netip.Addr) dns.Name {
	var wire []byte
	octets := ip.AsSlice()
	for i := len(octets) - 1; i >= 0; i-- {
		if ip.Is6() {
			wire = appendLabel(wire, hex(octets[i]&15))
			wire = appendLabel(wire, hex(octets[i]>>4))
			continue
		}
		wire = appendLabel(wire, strconv.Itoa(int(octets[i])))
	}
	zone := "\x07in-addr\x04arpa\x00"
	if ip.Is6() {
		zone = "\x03ip6\x04arpa\x00"
	}
	return dns.Name(append(wire, zone...))
}

func hex(nibble byte) string { return strconv.FormatUint(uint64(nibble), 16) }

func appendLabel(wire []byte, label string) []byte {
	return append(append(wire, byte(len(label))), label...)
}
