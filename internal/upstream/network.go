package upstream

import (
	"context"
	"net"
	"net/netip"
)

// Network opens connections to servers. It is the only way out, so that tests can put an
// in-memory network in its place. Implementations are safe for concurrent use.
type Network interface {
	// DialUDP returns a connected UDP socket, new and with an unpredictable source port.
	// Each Read returns one datagram.
	DialUDP(ctx context.Context, remote netip.AddrPort) (net.Conn, error)
	// DialTCP returns an open TCP connection.
	DialTCP(ctx context.Context, remote netip.AddrPort) (net.Conn, error)
}
