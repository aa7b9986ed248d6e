package server

import (
	"time"

	"golang.org/x/sys/unix"

	"knot-resolver/internal/limits"
)

// option is one integer socket option. An optional one only makes things better where the kernel
// has it.
type option struct {
	label       string
	level, name int
	value       int
	optional    bool
}

// options lists what is set on a socket between its creation and bind.
func options(family int, spec Spec) []option {
	list := []option{
		{"SO_REUSEADDR", unix.SOL_SOCKET, unix.SO_REUSEADDR, 1, false},
		{"SO_REUSEPORT", unix.SOL_SOCKET, unix.SO_REUSEPORT, 1, false},
	}
	if family == unix.AF_INET6 {
		list = append(list, option{"IPV6_V6ONLY", unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1, false})
	}
	if spec.Freebind {
		list = append(list, freebind(family))
	}
	if spec.Stream {
		return append(list, streamOptions()...)
	}
	return append(list, datagramOptions(family, spec.Addr.Addr().IsUnspecified())...)
}

func freebind(family int) option {
	if family == unix.AF_INET6 {
		return option{"IPV6_FREEBIND", unix.IPPROTO_IPV6, unix.IPV6_FREEBIND, 1, false}
	}
	return option{"IP_FREEBIND", unix.IPPROTO_IP, unix.IP_FREEBIND, 1, false}
}

// streamOptions are inherited by the connections accepted from the socket.
func streamOptions() []option {
	seconds, millis := int(limits.TCPDeferAccept/time.Second), int(limits.TCPUserTimeout/time.Millisecond)
	return []option{
		{"TCP_FASTOPEN", unix.IPPROTO_TCP, unix.TCP_FASTOPEN, limits.TCPFastOpen, true},
		{"TCP_DEFER_ACCEPT", unix.IPPROTO_TCP, unix.TCP_DEFER_ACCEPT, seconds, true},
		{"TCP_USER_TIMEOUT", unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, millis, true},
	}
}

// datagramOptions turn off path MTU discovery, whose results anybody can forge to have our answers
// fragmented, and on wildcard sockets ask for the destination of each datagram.
func datagramOptions(family int, wildcard bool) []option {
	list := []option{
		{"SO_RCVBUF", unix.SOL_SOCKET, unix.SO_RCVBUF, limits.UDPReceiveBuffer, true},
		{"SO_RCVBUFFORCE", unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, limits.UDPReceiveBuffer, true}, // with CAP_NET_ADMIN, above rmem_max
	}
	if family == unix.AF_INET6 {
		list = append(list, option{"IPV6_MTU_DISCOVER", unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_OMIT, true})
		if wildcard {
			list = append(list, option{"IPV6_RECVPKTINFO", unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1, false})
		}
		return list
	}
	list = append(list, option{"IP_MTU_DISCOVER", unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_OMIT, true})
	if wildcard {
		list = append(list, option{"IP_PKTINFO", unix.IPPROTO_IP, unix.IP_PKTINFO, 1, false})
	}
	return list
}
