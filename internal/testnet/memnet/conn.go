package memnet

import (
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"
)

// conn is the client's end of a datagram or stream connection.
type conn struct {
	net       *Net
	transport string
	local     netip.AddrPort
	remote    netip.AddrPort
	deadline  *deadline // of Read; Write never waits
	closed    chan struct{}
	closeOnce sync.Once

	mu    sync.Mutex
	out   []byte        // stream: written bytes short of a whole message
	in    []delivery    // arrived, in order
	ready chan struct{} // has one token while in is not empty
}

// delivery is a datagram or a piece of a stream, or a failure.
type delivery struct {
	data []byte
	err  error
}

func newConn(n *Net, transport string, remote netip.AddrPort) *conn {
	return &conn{
		net: n, transport: transport, local: n.source(), remote: remote,
		deadline: newDeadline(), closed: make(chan struct{}), ready: make(chan struct{}, 1),
	}
}

// Write sends a datagram, or bytes of the stream.
func (c *conn) Write(p []byte) (int, error) {
	select {
	case <-c.closed:
		return 0, c.fail("write", net.ErrClosed)
	default:
	}
	if c.transport == UDP {
		c.send(slices.Clone(p))
		return len(p), nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.out = append(c.out, p...)
	for len(c.out) >= 2 && len(c.out) >= 2+int(binary.BigEndian.Uint16(c.out)) {
		size := 2 + int(binary.BigEndian.Uint16(c.out))
		c.send(slices.Clone(c.out[2:size]))
		c.out = c.out[size:]
	}
	return len(p), nil
}

// send lets the query arrive after the delay of the link, if it does.
func (c *conn) send(query []byte) {
	server, link := c.net.route(c.remote)
	if link.Refused {
		c.net.schedule.after(2*link.Delay, func() { c.deliver(delivery{err: syscall.ECONNREFUSED}) })
		return
	}
	if server == nil || c.isLost(link) {
		return
	}
	c.net.schedule.after(link.Delay, func() {
		for _, raw := range ask(server, c.transport, c.local, query) {
			if !c.isLost(link) {
				c.reply(link, raw)
			}
		}
	})
}

func (c *conn) isLost(l Link) bool { return c.transport == UDP && c.net.isLost(l.Loss) }

// reply lets a reply arrive after the delay of the link.
func (c *conn) reply(link Link, raw []byte) {
	d := delivery{data: slices.Clone(raw)}
	if c.transport == TCP {
		d.data = append(binary.BigEndian.AppendUint16(nil, uint16(len(raw))), raw...)
	}
	if c.transport == TCP && len(raw) == 0 {
		d = delivery{err: io.EOF}
	}
	c.net.schedule.after(link.Delay, func() { c.deliver(d) })
}

func (c *conn) deliver(d delivery) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.in = append(c.in, d)
	c.signal()
}

func (c *conn) signal() {
	select {
	case c.ready <- struct{}{}:
	default:
	}
}

// Read takes the next datagram, or bytes of the stream.
func (c *conn) Read(p []byte) (int, error) {
	for {
		moved := c.deadline.moved() // before passed, or a move in between goes unnoticed
		select {                    // what ended the connection goes first
		case <-c.closed:
			return 0, c.fail("read", net.ErrClosed)
		case <-c.deadline.passed():
			return 0, c.fail("read", os.ErrDeadlineExceeded)
		default:
		}
		select {
		case <-c.closed:
		case <-c.deadline.passed():
		case <-moved:
		case <-c.ready:
			if n, ok, err := c.take(p); ok {
				return n, err
			}
		}
	}
}

// take hands out the first delivery; not ok if another reader was faster.
func (c *conn) take(p []byte) (n int, ok bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.in) == 0 {
		return 0, false, nil
	}
	d := &c.in[0]
	n, err = copy(p, d.data), d.err
	switch {
	case err == io.EOF: // stays: every later Read finds the end, too
	case c.transport == TCP && n < len(d.data):
		d.data = d.data[n:]
	default:
		c.in = c.in[1:]
	}
	if len(c.in) > 0 {
		c.signal()
	}
	if err != nil && err != io.EOF {
		err = c.fail("read", err)
	}
	return n, true, err
}

func (c *conn) fail(op string, err error) error {
	return &net.OpError{Op: op, Net: c.transport, Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: err}
}

// Close ends the connection; what arrives later is lost.
func (c *conn) Close() error {
	c.closeOnce.Do(func() { close(c.closed) })
	return nil
}

func (c *conn) LocalAddr() net.Addr  { return addrOf(c.transport, c.local) }
func (c *conn) RemoteAddr() net.Addr { return addrOf(c.transport, c.remote) }

func (c *conn) SetDeadline(t time.Time) error      { return c.SetReadDeadline(t) }
func (c *conn) SetReadDeadline(t time.Time) error  { c.deadline.set(t); return nil }
func (c *conn) SetWriteDeadline(_ time.Time) error { return nil }
