// Package batch receives and sends UDP datagrams many at a time, with recvmmsg and sendmmsg, and
// keeps for each the address it was sent to. Nothing in it allocates after [New].
//
// Raw system calls are used because golang.org/x/net allocates several objects per datagram to
// represent addresses. All unsafe code of the server is here: pointers handed to the kernel are
// into memory owned by the Conn, which outlives the call.
package batch

import (
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// header is struct mmsghdr of recvmmsg(2).
type header struct {
	msg unix.Msghdr
	len uint32
}

// Conn is the batch view of one non-blocking UDP socket. It belongs to one goroutine.
//
// Between two calls of Read the invariant is: in[i] describes peers[i] and the buffer of slot i.
type Conn struct {
	raw  syscall.RawConn
	size int // bytes per receive buffer

	in       []header
	inVecs   []unix.Iovec
	peers    []Peer
	buffers  []byte
	received int

	out *Out // answers not yet sent

	errno   syscall.Errno
	receive func(fd uintptr) bool // made once: a closure per call would allocate
}

// New prepares batches of up to n datagrams of up to size bytes each.
func New(raw syscall.RawConn, n, size int) *Conn {
	c := &Conn{
		raw: raw, size: size,
		in: make([]header, n), inVecs: make([]unix.Iovec, n), peers: make([]Peer, n), buffers: make([]byte, n*size),
		out: NewOut(raw, n),
	}
	for i := range n {
		c.inVecs[i].Base = &c.buffers[i*size]
		c.inVecs[i].SetLen(size)
		point(&c.in[i].msg, &c.peers[i], &c.inVecs[i])
		c.arm(i)
	}
	c.receive = c.receiveFrom
	return c
}

// point makes m use the address and control buffers of p and the data of vec.
func point(m *unix.Msghdr, p *Peer, vec *unix.Iovec) {
	m.Name, m.Control, m.Iov = &p.name[0], &p.control[0], vec
	m.SetIovlen(1)
}

// arm resets what the kernel overwrote in slot i.
func (c *Conn) arm(i int) {
	m := &c.in[i].msg
	m.Namelen, m.Flags = nameLen, 0
	m.SetControllen(controlLen)
}

// Read waits for datagrams and returns how many arrived, at least one unless there is an error.
// It forgets the datagrams of the previous call. Errors of a closed socket and of a read deadline
// are those of package net.
func (c *Conn) Read() (int, error) {
	for i := range c.received {
		c.arm(i)
	}
	c.received = 0
	if err := c.raw.Read(c.receive); err != nil {
		return 0, err
	}
	if c.errno != 0 {
		return 0, c.errno
	}
	for i := range c.received {
		m := &c.in[i].msg
		c.peers[i].received(int(m.Namelen), int(m.Controllen))
	}
	return c.received, nil
}

func (c *Conn) receiveFrom(fd uintptr) (ready bool) {
	for {
		n, _, errno := unix.Syscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&c.in[0])), uintptr(len(c.in)), unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case unix.EINTR:
			continue
		case unix.EAGAIN:
			return false
		case 0:
			c.received = int(n)
		}
		c.errno = errno
		return true
	}
}

// Datagram returns the bytes of datagram i, valid until the next Read. It reports false when the
// datagram was longer than the buffer.
func (c *Conn) Datagram(i int) ([]byte, bool) {
	start := i * c.size
	h := &c.in[i]
	return c.buffers[start : start+int(h.len) : start+c.size], h.msg.Flags&unix.MSG_TRUNC == 0
}

// Peer returns the far end of datagram i, valid until the next Read; copy it to keep it.
func (c *Conn) Peer(i int) *Peer { return &c.peers[i] }

// Client returns the source address of datagram i.
func (c *Conn) Client(i int) netip.AddrPort { return c.peers[i].Client() }

// Reply queues payload, which is not empty, as the answer to datagram i. It must not change before
// Flush. There is room for one answer per datagram received.
func (c *Conn) Reply(i int, payload []byte) {
	c.out.Add(&c.peers[i], payload)
}

// Flush sends the queued answers as [Out.Flush] does.
func (c *Conn) Flush() (sent, failed int, err error) { return c.out.Flush() }
