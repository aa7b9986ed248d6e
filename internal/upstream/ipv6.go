package upstream

import (
	"net/netip"
	"slices"

	"knot-resolver/internal/limits"
)

// ipv6Health notices that IPv6 as a whole does not work: several networks in a row are
// silent and none is heard. One answer over IPv6, which exploration sees to, ends it.
type ipv6Health struct {
	broken  bool
	silents []netip.Prefix // distinct /48 networks
}

func (h *ipv6Health) heard() {
	h.broken, h.silents = false, h.silents[:0]
}

func (h *ipv6Health) silent(addr netip.Addr) {
	network, err := addr.WithZone("").Prefix(48)
	if err != nil || h.broken || slices.Contains(h.silents, network) {
		return
	}
	h.silents = append(h.silents, network)
	h.broken = len(h.silents) >= limits.IPv6Timeouts
}
