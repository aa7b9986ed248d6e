package rpl

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"sync"
)

// network is the way out of the resolver. Its connections are pipes; what is written to
// one becomes a request, which waits in a list until the script has something to say to
// it or its connection is closed.
type network struct {
	listens func(netip.Addr) bool // whether TCP connections to an address come about
	wake    chan struct{}         // has a token after something arrived

	mu       sync.Mutex
	requests []*request // outstanding, oldest first
	conns    sync.WaitGroup
}

// request is a message the resolver sent.
type request struct {
	server netip.Addr
	msg    *message
	conn   *conn
}

func newNetwork(listens func(netip.Addr) bool) *network {
	return &network{listens: listens, wake: make(chan struct{}, 1)}
}

// DialUDP makes a connection on which every write is a datagram.
func (n *network) DialUDP(ctx context.Context, remote netip.AddrPort) (net.Conn, error) {
	return n.connect(ctx, remote, false)
}

// DialTCP makes a stream. To an address where nobody listens nothing happens until the caller gives up.
func (n *network) DialTCP(ctx context.Context, remote netip.AddrPort) (net.Conn, error) {
	if !n.listens(remote.Addr()) {
		<-ctx.Done()
	}
	return n.connect(ctx, remote, true)
}

func (n *network) connect(ctx context.Context, remote netip.AddrPort, tcp bool) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	near, far := net.Pipe()
	c := &conn{network: n, server: remote.Addr().Unmap(), pipe: far, tcp: tcp}
	n.conns.Go(c.read)
	return endpoint{near, tcp, remote}, nil
}

// notify tells whoever waits that something happened.
func (n *network) notify() {
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// outstanding returns the requests nobody has replied to, oldest first.
func (n *network) outstanding() []*request {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]*request(nil), n.requests...)
}

// forget takes requests off the list.
func (n *network) forget(gone func(*request) bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	kept := n.requests[:0]
	for _, r := range n.requests {
		if !gone(r) {
			kept = append(kept, r)
		}
	}
	n.requests = kept
}

// reply sends messages in answer to a request, which is then done.
func (n *network) reply(req *request, messages [][]byte) {
	n.drop(req)
	for _, raw := range messages {
		if req.conn.send(raw) != nil {
			return // the resolver has hung up
		}
	}
}

// drop leaves a request without reply.
func (n *network) drop(req *request) { n.forget(func(r *request) bool { return r == req }) }

// conn is the script's end of a connection.
type conn struct {
	network *network
	server  netip.Addr
	pipe    net.Conn
	tcp     bool
}

// read turns what arrives into requests until the resolver closes its end.
func (c *conn) read() {
	buf := make([]byte, 65535)
	for {
		raw, err := c.receive(buf)
		if err != nil {
			break
		}
		msg, err := decode(raw)
		if err != nil {
			continue
		}
		msg.TCP = c.tcp
		n := c.network
		n.mu.Lock()
		n.requests = append(n.requests, &request{server: c.server, msg: msg, conn: c})
		n.mu.Unlock()
		n.notify()
	}
	c.pipe.Close()
	c.network.forget(func(r *request) bool { return r.conn == c })
}

func (c *conn) receive(buf []byte) ([]byte, error) {
	if !c.tcp {
		n, err := c.pipe.Read(buf)
		return buf[:n], err
	}
	var length [2]byte
	if _, err := io.ReadFull(c.pipe, length[:]); err != nil {
		return nil, err
	}
	raw := buf[:binary.BigEndian.Uint16(length[:])]
	_, err := io.ReadFull(c.pipe, raw)
	return raw, err
}

func (c *conn) send(raw []byte) error {
	if c.tcp {
		raw = append(binary.BigEndian.AppendUint16(nil, uint16(len(raw))), raw...)
	}
	_, err := c.pipe.Write(raw)
	return err
}

// endpoint is the resolver's end of a connection: a pipe with addresses.
type endpoint struct {
	net.Conn
	tcp    bool
	remote netip.AddrPort
}

func (e endpoint) LocalAddr() net.Addr {
	return addrOf(e.tcp, netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 40000))
}

func (e endpoint) RemoteAddr() net.Addr { return addrOf(e.tcp, e.remote) }

func addrOf(tcp bool, a netip.AddrPort) net.Addr {
	if tcp {
		return net.TCPAddrFromAddrPort(a)
	}
	return net.UDPAddrFromAddrPort(a)
}
