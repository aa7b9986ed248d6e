package cache

import (
	"encoding/binary"
	"net/netip"
	"time"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/limits"
)

// NS is one server of a zone as its parent named it.
type NS struct {
	Name  dns.Name
	Addrs []netip.Addr // glue, empty when it must be looked up
}

// Delegation is a zone cut as learnt from the parent. A child's own NS set never becomes
// or prolongs one, and none outlives the delegation above it (GD-01 to GD-03).
type Delegation struct {
	Zone    dns.Name
	Servers []NS
	Rank    Rank      // Secure: the DS set is validated. Insecure: absence of a usable DS is proven
	DS      dns.RRset // of a Secure delegation
	EDE     dns.EDECode
	Reason  string // why it is insecure, if that is worth telling
	Expires time.Time
}

/*
Body of a stored delegation: the number of servers, 1 octet; for each its name, the number
of addresses, 1 octet, and each address as its length (4 or 16) and octets; then, if Secure,
the DS set in the form of entry.go with section 1.
*/
func (d *Delegation) append(dst []byte, now time.Time) []byte {
	start := len(dst)
	ttl := max(0, d.Expires.Unix()-now.Unix())
	h := header{kind: delegation, rank: d.Rank, inserted: now.Unix(), ttl: uint32(ttl), ede: d.EDE, reason: d.Reason}
	dst = h.append(dst)
	servers := d.Servers[:min(len(d.Servers), limits.NSKept)]
	dst = append(dst, byte(len(servers)))
	for _, ns := range servers {
		addrs := ns.Addrs[:min(len(ns.Addrs), limits.AddressesPerNS)]
		dst = append(dst, ns.Name...)
		dst = append(dst, byte(len(addrs)))
		for _, a := range addrs {
			octets := a.AsSlice()
			dst = append(dst, byte(len(octets)))
			dst = append(dst, octets...)
		}
	}
	if d.Rank == Secure {
		dst = appendSet(dst, 1, &d.DS)
	}
	seal(dst[start:])
	return dst
}

func parseDelegation(zone dns.Name, b []byte) (Delegation, bool) {
	h, body, ok := parseHeader(b)
	if !ok || h.kind != delegation || len(body) == 0 {
		return Delegation{}, false
	}
	d := Delegation{Zone: zone, Rank: h.rank, EDE: h.ede, Reason: h.reason, Expires: time.Unix(h.inserted+int64(h.ttl), 0)}
	count := int(body[0])
	body = body[1:]
	d.Servers = make([]NS, count)
	names := string(body) // all server names are parts of it
	for i := range d.Servers {
		if d.Servers[i], body, ok = parseNS(body, names[len(names)-len(body):]); !ok {
			return Delegation{}, false
		}
	}
	if d.Rank != Secure {
		return d, len(body) == 0
	}
	if len(body) == 0 {
		return Delegation{}, false
	}
	d.DS, body, ok = parseSet(body[1:], zone, false)
	return d, ok && len(body) == 0
}

// parseNS reads a server; text is b as a string.
func parseNS(b []byte, text string) (ns NS, rest []byte, ok bool) {
	n := dns.WireNameLength(b)
	if n < 0 || len(b) == n {
		return ns, nil, false
	}
	ns.Name = dns.Name(text[:n])
	count := int(b[n])
	b = b[n+1:]
	if count > 0 {
		ns.Addrs = make([]netip.Addr, 0, min(count, limits.AddressesPerNS))
	}
	for range count {
		if len(b) == 0 || len(b) < 1+int(b[0]) {
			return ns, nil, false
		}
		end := 1 + int(b[0])
		a, ok := netip.AddrFromSlice(b[1:end])
		if !ok {
			return ns, nil, false
		}
		ns.Addrs = append(ns.Addrs, a)
		b = b[end:]
	}
	return ns, b, true
}

// seconds reads the TTL of a stored value for statistics; used by classification.
func seconds(b []byte) (ttl uint32, inserted int64) {
	return binary.BigEndian.Uint32(b[16:]), int64(binary.BigEndian.Uint64(b[8:]))
}
