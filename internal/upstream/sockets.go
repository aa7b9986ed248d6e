package upstream

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"net"
	"net/netip"

	"knot-resolver/internal/limits"
)

// Sockets is the real Network. The zero value uses any local address.
type Sockets struct {
	// OutV4 and OutV6 are the local addresses to send from; an invalid one leaves the choice to the kernel.
	OutV4, OutV6 netip.Addr
}

// DialTCP implements Network. Only a configured address is bound to: binding to the wildcard
// would keep a local port to one server at a time.
func (s *Sockets) DialTCP(ctx context.Context, remote netip.AddrPort) (net.Conn, error) {
	remote = unmap(remote)
	dialer := net.Dialer{KeepAlive: -1}
	if local := s.local(remote.Addr()); !local.IsUnspecified() {
		dialer.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(local, 0))
	}
	return dialer.DialContext(ctx, "tcp", remote.String())
}

// local returns the address to send from, unspecified when the kernel is to choose.
func (s *Sockets) local(remote netip.Addr) netip.Addr {
	local, wildcard := s.OutV6, netip.IPv6Unspecified()
	if remote.Is4() {
		local, wildcard = s.OutV4, netip.IPv4Unspecified()
	}
	if local.IsValid() {
		return local
	}
	return wildcard
}

// randomPort draws from all unprivileged ports alike. All workers draw from the whole range (SP-03).
func randomPort() uint16 {
	const ports = limits.UDPPortMax - limits.UDPPortMin + 1
	var b [4]byte
	rand.Read(b[:])
	// The product's upper half is uniform to within 1 part in 65 536, without a division or a loop.
	return uint16(limits.UDPPortMin + uint64(binary.NativeEndian.Uint32(b[:]))*ports>>32)
}

func unmap(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }
