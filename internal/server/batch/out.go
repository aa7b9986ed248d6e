package batch

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"knot-resolver/internal/limits"
)

// Out is a batch of datagrams to be sent. It belongs to one goroutine at a time.
//
// What goes to one client in datagrams of one size, and a shorter one, leaves as a train: one message of
// sendmmsg, which the kernel carries through its stack as a whole and cuts into datagrams at the end
// (UDP_SEGMENT of udp(7)). A forwarder or a load balancer before us asks from few ports, so its trains are long.
type Out struct {
	raw      syscall.RawConn
	entries  []entry // what was added since the last Flush, with its place in the trains
	trains   []train
	index    index
	vecs     []unix.Iovec // of all datagrams, train after train
	headers  []header     // the first len(units) are those of units
	controls []trainControl
	units    []unit // what is sent as one: whole trains, and datagrams of trains that the kernel refused
	at       int    // the unit to be sent next
	refused  int    // trains refused since the last one that left, see limits.UDPTrainRefusals
	done     int    // datagrams sent or failed
	failed   int
	send     func(fd uintptr) bool // made once: a closure per call would allocate
}

type entry struct {
	peer    *Peer
	payload []byte
	train   uint8
}

// unit is a message of sendmmsg: datagrams first to first+count-1 of the order of vecs.
type unit struct {
	peer         *Peer
	first, count int
}

// NewOut prepares batches of up to n datagrams, at most [limits.UDPBatch].
func NewOut(raw syscall.RawConn, n int) *Out {
	o := &Out{
		raw: raw, entries: make([]entry, 0, n), trains: make([]train, 0, n), vecs: make([]unix.Iovec, n),
		headers: make([]header, n), controls: make([]trainControl, n), units: make([]unit, 0, n),
	}
	o.send = o.sendTo
	return o
}

// Add queues payload, which is not empty, for p. Neither may change before Flush. It must not be called when the batch is full.
func (o *Out) Add(p *Peer, payload []byte) {
	o.entries = append(o.entries, entry{peer: p, payload: payload})
}

// Flush sends what was added and returns how many left and how many the kernel refused. It
// waits while the socket's send buffer is full.
func (o *Out) Flush() (sent, failed int, err error) {
	if len(o.entries) == 0 {
		return 0, 0, nil
	}
	o.form()
	o.lay()
	o.at, o.done, o.failed = 0, 0, 0
	err = o.raw.Write(o.send)
	sent, failed = o.done-o.failed, o.failed
	o.release()
	return sent, failed, err
}

// release lets go of the memory of the batch.
func (o *Out) release() {
	clear(o.entries)
	clear(o.trains)
	for i := range o.units {
		m := &o.headers[i].msg
		m.Name, m.Control, m.Iov = nil, nil, nil
	}
	for i := range o.entries {
		o.vecs[i].Base = nil
	}
	clear(o.units)
	o.entries, o.units = o.entries[:0], o.units[:0]
}

// lay makes the messages of all trains.
func (o *Out) lay() {
	first := 0
	for i := range o.trains {
		t := &o.trains[i]
		if t.tailing {
			continue
		}
		t.next = first
		if t.tail != 0 {
			o.trains[t.tail-1].next = first + t.count
		}
		o.units = append(o.units, unit{t.peer, first, t.length()})
		o.address(len(o.units)-1, t.size)
		first += t.length()
	}
	for i := range o.entries {
		e := &o.entries[i]
		t := &o.trains[e.train]
		o.vecs[t.next].Base = &e.payload[0]
		o.vecs[t.next].SetLen(len(e.payload))
		t.next++
	}
}

// address makes the message of unit i go to its peer, from the address that was received at, in datagrams of size octets.
func (o *Out) address(i int, size int) {
	m, u := &o.headers[i].msg, &o.units[i]
	p := u.peer
	m.Name, m.Namelen = &p.name[0], uint32(p.nameLen)
	m.Iov = &o.vecs[u.first]
	m.SetIovlen(u.count)
	m.Control = nil
	m.SetControllen(int(p.controlLen))
	switch {
	case u.count > 1:
		m.Control = &o.controls[i][0]
		m.SetControllen(o.controls[i].set(p, size))
	case p.controlLen > 0:
		m.Control = &p.control[0]
	}
}

// sendTo sends the rest of the units. sendmmsg fails only when the first one does, so that one
// is skipped and the others go on; a train is taken apart.
func (o *Out) sendTo(fd uintptr) (done bool) {
	for o.at < len(o.units) {
		rest := o.headers[o.at:len(o.units)]
		n, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(&rest[0])), uintptr(len(rest)), unix.MSG_DONTWAIT, 0, 0)
		switch {
		case errno == 0:
			o.left(int(n))
		case errno == unix.EINTR:
		case errno == unix.EAGAIN:
			return false
		case o.units[o.at].count > 1:
			o.refused++
			o.split()
		default:
			o.at++
			o.done++
			o.failed++
		}
	}
	return true
}

// left counts units that have been sent.
func (o *Out) left(units int) {
	for _, u := range o.units[o.at : o.at+units] {
		o.done += u.count
		if u.count > 1 {
			o.refused = 0
		}
	}
	o.at += units
}

// split replaces the train that comes next by its datagrams.
func (o *Out) split() {
	u, n := o.units[o.at], len(o.units)
	more := u.count - 1
	o.units = o.units[:n+more]
	copy(o.units[o.at+u.count:], o.units[o.at+1:n])
	copy(o.headers[o.at+u.count:], o.headers[o.at+1:n])
	for i := range u.count {
		o.units[o.at+i] = unit{u.peer, u.first + i, 1}
		o.address(o.at+i, 0)
	}
}

// apart reports whether datagrams are sent one by one, because the kernel does not take trains here.
func (o *Out) apart() bool { return o.refused >= limits.UDPTrainRefusals }
