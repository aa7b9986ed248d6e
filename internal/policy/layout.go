package policy

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"

	"knot-resolver/internal/dns"
)

// Layout of the rule database, integers big-endian:
//
//	key                                     value
//	'd'                                     empty: there are rules that drop the query
//	'e' name-key 0x00 u16 type              u16 origin, u32 TTL, u8 mark, packed RDATA
//	'm'                                     JSON of [Meta]
//	'o' u16 number                          u16 EDE code, text of the origin
//	's' name-key                            u16 origin, u32 TTL, u8 subtree kind, with or without the wildcard bit
//
// name-key is dns.Name.AppendKey of a lower-case name: labels from the root, each ended by 0x00. So
// the keys of a name's ancestors are prefixes of its own, and 0x00 after a name-key cannot be taken
// for a further label.
//
// Invariants, checked by [Check]: every RDATA list adds up; it is empty exactly when there is a mark,
// and then the type is CNAME, which stands for all types the name has no key for; kinds and marks are
// known; every key has one of these forms. Origins are numbered from 0 without gap, and every origin
// referred to exists: [Open] checks what a single pair cannot show.
const (
	dropKey    = 'd'
	exactKey   = 'e'
	metaKey    = 'm'
	originKey  = 'o'
	subtreeKey = 's'

	valueHeader  = 2 + 4
	originHeader = 2
	wildcardBit  = 0x80
)

// Subtree says what a rule does to a name and everything below it (resolver.md 6.3).
type Subtree uint8

// The kinds of subtree rules.
const (
	SubtreeNone        Subtree = iota // nothing by itself: there is a wildcard below
	SubtreeEmpty                      // an empty zone: SOA and NS at its apex, NXDOMAIN below
	SubtreeNXDomain                   // NXDOMAIN for the name and below
	SubtreeRedirect                   // the records of the apex for every name below
	SubtreeEmptyNoData                // an empty zone whose names below exist without data
	SubtreeDNAME                      // names below are renamed by the DNAME record of the apex (RFC 6672)
	subtreeEnd
)

// Mark says what happens to types that a name has no records of.
type Mark uint8

// The marks.
const (
	MarkNone     Mark = iota // nothing: there are records
	MarkNoData               // they do not exist
	MarkNXDomain             // nor does the name
	MarkPass                 // they are resolved, whatever rules there are above
	MarkDrop                 // the query stays without an answer
	markEnd
)

// Header is what every rule has.
type Header struct {
	Origin uint16 // where the rule comes from: the number of an origin
	TTL    uint32 // seconds
}

// Origin is where rules come from.
type Origin struct {
	Text string      // for people
	EDE  dns.EDECode // goes with denials; dns.NoEDE for none
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

// AppendDropKey appends the key that says that some rules drop the query.
func AppendDropKey(dst []byte) []byte { return append(dst, dropKey) }

// AppendMetaKey appends the key of what concerns the whole set.
func AppendMetaKey(dst []byte) []byte { return append(dst, metaKey) }

// Meta is what concerns a rule set as a whole.
type Meta struct {
	Tags  []string // names by number
	Views []View   // in the order of the configuration
}

// AppendMeta appends the value of a Meta.
func AppendMeta(dst []byte, m *Meta) []byte {
	text, err := json.Marshal(m)
	if err != nil {
		panic("BUG: " + err.Error()) // a prefix that was not checked
	}
	return append(dst, text...)
}

func parseMeta(value []byte) (m Meta, ok bool) {
	err := json.Unmarshal(value, &m)
	return m, err == nil
}

// AppendOrigin appends the value of an origin.
func AppendOrigin(dst []byte, o Origin) []byte {
	return append(binary.BigEndian.AppendUint16(dst, uint16(o.EDE)), o.Text...)
}

// AppendExact appends the value of records.
func AppendExact(dst []byte, h Header, records dns.RDatas) []byte {
	return append(append(appendHeader(dst, h), byte(MarkNone)), records...)
}

// AppendMark appends the value of a mark, which has its place at type CNAME.
func AppendMark(dst []byte, h Header, m Mark) []byte {
	return append(appendHeader(dst, h), byte(m))
}

// AppendSubtree appends the value of a subtree rule. wildcard says that names below are answered by
// the records and marks of the wildcard below the apex, before what kind does to them.
func AppendSubtree(dst []byte, h Header, kind Subtree, wildcard bool) []byte {
	if wildcard {
		kind |= wildcardBit
	}
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

func parseExact(value []byte) (h Header, m Mark, records dns.RDatas, ok bool) {
	h, rest, ok := parseHeader(value)
	if !ok || len(rest) == 0 || Mark(rest[0]) >= markEnd {
		return Header{}, 0, nil, false
	}
	m, records = Mark(rest[0]), dns.RDatas(rest[1:])
	return h, m, records, records.Valid() && (m == MarkNone) == (len(records) > 0)
}

func parseSubtree(value []byte) (h Header, kind Subtree, wildcard, ok bool) {
	h, rest, ok := parseHeader(value)
	if !ok || len(rest) != 1 {
		return Header{}, 0, false, false
	}
	kind, wildcard = Subtree(rest[0]&^wildcardBit), rest[0]&wildcardBit != 0
	return h, kind, wildcard, kind < subtreeEnd && (kind != SubtreeNone || wildcard)
}

func parseOrigin(value []byte) (Origin, bool) {
	if len(value) < originHeader {
		return Origin{}, false
	}
	return Origin{Text: string(value[originHeader:]), EDE: dns.EDECode(binary.BigEndian.Uint16(value))}, true
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
		if _, ok := parseOrigin(value); !ok || len(body) != 2 {
			return bad("malformed origin")
		}
		return 0, nil
	case dropKey:
		if len(body) != 0 || len(value) != 0 {
			return bad("malformed mark of drops")
		}
		return 0, nil
	case metaKey:
		if _, ok := parseMeta(value); !ok || len(body) != 0 {
			return bad("malformed metadata")
		}
		return 0, nil
	case subtreeKey:
		h, _, _, ok := parseSubtree(value)
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
	h, m, _, ok := parseExact(value)
	end := len(key) - 3
	if !ok || end < 1 || key[end] != 0 || !isNameKey(key[1:end]) {
		return 0, fmt.Errorf("%w: key %q: malformed records", ErrLayout, key)
	}
	if t := dns.Type(binary.BigEndian.Uint16(key[end+1:])); m != MarkNone && t != dns.TypeCNAME {
		return 0, fmt.Errorf("%w: key %q: mark at type %v", ErrLayout, key, t)
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
