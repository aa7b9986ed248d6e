package upstream

import (
	"io"
	"net"
	"net/netip"
	"os"
	"time"
)

// udpConn makes a net.Conn of a connected datagram socket held by an os.File, which gives
// deadlines through the runtime's poller.
type udpConn struct {
	file          *os.File
	local, remote netip.AddrPort
}

// Read returns one datagram; an empty one is no end of file.
func (c *udpConn) Read(b []byte) (int, error) {
	n, err := c.file.Read(b)
	if err == io.EOF {
		return 0, nil
	}
	return n, err
}

func (c *udpConn) Write(b []byte) (int, error)        { return c.file.Write(b) }
func (c *udpConn) Close() error                       { return c.file.Close() }
func (c *udpConn) SetDeadline(t time.Time) error      { return c.file.SetDeadline(t) }
func (c *udpConn) SetReadDeadline(t time.Time) error  { return c.file.SetReadDeadline(t) }
func (c *udpConn) SetWriteDeadline(t time.Time) error { return c.file.SetWriteDeadline(t) }

// LocalAddr has port 0 when the kernel chose the port.
func (c *udpConn) LocalAddr() net.Addr  { return net.UDPAddrFromAddrPort(c.local) }
func (c *udpConn) RemoteAddr() net.Addr { return net.UDPAddrFromAddrPort(c.remote) }
