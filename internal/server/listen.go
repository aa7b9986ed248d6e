package server

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"knot-resolver/internal/limits"
)

// Spec describes a socket to open.
type Spec struct {
	Addr     netip.AddrPort // where to listen; the unspecified address means all of its family
	Stream   bool           // a listening TCP socket instead of a UDP one
	Freebind bool           // allow an address the host does not have (yet)
}

// ListenError is the failure to open a socket.
type ListenError struct {
	Spec Spec
	Op   string // the system call or socket option
	Err  error
}

// Error names the socket and the step that failed.
func (e *ListenError) Error() string {
	network := "udp"
	if e.Spec.Stream {
		network = "tcp"
	}
	return fmt.Sprintf("listen on %s %s: %s: %v", network, e.Spec.Addr, e.Op, e.Err)
}

// Unwrap returns the operating system's error.
func (e *ListenError) Unwrap() error { return e.Err }

// Listen opens and binds a socket with all options of resolver.md 1 set. Several sockets may be
// opened with the same Spec: the kernel spreads clients over them (SO_REUSEPORT). The file is
// non-blocking; pass it to [FromFile], here or in another process. A failure is a [*ListenError].
func Listen(spec Spec) (*os.File, error) {
	family, address, err := sockaddr(spec.Addr)
	if err != nil {
		return nil, &ListenError{spec, "address", err}
	}
	kind := unix.SOCK_DGRAM
	if spec.Stream {
		kind = unix.SOCK_STREAM
	}
	fd, err := unix.Socket(family, kind|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, &ListenError{spec, "socket", err}
	}
	if op, err := prepare(fd, family, address, spec); err != nil {
		unix.Close(fd)
		return nil, &ListenError{spec, op, err}
	}
	return os.NewFile(uintptr(fd), "listen "+spec.Addr.String()), nil
}

// prepare takes a fresh socket to the point where it receives. It returns the name of the step
// that failed.
func prepare(fd, family int, address unix.Sockaddr, spec Spec) (op string, err error) {
	for _, o := range options(family, spec) {
		err := unix.SetsockoptInt(fd, o.level, o.name, o.value)
		if err != nil && !o.optional {
			return o.label, err
		}
	}
	if err := unix.Bind(fd, address); err != nil {
		return "bind", err
	}
	if !spec.Stream {
		return "", nil
	}
	return "listen", unix.Listen(fd, limits.ListenBacklog)
}

func sockaddr(ap netip.AddrPort) (family int, sa unix.Sockaddr, err error) {
	ip := ap.Addr()
	if !ip.IsValid() {
		return 0, nil, unix.EINVAL
	}
	if ip.Is4() {
		return unix.AF_INET, &unix.SockaddrInet4{Port: int(ap.Port()), Addr: ip.As4()}, nil
	}
	zone, err := zoneIndex(ip.Zone())
	return unix.AF_INET6, &unix.SockaddrInet6{Port: int(ap.Port()), Addr: ip.As16(), ZoneId: zone}, err
}

// zoneIndex returns the interface number of a link-local address's zone, 0 for no zone.
func zoneIndex(zone string) (uint32, error) {
	if zone == "" {
		return 0, nil
	}
	if n, err := strconv.ParseUint(zone, 10, 32); err == nil {
		return uint32(n), nil
	}
	nic, err := net.InterfaceByName(zone)
	if err != nil {
		return 0, err
	}
	return uint32(nic.Index), nil
}
