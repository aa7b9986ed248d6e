package upstream

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"

	"knot-resolver/internal/limits"
)

// DialUDP implements Network. It makes the socket by hand, because a resolver opens one
// per query and package net takes four more system calls for the same result.
func (s *Sockets) DialUDP(_ context.Context, remote netip.AddrPort) (net.Conn, error) {
	remote = unmap(remote)
	family := unix.AF_INET6
	if remote.Addr().Is4() {
		family = unix.AF_INET
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("upstream: socket for %v: %w", remote, err)
	}
	local, err := s.connect(fd, family, remote)
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("upstream: UDP to %v: %w", remote, err)
	}
	return &udpConn{file: os.NewFile(uintptr(fd), "udp"), local: local, remote: remote}, nil
}

func (s *Sockets) connect(fd, family int, remote netip.AddrPort) (local netip.AddrPort, err error) {
	// OMIT sends without DF and does not believe ICMP about the path's MTU (SP-08).
	if family == unix.AF_INET {
		err = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_OMIT)
	} else {
		err = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_OMIT)
	}
	if err != nil {
		return local, fmt.Errorf("path MTU option: %w", err)
	}
	if local, err = bindRandom(fd, s.local(remote.Addr())); err != nil {
		return local, fmt.Errorf("bind to %v: %w", s.local(remote.Addr()), err)
	}
	return local, unix.Connect(fd, sockaddr(remote))
}

// bindRandom takes a random free port; after some occupied ones it takes the kernel's choice.
func bindRandom(fd int, addr netip.Addr) (netip.AddrPort, error) {
	for range limits.UDPPortTries {
		local := netip.AddrPortFrom(addr, randomPort())
		err := unix.Bind(fd, sockaddr(local))
		if err != unix.EADDRINUSE && err != unix.EACCES {
			return local, err
		}
	}
	local := netip.AddrPortFrom(addr, 0)
	return local, unix.Bind(fd, sockaddr(local))
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Addr: a.Addr().As4(), Port: int(a.Port())}
	}
	sa := &unix.SockaddrInet6{Addr: a.Addr().As16(), Port: int(a.Port())}
	if zone := a.Addr().Zone(); zone != "" {
		if ifi, err := net.InterfaceByName(zone); err == nil {
			sa.ZoneId = uint32(ifi.Index)
		}
	}
	return sa
}
