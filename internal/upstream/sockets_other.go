//go:build !linux

package upstream

import (
	"context"
	"net"
	"net/netip"

	"knot-resolver/internal/limits"
)

// DialUDP implements Network.
func (s *Sockets) DialUDP(ctx context.Context, remote netip.AddrPort) (net.Conn, error) {
	remote = unmap(remote)
	local := s.local(remote.Addr())
	var dialer net.Dialer
	for range limits.UDPPortTries {
		conn, err := dialer.DialUDP(ctx, "udp", netip.AddrPortFrom(local, randomPort()), remote)
		if err == nil {
			return conn, nil
		}
	}
	conn, err := dialer.DialUDP(ctx, "udp", netip.AddrPortFrom(local, 0), remote)
	if err != nil {
		return nil, err
	}
	return conn, nil
}
