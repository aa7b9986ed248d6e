package batch

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"knot-resolver/internal/limits"
)

// train is a set of datagrams of one size to one client, and perhaps a shorter one at the end.
type train struct {
	peer        *Peer
	size, count int
	tail        uint8 // the train that is the shorter datagram, plus one; 0 = none
	tailing     bool  // it is the tail of another
	next        int   // while the batch is laid out: the place of the next datagram
	link        uint8 // the next train of the same hash, plus one; 0 = none
}

// index finds the trains of a batch by a hash of their clients: the last one begun, plus one; 0 = none.
type index [2 * limits.UDPBatch]uint8

// form distributes the entries over trains.
func (o *Out) form() {
	o.trains = o.trains[:0]
	if len(o.entries) == 1 || o.apart() {
		for i := range o.entries {
			e := &o.entries[i]
			o.start(e)
		}
		return
	}
	clear(o.index[:])
	for i := range o.entries {
		e := &o.entries[i]
		head := &o.index[e.hash()%uint32(len(o.index))]
		t := o.find(*head, e)
		if t == nil {
			t = o.start(e)
			t.link, *head = *head, uint8(len(o.trains))
			continue
		}
		t.count++
	}
	o.couple()
}

// couple makes lone datagrams the tails of trains of longer ones to the same client. For two of them to meet, the one looks
// at those begun before it, and at those begun after it these look.
func (o *Out) couple() {
	for i := range o.trains {
		for link := o.trains[i].link; link != 0; link = o.trains[link-1].link {
			if o.join(i, int(link-1)) || o.join(int(link-1), i) {
				break
			}
		}
	}
}

// join makes train b the tail of train a, if that can be.
func (o *Out) join(a, b int) bool {
	t, lone := &o.trains[a], &o.trains[b]
	if lone.count > 1 || lone.size >= t.size || t.tail != 0 || lone.tail != 0 || t.tailing || lone.tailing ||
		t.size > limits.UDPTrainDatagram || t.count*t.size+lone.size > limits.UDPTrainBytes || !t.peer.same(&lone.peer.Origin) {
		return false
	}
	t.tail, lone.tailing = uint8(b+1), true
	return true
}

// length is how many datagrams it has with its tail.
func (t *train) length() int {
	if t.tail != 0 {
		return t.count + 1
	}
	return t.count
}

// start begins a train with e.
func (o *Out) start(e *entry) *train {
	e.train = uint8(len(o.trains))
	o.trains = append(o.trains, train{peer: e.peer, size: len(e.payload), count: 1})
	return &o.trains[e.train]
}

// find returns the train that e can go with, and puts it there; nil = none.
func (o *Out) find(link uint8, e *entry) *train {
	for ; link != 0; link = o.trains[link-1].link {
		if t := &o.trains[link-1]; t.takes(e) {
			e.train = link - 1
			return t
		}
	}
	return nil
}

// takes reports whether e goes to the same client, from the same address, is as long, and fits.
func (t *train) takes(e *entry) bool {
	size := len(e.payload)
	return t.size == size && size <= limits.UDPTrainDatagram && (t.count+1)*size <= limits.UDPTrainBytes && t.peer.same(&e.peer.Origin)
}

// same reports whether datagrams to both take the same way.
func (o *Origin) same(x *Origin) bool {
	return o.nameLen == x.nameLen && o.controlLen == x.controlLen && string(o.name[:o.nameLen]) == string(x.name[:x.nameLen]) &&
		string(o.control[:o.controlLen]) == string(x.control[:x.controlLen])
}

// hash mixes port, and IPv4 address or the middle of an IPv6 address.
func (e *entry) hash() uint32 {
	name := &e.peer.name
	h := uint32(binary.BigEndian.Uint16(name[2:])) ^ binary.BigEndian.Uint32(name[4:]) ^ binary.BigEndian.Uint32(name[12:])
	return h * 0x85ebca6b >> 16
}

// trainControl is room for the control messages of a train: where it is sent from and how it is cut.
type trainControl [(controlLen+7)/8*8 + segmentLen]byte

// segmentLen is CMSG_SPACE of the uint16 of UDP_SEGMENT on 64-bit systems.
const segmentLen = unix.SizeofCmsghdr + 8

// set writes the messages and returns their length.
func (c *trainControl) set(p *Peer, size int) int {
	n := (copy(c[:], p.control[:p.controlLen]) + 7) / 8 * 8
	b := c[n : n+segmentLen]
	clear(b)
	binary.NativeEndian.PutUint64(b, uint64(unix.SizeofCmsghdr+2)) // struct cmsghdr
	binary.NativeEndian.PutUint32(b[8:], unix.SOL_UDP)
	binary.NativeEndian.PutUint32(b[12:], unix.UDP_SEGMENT)
	binary.NativeEndian.PutUint16(b[16:], uint16(size))
	return n + segmentLen
}
