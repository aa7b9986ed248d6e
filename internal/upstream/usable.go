package upstream

import (
	"net/netip"
	"slices"
)

// AddressOptions say which addresses may be asked besides ordinary unicast ones.
type AddressOptions struct {
	QueryLoopback bool             // loopback addresses may be asked
	Listen        []netip.AddrPort // our own addresses; asking them would be talking to ourselves
	Never         []netip.Prefix   // addresses in these are never asked
}

var (
	thisNetwork = netip.MustParsePrefix("0.0.0.0/8")
	reserved    = netip.MustParsePrefix("240.0.0.0/4") // includes the limited broadcast address
)

// Usable says whether a query may be sent to server. Addresses come from glue and anybody
// can write 0.0.0.0 there (SP-14).
func Usable(server netip.AddrPort, o AddressOptions) bool {
	addr := server.Addr().Unmap()
	switch {
	case !addr.IsValid(), server.Port() == 0, addr.IsUnspecified(), addr.IsMulticast():
		return false
	case addr.IsLoopback():
		if !o.QueryLoopback {
			return false
		}
	case addr.IsLinkLocalUnicast():
		if addr.Is6() && addr.Zone() == "" { // without its interface it is no address
			return false
		}
	case addr.Is4():
		if thisNetwork.Contains(addr) || reserved.Contains(addr) {
			return false
		}
	}
	if slices.ContainsFunc(o.Never, func(p netip.Prefix) bool { return p.Contains(addr) }) {
		return false
	}
	return !slices.Contains(o.Listen, netip.AddrPortFrom(addr, server.Port()))
}
