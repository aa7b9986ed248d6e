package memnet

import "net"

// packetConn is a datagram connection. Libraries tell by its methods that
// messages on it have no length in front.
type packetConn struct{ *conn }

// ReadFrom is Read; replies come from the remote address only.
func (c packetConn) ReadFrom(p []byte) (int, net.Addr, error) {
	n, err := c.Read(p)
	return n, c.RemoteAddr(), err
}

// WriteTo is Write; the connection leads to one address only.
func (c packetConn) WriteTo(p []byte, _ net.Addr) (int, error) { return c.Write(p) }
