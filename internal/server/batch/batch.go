// Package batch receives and sends UDP datagrams many at a time, with recvmmsg and sendmmsg, and
// keeps for each the address it was sent to. Nothing in it allocates after [New].
//
// Raw system calls are used because golang.org/x/net allocates several objects per datagram to
// represent addresses. Unsafe code is for that alone: pointers handed to the kernel are
// into memory owned by the Conn, which outlives the call.
package batch

import (
	"net/netip"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"knot-resolver/internal/limits"
)

// header is struct mmsghdr of recvmmsg(2).
type header struct {
	msg unix.Msghdr
	len uint32
}

// Conn is the batch view of one non-blocking UDP socket. It belongs to one goroutine.
//
// Between two calls of Read the invariant is: area.in[i] describes peers[i] and area.buffers[i].
type Conn struct {
	raw      syscall.RawConn
	area     *Area
	peers    [limits.UDPBatch]Peer
	received int

	out *Out // answers not yet sent

	errno   syscall.Errno
	receive func(fd uintptr) bool // made once: a closure per call would allocate
}

// New prepares batches that are received into area, which may be one that has been used. What was in it is forgotten.
func New(raw syscall.RawConn, area *Area) *Conn {
	c := &Conn{raw: raw, area: area, out: NewOut(raw, limits.UDPBatch)}
	area.Reset()
	for i := range area.in {
		m, vec, from := &area.in[i].msg, &area.vecs[i], &area.origins[i]
		vec.Base = &area.buffers[i][0]
		vec.SetLen(len(area.buffers[i]))
		m.Name, m.Control, m.Iov = &from.name[0], &from.control[0], vec
		m.SetIovlen(1)
		c.arm(i)
	}
	c.receive = c.receiveFrom
	return c
}

// arm forgets datagram i and resets what the kernel overwrote with it.
func (c *Conn) arm(i int) {
	c.area.in[i].len = 0
	m := &c.area.in[i].msg
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
	c.received, c.area.taken = 0, 0
	if err := c.raw.Read(c.receive); err != nil {
		return 0, err
	}
	if c.errno != 0 {
		return 0, c.errno
	}
	c.area.taken = time.Now().UnixNano()
	for i := range c.received {
		m := &c.area.in[i].msg
		c.peers[i].Origin = c.area.origins[i]
		c.peers[i].received(int(m.Namelen), int(m.Controllen))
	}
	return c.received, nil
}

func (c *Conn) receiveFrom(fd uintptr) (ready bool) {
	for {
		n, _, errno := unix.Syscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&c.area.in[0])), uintptr(len(c.area.in)), unix.MSG_DONTWAIT, 0, 0)
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
	h := &c.area.in[i]
	return c.area.buffers[i][:h.len], h.msg.Flags&unix.MSG_TRUNC == 0
}

// Forget marks datagram i as no longer in the batch's care: somebody else has it, or it needs no answer.
// Its bytes stay valid. The next Read forgets all.
func (c *Conn) Forget(i int) { c.area.in[i].len = 0 }

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
