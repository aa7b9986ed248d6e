package app

import (
	"fmt"
	"net"
	"net/netip"

	"knot-resolver/internal/config"
)

// addresses lists where to listen: the address of l, or all addresses that its
// interface has now.
func addresses(l config.Listen) ([]netip.AddrPort, error) {
	if l.Interface == "" {
		return []netip.AddrPort{netip.AddrPortFrom(l.Addr, l.Port)}, nil
	}
	nic, err := net.InterfaceByName(l.Interface)
	if err != nil {
		return nil, fmt.Errorf("listen on interface %s: %w", l.Interface, err)
	}
	prefixes, err := nic.Addrs()
	if err != nil {
		return nil, fmt.Errorf("listen on interface %s: %w", l.Interface, err)
	}
	var list []netip.AddrPort
	for _, p := range prefixes {
		prefix, err := netip.ParsePrefix(p.String())
		if err != nil {
			continue // not an IP address
		}
		addr := prefix.Addr()
		if addr.IsLinkLocalUnicast() && addr.Is6() {
			addr = addr.WithZone(nic.Name)
		}
		list = append(list, netip.AddrPortFrom(addr, l.Port))
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("listen on interface %s: it has no address", l.Interface)
	}
	return list, nil
}
