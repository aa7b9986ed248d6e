package dns

import (
	"net/netip"
	"strconv"
	"strings"
)

// Zones of reverse names.
const (
	reverse4 Name = "\x07in-addr\x04arpa\x00"
	reverse6 Name = "\x03ip6\x04arpa\x00"
)

const hexDigits = "0123456789abcdef"

// ReverseName returns the name that holds the PTR records of an address (RFC 1035 section 3.5, RFC 3596
// section 2.5). An IPv4-mapped IPv6 address is an IPv6 address.
func ReverseName(ip netip.Addr) Name {
	var wire []byte
	octets := ip.AsSlice()
	for i := len(octets) - 1; i >= 0; i-- {
		if ip.Is6() {
			wire = append(wire, 1, hexDigits[octets[i]&15], 1, hexDigits[octets[i]>>4])
			continue
		}
		label := strconv.Itoa(int(octets[i]))
		wire = append(append(wire, byte(len(label))), label...)
	}
	if ip.Is6() {
		return Name(append(wire, reverse6...))
	}
	return Name(append(wire, reverse4...))
}

// ReverseAddr6 returns the IPv6 address that a name in lower case is the reverse name of.
func ReverseAddr6(n Name) (netip.Addr, bool) {
	const nibbles = 32
	var octets [16]byte
	if len(n) != 2*nibbles+len(reverse6) || n[2*nibbles:] != reverse6 {
		return netip.Addr{}, false
	}
	for i := range nibbles {
		value := strings.IndexByte(hexDigits, n[2*i+1])
		if n[2*i] != 1 || value < 0 {
			return netip.Addr{}, false
		}
		at := nibbles - 1 - i
		octets[at/2] |= byte(value) << (4 * (1 - at%2))
	}
	return netip.AddrFrom16(octets), true
}
