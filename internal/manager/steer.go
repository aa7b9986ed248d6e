package manager

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"knot-resolver/internal/control"
	"knot-resolver/internal/limits"
)

// retire keeps new clients away from the sockets that are open but not in next,
// and waits until their workers have taken what is in them: it would get lost when
// the last descriptor is closed. An address that nobody will serve any more is
// left alone. [release] ends that.
//
// The kernel spreads clients over all sockets of an address, in the order in
// which they were opened: those of the workers with the highest numbers are last.
func (m *Manager) retire(next map[int][]socket) {
	keep := map[control.Socket]int{} // without Slot: how many stay
	first := map[control.Socket]int{}
	for slot, list := range next {
		for _, s := range list {
			address := s.Socket
			address.Slot = 0
			keep[address]++
			if slot == 0 && s.Proto != control.ProtoJournal {
				first[address] = s.fd
			}
		}
	}
	steered := map[control.Socket]bool{} // without Slot
	for address, fd := range first {
		if m.openFor(address) <= keep[address] {
			continue
		}
		if err := steer(fd, keep[address]); err != nil {
			m.Log.Warn("clients may lose a query with a worker that goes", "address", address.Addr, "reason", err)
			continue
		}
		steered[address] = true
	}
	if len(steered) == 0 {
		return
	}
	time.Sleep(limits.ManagerRetire)
	if !emptied(m.unneeded(next, steered), time.Now().Add(limits.ManagerRetireMost)) {
		m.Log.Warn("clients may lose a query with a worker that goes", "reason", "it does not answer what is in its sockets")
	}
}

// release makes the kernel give clients to all sockets again.
func release(sockets map[int][]socket) {
	for _, s := range sockets[0] {
		unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_DETACH_REUSEPORT_BPF, 0) // fails where nothing is to be done
	}
}

// openFor counts the open sockets of an address.
func (m *Manager) openFor(address control.Socket) (count int) {
	for _, list := range m.sockets {
		for _, s := range list {
			s.Slot = 0
			if s.Socket == address {
				count++
			}
		}
	}
	return count
}

// steer makes the kernel give new clients of fd's address to the first sockets only.
func steer(fd, sockets int) error {
	const random = 0xfffff000 + 56 // SKF_AD_OFF + SKF_AD_RANDOM of linux/filter.h
	program := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: random},
		{Code: unix.BPF_ALU | unix.BPF_MOD | unix.BPF_K, K: uint32(sockets)},
		{Code: unix.BPF_RET | unix.BPF_A},
	}
	if sockets < 1 {
		return errors.New("steer: no socket is left")
	}
	err := unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_REUSEPORT_CBPF, &unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]})
	if err != nil {
		return fmt.Errorf("steer: %w", err)
	}
	return nil
}

// unneeded lists the open sockets of some addresses that are not in next.
func (m *Manager) unneeded(next map[int][]socket, of map[control.Socket]bool) (list []unix.PollFd) {
	keep := descriptors(next)
	for _, sockets := range m.sockets {
		for _, s := range sockets {
			address := s.Socket
			address.Slot = 0
			if !keep[s.fd] && of[address] {
				list = append(list, unix.PollFd{Fd: int32(s.fd), Events: unix.POLLIN})
			}
		}
	}
	return list
}

// emptied waits until nothing is left in the sockets, and reports whether that was before the deadline.
func emptied(sockets []unix.PollFd, deadline time.Time) bool {
	for {
		if waiting, err := unix.Poll(sockets, 0); waiting == 0 && err == nil {
			return true
		}
		if time.Now().After(deadline) {
			return false
		}
		time.Sleep(limits.ManagerRetireLook)
	}
}
