package dnssec

import (
	"bytes"
	"encoding/binary"
	"slices"

	"knot-resolver/internal/dns"
)

// canonicalSet is the canonical form of an RRset (RFC 4034 section 6.3): RDATA with folded
// names, sorted, without duplicates. It does not depend on the signature.
type canonicalSet struct {
	owner  dns.Name
	typ    dns.Type
	rdatas [][]byte
}

func canonicalise(set *dns.RRset) canonicalSet {
	packed := make([]byte, 0, len(set.RDatas))
	rdatas := make([][]byte, 0, set.RDatas.Count())
	for rdata := range set.RDatas.All() {
		start := len(packed)
		packed = dns.AppendCanonical(packed, set.Type, rdata)
		rdatas = append(rdatas, packed[start:len(packed):len(packed)])
	}
	slices.SortFunc(rdatas, bytes.Compare)
	return canonicalSet{set.Owner, set.Type, slices.CompactFunc(rdatas, bytes.Equal)}
}

// signedBy appends the octets that sig signs (RFC 4034 section 3.1.8.1). The owner of a set that was
// expanded from a wildcard is the wildcard again (RFC 4035 section 5.3.2).
func (c canonicalSet) signedBy(dst []byte, sig *dns.RRSIG) []byte {
	owner := signedOwner(c.owner, int(sig.Labels))
	size := len(sig.Fixed) + len(sig.Signer)
	for _, rdata := range c.rdatas {
		size += len(owner) + 10 + len(rdata)
	}
	dst = slices.Grow(dst, size)
	dst = append(dst, sig.Fixed...)
	dst = append(dst, sig.Signer...)
	for _, rdata := range c.rdatas {
		dst = append(dst, owner...)
		dst = binary.BigEndian.AppendUint16(dst, uint16(c.typ))
		dst = binary.BigEndian.AppendUint16(dst, uint16(dns.ClassIN))
		dst = binary.BigEndian.AppendUint32(dst, sig.OriginalTTL)
		dst = binary.BigEndian.AppendUint16(dst, uint16(len(rdata)))
		dst = append(dst, rdata...)
	}
	return dst
}

// signedOwner is the owner at the time of signing, given the Labels field, which is at most ownerLabels(owner).
func signedOwner(owner dns.Name, labels int) dns.Name {
	if labels == ownerLabels(owner) {
		return owner
	}
	return "\x01*" + owner.Suffix(labels)
}

// ownerLabels counts labels as the Labels field does: without the root and a leading asterisk (RFC 4034 section 3.1.3).
func ownerLabels(owner dns.Name) int {
	n := owner.Labels()
	if owner.IsWildcard() {
		n--
	}
	return n
}
