package batch

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Out is a batch of datagrams to be sent. It belongs to one goroutine at a time.
//
// The invariant is: the first n entries of headers and vecs describe what was added since the last Flush.
type Out struct {
	raw     syscall.RawConn
	headers []header
	vecs    []unix.Iovec
	n       int
	sent    int
	failed  int
	send    func(fd uintptr) bool // made once: a closure per call would allocate
}

// NewOut prepares batches of up to n datagrams.
func NewOut(raw syscall.RawConn, n int) *Out {
	o := &Out{raw: raw, headers: make([]header, n), vecs: make([]unix.Iovec, n)}
	for i := range n {
		o.headers[i].msg.Iov = &o.vecs[i]
		o.headers[i].msg.SetIovlen(1)
	}
	o.send = o.sendTo
	return o
}

// Add queues payload, which is not empty, for p. Neither may change before Flush. It must not be called when the batch is full.
func (o *Out) Add(p *Peer, payload []byte) {
	k := o.n
	o.n++
	o.vecs[k].Base = &payload[0]
	o.vecs[k].SetLen(len(payload))
	address(&o.headers[k].msg, p)
}

// address makes m go to p, from the address p was received at.
func address(m *unix.Msghdr, p *Peer) {
	m.Name, m.Namelen = &p.name[0], uint32(p.nameLen)
	m.Control = nil
	if p.controlLen > 0 {
		m.Control = &p.control[0]
	}
	m.SetControllen(int(p.controlLen))
}

// Flush sends what was added and returns how many left and how many the kernel refused. It
// waits while the socket's send buffer is full.
func (o *Out) Flush() (sent, failed int, err error) {
	if o.n == 0 {
		return 0, 0, nil
	}
	o.sent, o.failed = 0, 0
	err = o.raw.Write(o.send)
	sent, failed = o.sent-o.failed, o.failed
	for i := range o.n { // let go of the memory
		o.vecs[i].Base, o.headers[i].msg.Name, o.headers[i].msg.Control = nil, nil, nil
	}
	o.n = 0
	return sent, failed, err
}

// sendTo sends the rest of the batch. sendmmsg fails only when the first datagram does, so that one
// is skipped and the others go on.
func (o *Out) sendTo(fd uintptr) (done bool) {
	for o.sent < o.n {
		rest := o.headers[o.sent:o.n]
		n, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&rest[0])), uintptr(len(rest)), unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
			o.sent += int(n)
		case unix.EINTR:
		case unix.EAGAIN:
			return false
		default:
			o.sent++
			o.failed++
		}
	}
	return true
}
