package policy

import (
	"encoding/binary"
	"errors"
	"fmt"

	"knot-resolver/internal/dns"
)

// Layout of the rule database, integers big-endian:
//
//	key                                     value
//	'e' name-key 0x00 u16 type              u16 origin, u32 TTL, packed RDATA
//	'o' u16 number                          text of the origin
//	's' name-key                            u16 origin, u32 TTL, u8 subtree kind
//
// name-key is dns.Name.AppendKey of a lower-case name: labels from the root, each ended by 0x00. So
// the keys of a name's ancestors are prefixes of its own, and 0x00 after a name-key cannot be taken
// for a further label.
//
// Invariants, checked by [Check]: every RDATA list adds up; an empty one is NODATA, and then the
// type is CNAME, which stands for all types the name has no key for; kinds are known; every key
// has one of these forms. Origins are numbered from 0 without gap, and every origin referred to
// exists: [Open] checks what a single pair cannot show.
const (
	exactKey   = 'e'
	originKey  = 'o'
	subtreeKey = 's'

	valueHeader = 2 + 4
)

// Subtree says what a rule does to a name and everything below it (resolver.md 6.3).
type Subtree uint8

// The kinds of subtree rules.
const (
	SubtreeEmpty       Subtree = 1 + iota // an empty zone: SOA and NS at its apex, NXDOMAIN below
	SubtreeNXDomain                       // NXDOMAIN for the name and below
	SubtreeRedirect                       // the records of the apex for every name below
	SubtreeEmptyNoData                    // an empty zone whose names below exist without data
	subtreeEnd
)

// Header is what every rule has.
type Header struct {
	Origin uint16 // where the rule comes from: the number of an origin
	TTL    uint32 // seconds
}

// AppendExactKey appends the key of the records of one name and type.
func AppendExactKey(dst []byte, name dns.Name, t dns.Type) []byte {
	dst = name.AppendKey(append(dst, exactKey))
	return binary.BigEndian.AppendUint16(append(dst, 0), uint16(t))
}

// AppendSubtreeKey appends the key of the rule for name and everything below.
func AppendSubtreeKey(dst []byte, name dns.Name) []byte {
	return name.AppendKey(append(dst, subtreeKey))
}

// AppendOriginKey appends the key of the text of an origin.
func AppendOriginKey(dst []byte, number uint16) []byte {
	return binary.BigEndian.AppendUint16(append(dst, originKey), number)
}

// AppendExact appends the value of records. Without records, and only at type CNAME, it is the mark
// that other types of the name have no data.
func AppendExact(dst []byte, h Header, records dns.RDatas) []byte {
	return append(appendHeader(dst, h), records...)
}

// AppendSubtree appends the value of a subtree rule.
func AppendSubtree(dst []byte, h Header, kind Subtree) []byte {
	return append(appendHeader(dst, h), byte(kind))
}

func appendHeader(dst []byte, h Header) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint16(dst, h.Origin), h.TTL)
}

func parseHeader(value []byte) (h Header, rest []byte, ok bool) {
	if len(value) < valueHeader {
		return Header{}, nil, false
	}
	return Header{binary.BigEndian.Uint16(value), binary.BigEndian.Uint32(value[2:])}, value[valueHeader:], true
}

func parseExact(value []byte) (Header, dns.RDatas, bool) {
	h, rest, ok := parseHeader(value)
	return h, dns.RDatas(rest), ok && dns.RDatas(rest).Valid()
}

func parseSubtree(value []byte) (Header, Subtree, bool) {
	h, rest, ok := parseHeader(value)
	if !ok || len(rest) != 1 || rest[0] == 0 || Subtree(rest[0]) >= subtreeEnd {
		return Header{}, 0, false
	}
	return h, Subtree(rest[0]), true
}

// ErrLayout is wrapped by every error about a pair that breaks the layout.
var ErrLayout = errors.New("rule database breaks its layout")

// Check reports whether a pair of the database keeps the invariants. It returns the origin the pair
// refers to, 0 for pairs without.
func Check(key, value []byte) (origin uint16, err error) {
	bad := func(what string) (uint16, error) { return 0, fmt.Errorf("%w: key %q: %s", ErrLayout, key, what) }
	if len(key) == 0 {
		return bad("empty")
	}
	switch body := key[1:]; key[0] {
	case originKey:
		if len(body) != 2 {
			return bad("malformed origin")
		}
		return 0, nil
	case subtreeKey:
		h, _, ok := parseSubtree(value)
		if !ok || !isNameKey(body) {
			return bad("malformed subtree rule")
		}
		return h.Origin, nil
	case exactKey:
		return checkExact(key, value)
	}
	return bad("unknown kind")
}

func checkExact(key, value []byte) (origin uint16, err error) {
	h, records, ok := parseExact(value)
	end := len(key) - 3
	if !ok || end < 1 || key[end] != 0 || !isNameKey(key[1:end]) {
		return 0, fmt.Errorf("%w: key %q: malformed records", ErrLayout, key)
	}
	if t := dns.Type(binary.BigEndian.Uint16(key[end+1:])); len(records) == 0 && t != dns.TypeCNAME {
		return 0, fmt.Errorf("%w: key %q: no records of type %v", ErrLayout, key, t)
	}
	return h.Origin, nil
}

// isNameKey reports whether b could be made by dns.Name.AppendKey.
func isNameKey(b []byte) bool {
	label, total := 0, 1
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case c == 0:
			if label == 0 || label > dns.MaxLabelLength {
				return false
			}
			total += label + 1
			label = 0
			continue
		case c == 1:
			i++
			if i == len(b) || b[i] != 1 && b[i] != 2 {
				return false
			}
		case 'A' <= c && c <= 'Z':
			return false
		}
		label++
	}
	return label == 0 && total <= dns.MaxNameLength
}
