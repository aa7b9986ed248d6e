package batch

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"
)

const (
	nameLen    = unix.SizeofSockaddrInet6
	controlLen = 40 // CMSG_SPACE of in6_pktinfo, the longer of the two, on 64-bit systems
)

// Origin is where a datagram came from and where it was sent to, as the kernel says it: plain bytes, for
// memory that other processes read. Its zero value is nobody.
type Origin struct {
	name                [nameLen]byte
	control             [controlLen]byte
	nameLen, controlLen uint8 // octets in use; may be anything in memory that somebody else has written
}

// Peer reads the origin.
func (o *Origin) Peer() Peer {
	p := Peer{Origin: *o}
	p.received(int(o.nameLen), int(o.controlLen))
	return p
}

// Peer is where a datagram came from and where it was sent to, in the form the kernel gave and
// takes back. Its zero value is nobody. It may be copied.
//
// control holds at most one message, IP_PKTINFO or IPV6_PKTINFO, already changed from "arrived at"
// to "send from".
type Peer struct {
	Origin
	local netip.Addr
}

// Client returns the address and port the datagram came from. An IPv4-mapped address is returned
// as IPv4, and link-local addresses without zone.
func (p *Peer) Client() netip.AddrPort {
	port := binary.BigEndian.Uint16(p.name[2:])
	switch {
	case p.nameLen >= unix.SizeofSockaddrInet4 && p.family() == unix.AF_INET:
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(p.name[4:8])), port)
	case p.nameLen >= unix.SizeofSockaddrInet6 && p.family() == unix.AF_INET6:
		return netip.AddrPortFrom(netip.AddrFrom16([16]byte(p.name[8:24])).Unmap(), port)
	}
	return netip.AddrPort{}
}

// Local returns the address the datagram was sent to. It is not valid when the socket does not
// report it, as sockets bound to one address need not.
func (p *Peer) Local() netip.Addr { return p.local }

func (p *Peer) family() uint16 { return binary.NativeEndian.Uint16(p.name[:]) }

// received takes over what the kernel wrote into name and control.
func (p *Peer) received(nameLen, controlLen int) {
	p.nameLen, p.controlLen, p.local = uint8(min(nameLen, len(p.name))), 0, netip.Addr{}
	if controlLen == 0 {
		return
	}
	hdr, data, _, err := unix.ParseOneSocketControlMessage(p.control[:min(controlLen, len(p.control))])
	if err != nil {
		return
	}
	switch {
	case hdr.Level == unix.IPPROTO_IP && hdr.Type == unix.IP_PKTINFO && len(data) >= unix.SizeofInet4Pktinfo:
		p.local = netip.AddrFrom4([4]byte(data[4:8])) // ipi_spec_dst: our address, also for broadcasts
		anyInterface(data[0:4])
	case hdr.Level == unix.IPPROTO_IPV6 && hdr.Type == unix.IPV6_PKTINFO && len(data) >= unix.SizeofInet6Pktinfo:
		p.local = netip.AddrFrom16([16]byte(data[0:16])).Unmap()
		if !p.local.IsLinkLocalUnicast() {
			anyInterface(data[16:20])
		}
	default:
		return
	}
	p.controlLen = uint8(min(controlLen, len(p.control)))
}

// anyInterface zeroes an interface number, so that routing chooses the way back: it need not be
// the one the datagram came.
func anyInterface(index []byte) { clear(index) }
