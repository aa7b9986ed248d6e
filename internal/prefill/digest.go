package prefill

import (
	"bytes"
	"crypto/sha512"
	"encoding/binary"
	"fmt"
	"hash"

	"knot-resolver/internal/dns"
)

// Fields of ZONEMD records (RFC 8976 section 2.2).
const (
	typeZONEMD   dns.Type = 63
	schemeSimple          = 1
	hashSHA384            = 1
	hashSHA512            = 2
	digestHeader          = 6 // octets before the digest: serial, scheme, hash
)

// CheckDigest checks the zone against its ZONEMD record: there must be one for the present serial with a scheme and hash that are
// known, and each such must be right (RFC 8976 section 4).
func (z *Zone) CheckDigest() error {
	set := z.Set(z.Origin, typeZONEMD)
	if set == nil {
		return fmt.Errorf("%w %v: no ZONEMD record", ErrZone, z.Origin)
	}
	checked := 0
	for rdata := range set.RDatas.All() {
		if len(rdata) < digestHeader || rdata[4] != schemeSimple || binary.BigEndian.Uint32(rdata) != z.SOA.Serial {
			continue
		}
		var sum hash.Hash
		switch rdata[5] {
		case hashSHA384:
			sum = sha512.New384()
		case hashSHA512:
			sum = sha512.New()
		default:
			continue
		}
		if z.digest(sum); !bytes.Equal(sum.Sum(nil), rdata[digestHeader:]) {
			return fmt.Errorf("%w %v, serial %d: the content is not what its ZONEMD record says", ErrZone, z.Origin, z.SOA.Serial)
		}
		checked++
	}
	if checked == 0 {
		return fmt.Errorf("%w %v, serial %d: no ZONEMD record of this serial with scheme 1 and SHA-384 or SHA-512", ErrZone, z.Origin, z.SOA.Serial)
	}
	return nil
}

// digest hashes all records but the ZONEMD set and its signatures (RFC 8976 section 3.3).
func (z *Zone) digest(sum hash.Hash) {
	var b []byte
	for i := range z.records {
		r := &z.records[i]
		if r.owner == z.Origin && (r.typ == typeZONEMD || r.typ == dns.TypeRRSIG && covers(r.rdata, typeZONEMD)) {
			continue
		}
		b = append(b[:0], r.owner...)
		b = binary.BigEndian.AppendUint16(b, uint16(r.typ))
		b = binary.BigEndian.AppendUint16(b, uint16(dns.ClassIN))
		b = binary.BigEndian.AppendUint32(b, r.ttl)
		b = binary.BigEndian.AppendUint16(b, uint16(len(r.canonical)))
		b = append(b, r.canonical...)
		sum.Write(b)
	}
}

// covers says whether RRSIG RDATA is a signature of a type.
func covers(rdata []byte, t dns.Type) bool {
	return len(rdata) >= 2 && dns.Type(binary.BigEndian.Uint16(rdata)) == t
}
