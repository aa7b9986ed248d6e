package main

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// batchSize is how many datagrams one system call moves at most.
const batchSize = 64

// packetSize is room for any answer asked for here.
const packetSize = 1500

// packets is the argument of recvmmsg(2) and sendmmsg(2) on a connected socket.
type packets struct {
	headers [batchSize]struct {
		msg unix.Msghdr
		len uint32
	}
	vecs    [batchSize]unix.Iovec
	buffers [batchSize][packetSize]byte
}

func newPackets() *packets {
	p := new(packets)
	for i := range p.headers {
		p.vecs[i].Base = &p.buffers[i][0]
		p.headers[i].msg.Iov = &p.vecs[i]
		p.headers[i].msg.SetIovlen(1)
	}
	return p
}

// send sends the first n packets and returns how many left.
func (p *packets) send(fd, n int) (int, error) {
	return p.call(unix.SYS_SENDMMSG, fd, n)
}

// receive returns how many packets were waiting; packet i then has headers[i].len octets.
func (p *packets) receive(fd int) (int, error) {
	for i := range p.vecs {
		p.vecs[i].SetLen(packetSize)
	}
	return p.call(unix.SYS_RECVMMSG, fd, batchSize)
}

func (p *packets) call(number uintptr, fd, n int) (int, error) {
	done, _, errno := unix.Syscall6(number, uintptr(fd), uintptr(unsafe.Pointer(&p.headers[0])), uintptr(n), unix.MSG_DONTWAIT, 0, 0)
	switch errno {
	case 0:
		return int(done), nil
	case unix.EAGAIN, unix.EINTR, unix.ECONNREFUSED:
		return 0, nil
	}
	return 0, errno
}
