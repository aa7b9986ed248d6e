package compile

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"slices"
	"strconv"

	"knot-resolver/internal/dns"
)

var errPrefix = errors.New("not a prefix such as 24.0.2.0.192 or 32.zz.db8.2001")

// parsePrefix reads the prefix in the owner of a rule for addresses: its length, then the address from its end to its
// beginning; in an IPv6 address zz stands for a run of zeros. Bits behind the prefix are ignored.
func parsePrefix(owner dns.Name) (netip.Prefix, error) {
	var labels []string
	for name := owner; name != dns.Root; name = name.Parent() {
		labels = append(labels, name.FirstLabel())
	}
	if len(labels) < 2 {
		return netip.Prefix{}, errPrefix
	}
	bits, err := strconv.ParseUint(labels[0], 10, 8)
	if err != nil {
		return netip.Prefix{}, errPrefix
	}
	words := labels[1:]
	slices.Reverse(words)
	a, ok := parseV6(words)
	if len(words) == 4 && !slices.Contains(words, "zz") {
		a, ok = parseV4(words)
	}
	p, err := a.Prefix(int(bits))
	if !ok || err != nil {
		return netip.Prefix{}, errPrefix
	}
	return p, nil
}

func parseV4(words []string) (netip.Addr, bool) {
	var octets [4]byte
	for i, w := range words {
		n, err := strconv.ParseUint(w, 10, 8)
		if err != nil {
			return netip.Addr{}, false
		}
		octets[i] = byte(n)
	}
	return netip.AddrFrom4(octets), true
}

func parseV6(words []string) (netip.Addr, bool) {
	var octets [16]byte
	if i := slices.Index(words, "zz"); i >= 0 && len(words) <= 8 {
		zeros := slices.Repeat([]string{"0"}, 9-len(words))
		words = slices.Concat(words[:i], zeros, words[i+1:])
	}
	if len(words) != 8 {
		return netip.Addr{}, false
	}
	for i, w := range words {
		n, err := strconv.ParseUint(w, 16, 16)
		if err != nil {
			return netip.Addr{}, false
		}
		binary.BigEndian.PutUint16(octets[2*i:], uint16(n))
	}
	return netip.AddrFrom16(octets), true
}
