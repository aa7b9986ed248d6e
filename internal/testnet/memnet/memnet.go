package memnet

import (
	"context"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"
)

// Transports as servers see them.
const (
	UDP = "udp"
	TCP = "tcp"
)

// Server is whatever answers at an address. Answer gets one query without TCP
// length and returns the raw replies to it; none means silence. An empty reply
// is an empty datagram, or over TCP the end of the connection. Answer may be
// called concurrently and must not block.
type Server interface {
	Answer(transport string, query []byte) [][]byte
}

// SourceServer is a Server that also wants to know who asks.
type SourceServer interface {
	Server
	AnswerFrom(transport string, from netip.AddrPort, query []byte) [][]byte
}

// ServerFunc is a function as a Server.
type ServerFunc func(transport string, query []byte) [][]byte

// Answer calls the function.
func (f ServerFunc) Answer(transport string, query []byte) [][]byte { return f(transport, query) }

// Link is the way to one address.
type Link struct {
	Delay time.Duration // one way: a UDP reply takes twice as long, a TCP one four times
	Loss  float64       // share of datagrams lost, per direction; TCP loses nothing
	// Refused makes the host answer that nothing listens there.
	Refused bool
}

// Net is the network. The zero value is not usable; see [New].
type Net struct {
	schedule schedule

	mu      sync.Mutex
	servers map[netip.AddrPort]Server
	links   map[netip.Addr]Link
	rng     *rand.Rand
	port    uint16
}

// client is the address all queries come from.
var client = netip.AddrFrom4([4]byte{127, 77, 255, 1})

// firstPort is the source port of the first connection; later ones count up.
const firstPort = 20000

// New is an empty network. The same seed gives the same losses.
func New(seed uint64) *Net {
	var key [32]byte
	for i := range 8 {
		key[i] = byte(seed >> (8 * i))
	}
	return &Net{
		servers: map[netip.AddrPort]Server{},
		links:   map[netip.Addr]Link{},
		rng:     rand.New(rand.NewChaCha8(key)),
		port:    firstPort,
	}
}

// Listen puts a server at an address; nil takes it away.
func (n *Net) Listen(addr netip.AddrPort, s Server) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if s == nil {
		delete(n.servers, addr)
		return
	}
	n.servers[addr] = s
}

// SetLink sets the quality of the way to an address, from now on.
func (n *Net) SetLink(addr netip.Addr, l Link) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.links[addr] = l
}

// DialUDP is a connection that sends each Write as one datagram to remote and
// reads one reply with each Read. Where no server is, everything is lost,
// unless the link says Refused: then Read fails with ECONNREFUSED. Like a UDP
// socket of package net, the connection is a net.PacketConn, too.
func (n *Net) DialUDP(ctx context.Context, remote netip.AddrPort) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, dialError(UDP, remote, err)
	}
	return packetConn{newConn(n, UDP, remote)}, nil
}

// DialTCP is a byte stream to remote on which every message has a two-byte
// length before it. It takes a round trip. Where no server is, it fails with
// ECONNREFUSED.
func (n *Net) DialTCP(ctx context.Context, remote netip.AddrPort) (net.Conn, error) {
	server, link := n.route(remote)
	timer := time.NewTimer(2 * link.Delay)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return nil, dialError(TCP, remote, ctx.Err())
	case <-timer.C:
	}
	if server == nil || link.Refused {
		return nil, dialError(TCP, remote, syscall.ECONNREFUSED)
	}
	return newConn(n, TCP, remote), nil
}

func dialError(transport string, remote netip.AddrPort, err error) error {
	return &net.OpError{Op: "dial", Net: transport, Addr: addrOf(transport, remote), Err: err}
}

func addrOf(transport string, a netip.AddrPort) net.Addr {
	if transport == UDP {
		return net.UDPAddrFromAddrPort(a)
	}
	return net.TCPAddrFromAddrPort(a)
}

func (n *Net) route(remote netip.AddrPort) (Server, Link) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.servers[remote], n.links[remote.Addr()]
}

// source is a fresh source address.
func (n *Net) source() netip.AddrPort {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.port = max(n.port+1, firstPort)
	return netip.AddrPortFrom(client, n.port)
}

// isLost draws the fate of one datagram.
func (n *Net) isLost(share float64) bool {
	if share <= 0 {
		return false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.rng.Float64() < share
}

// ask hands a query to a server.
func ask(s Server, transport string, from netip.AddrPort, query []byte) [][]byte {
	if sourced, ok := s.(SourceServer); ok {
		return sourced.AnswerFrom(transport, from, query)
	}
	return s.Answer(transport, query)
}
