package dns

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// errRData reports RDATA that is too short or otherwise not of its type.
func errRData(t Type) error { return fmt.Errorf("dns: malformed %v RDATA", t) }

// SOA is the start of a zone (RFC 1035 section 3.3.13). Times are seconds.
type SOA struct {
	MName, RName                            Name
	Serial, Refresh, Retry, Expire, Minimum uint32
}

// ParseSOA reads SOA RDATA.
func ParseSOA(rdata []byte) (SOA, error) {
	mname, err1 := WireName(rdata)
	rname, err2 := WireName(rdata[len(mname):])
	rest := rdata[len(mname)+len(rname):]
	if err1 != nil || err2 != nil || len(rest) != 20 {
		return SOA{}, errRData(TypeSOA)
	}
	u := func(i int) uint32 { return binary.BigEndian.Uint32(rest[4*i:]) }
	return SOA{mname, rname, u(0), u(1), u(2), u(3), u(4)}, nil
}

// RRSIG is a signature (RFC 4034 section 3.1). Inception and Expiration are serial-number times.
type RRSIG struct {
	Covered               Type
	Algorithm, Labels     uint8
	OriginalTTL           uint32
	Expiration, Inception uint32
	KeyTag                uint16
	Signer                Name   // lower case
	Signature             []byte // view
	Fixed                 []byte // view of the octets before the signer
}

// ParseRRSIG reads RRSIG RDATA.
func ParseRRSIG(rdata []byte) (RRSIG, error) {
	if len(rdata) < 19 {
		return RRSIG{}, errRData(TypeRRSIG)
	}
	signer, err := WireName(rdata[18:])
	if err != nil {
		return RRSIG{}, errRData(TypeRRSIG)
	}
	return RRSIG{
		Covered: Type(binary.BigEndian.Uint16(rdata)), Algorithm: rdata[2], Labels: rdata[3],
		OriginalTTL: binary.BigEndian.Uint32(rdata[4:]),
		Expiration:  binary.BigEndian.Uint32(rdata[8:]), Inception: binary.BigEndian.Uint32(rdata[12:]),
		KeyTag: binary.BigEndian.Uint16(rdata[16:]), Signer: signer.Lower(),
		Signature: rdata[18+len(signer):], Fixed: rdata[:18],
	}, nil
}

// DS is a delegation signer (RFC 4034 section 5.1).
type DS struct {
	KeyTag                uint16
	Algorithm, DigestType uint8
	Digest                []byte // view
}

// ParseDS reads DS RDATA.
func ParseDS(rdata []byte) (DS, error) {
	if len(rdata) < 5 {
		return DS{}, errRData(TypeDS)
	}
	return DS{binary.BigEndian.Uint16(rdata), rdata[2], rdata[3], rdata[4:]}, nil
}

// DNSKEY is a zone key (RFC 4034 section 2.1).
type DNSKEY struct {
	Flags               uint16
	Protocol, Algorithm uint8
	PublicKey           []byte // view
}

// DNSKEY flags.
const (
	KeyFlagZone   = 1 << 8
	KeyFlagRevoke = 1 << 7
	KeyFlagSEP    = 1
)

// ParseDNSKEY reads DNSKEY RDATA.
func ParseDNSKEY(rdata []byte) (DNSKEY, error) {
	if len(rdata) < 5 {
		return DNSKEY{}, errRData(TypeDNSKEY)
	}
	return DNSKEY{binary.BigEndian.Uint16(rdata), rdata[2], rdata[3], rdata[4:]}, nil
}

// KeyTag computes the tag of DNSKEY RDATA (RFC 4034 appendix B).
func KeyTag(rdata []byte) uint16 {
	var sum uint32
	for i, c := range rdata {
		if i&1 == 0 {
			sum += uint32(c) << 8
		} else {
			sum += uint32(c)
		}
	}
	return uint16(sum + sum>>16)
}

// TypeBitmap is the wire form of a type bit map (RFC 4034 section 4.1.2).
type TypeBitmap []byte

// Has says whether the type is set.
func (b TypeBitmap) Has(t Type) bool {
	for len(b) >= 2 {
		window, length := b[0], int(b[1])
		if length == 0 || length > 32 || 2+length > len(b) {
			return false
		}
		if window == byte(t>>8) {
			i := int(t&0xff) / 8
			return i < length && b[2+i]&(0x80>>(t&7)) != 0
		}
		b = b[2+length:]
	}
	return false
}

// valid checks windows and lengths.
func (b TypeBitmap) valid() bool {
	last := -1
	for len(b) > 0 {
		if len(b) < 2 || int(b[0]) <= last || b[1] == 0 || b[1] > 32 || 2+int(b[1]) > len(b) {
			return false
		}
		last = int(b[0])
		b = b[2+int(b[1]):]
	}
	return true
}

// NSEC is an authenticated denial (RFC 4034 section 4.1).
type NSEC struct {
	Next  Name // lower case; a view if it was so before
	Types TypeBitmap
}

// ParseNSEC reads NSEC RDATA.
func ParseNSEC(rdata []byte) (NSEC, error) {
	n := wireNameLength(rdata)
	if n < 0 || !TypeBitmap(rdata[n:]).valid() {
		return NSEC{}, errRData(TypeNSEC)
	}
	return NSEC{Borrow(rdata[:n]).Lower(), TypeBitmap(rdata[n:])}, nil
}

// NSEC3 is a hashed authenticated denial (RFC 5155 section 3.1).
type NSEC3 struct {
	Hash, Flags uint8
	Iterations  uint16
	Salt, Next  []byte // views; Next is the raw hash
	Types       TypeBitmap
}

// NSEC3OptOut is the flag that allows unsigned delegations between owner and next (RFC 5155 section 3.1.2.1).
const NSEC3OptOut = 1

// ParseNSEC3 reads NSEC3 RDATA.
func ParseNSEC3(rdata []byte) (NSEC3, error) {
	if len(rdata) < 5 || len(rdata) < 6+int(rdata[4]) {
		return NSEC3{}, errRData(TypeNSEC3)
	}
	n := NSEC3{Hash: rdata[0], Flags: rdata[1], Iterations: binary.BigEndian.Uint16(rdata[2:]), Salt: rdata[5 : 5+int(rdata[4])]}
	rest := rdata[5+int(rdata[4]):]
	length := int(rest[0])
	if length == 0 || 1+length > len(rest) || !TypeBitmap(rest[1+length:]).valid() {
		return NSEC3{}, errRData(TypeNSEC3)
	}
	n.Next, n.Types = rest[1:1+length], TypeBitmap(rest[1+length:])
	return n, nil
}

// AddrOf reads the address in A or AAAA RDATA.
func AddrOf(t Type, rdata []byte) (netip.Addr, bool) {
	if t == TypeA && len(rdata) == 4 || t == TypeAAAA && len(rdata) == 16 {
		return netip.AddrFromSlice(rdata)
	}
	return netip.Addr{}, false
}

// Target returns the name that NS, CNAME, PTR or DNAME RDATA holds, in lower case.
func Target(rdata []byte) (Name, error) {
	n, err := WireName(rdata)
	return n.Lower(), err
}
