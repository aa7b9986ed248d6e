package dns

import (
	"encoding/binary"
	"errors"
	"fmt"

	"knot-resolver/internal/limits"
)

// HeaderLength is the size of the fixed header (RFC 1035 section 4.1.1).
const HeaderLength = 12

// The least octets a question and a record can take: used to refuse lying counts unseen.
const (
	minQuestion = 5
	minRecord   = 11
)

// Errors of Parse. All mean that the bytes are no DNS message.
var (
	ErrShort    = errors.New("dns: message shorter than its header or counts")
	ErrTrailing = errors.New("dns: octets after the last record")
	ErrOPT      = errors.New("dns: malformed or repeated OPT record")
)

// Flags are the second 16 bits of the header.
type Flags uint16

// Header flags.
const (
	FlagQR Flags = 1 << 15
	FlagAA Flags = 1 << 10
	FlagTC Flags = 1 << 9
	FlagRD Flags = 1 << 8
	FlagRA Flags = 1 << 7
	FlagAD Flags = 1 << 5
	FlagCD Flags = 1 << 4
)

// Has says whether all the given flags are set.
func (f Flags) Has(bits Flags) bool { return f&bits == bits }

// Opcode returns the operation.
func (f Flags) Opcode() Opcode { return Opcode(f >> 11 & 0xf) }

// RCode returns the lower four bits of the response code.
func (f Flags) RCode() RCode { return RCode(f & 0xf) }

// WithRCode returns f with the lower four bits of r.
func (f Flags) WithRCode(r RCode) Flags { return f&^0xf | Flags(r&0xf) }

// Section is one of the three record sections.
type Section uint8

// Sections in the order they are written.
const (
	Answer Section = iota
	Authority
	Additional
)

func (s Section) String() string { return [...]string{"answer", "authority", "additional"}[s] }

// record is one parsed record: where its parts lie in the message.
type record struct {
	owner, rdata, length uint16
	typ                  Type
	class                Class
	ttl                  uint32
	section              Section
}

// Message is a view over received bytes, which must not change while it is used. The
// zero value is ready for Parse, and may be parsed into again.
type Message struct {
	Question Question
	QDCount  int
	HasEDNS  bool
	EDNS     EDNS

	raw     []byte
	records []record
	ends    int  // offset behind the question section
	borrow  bool // the name of the question is a view, too
}

// Raw returns the bytes of the message.
func (m *Message) Raw() []byte { return m.raw }

// ID returns the message id.
func (m *Message) ID() uint16 { return binary.BigEndian.Uint16(m.raw) }

// Flags returns the header flags.
func (m *Message) Flags() Flags { return Flags(binary.BigEndian.Uint16(m.raw[2:])) }

// RCode returns the response code with the bits EDNS adds.
func (m *Message) RCode() RCode { return m.Flags().RCode() | RCode(m.EDNS.ExtRCode)<<4 }

// RawQuestion returns the wire of the question section.
func (m *Message) RawQuestion() []byte { return m.raw[HeaderLength:m.ends] }

// Count returns the number of records in a section, without OPT.
func (m *Message) Count(s Section) int {
	n := 0
	for i := range m.records {
		if m.records[i].section == s {
			n++
		}
	}
	return n
}

// Parse makes m a view of raw. On error m is not to be used, but the header of a
// message of at least HeaderLength octets can still be read.
func (m *Message) Parse(raw []byte) error {
	*m = Message{raw: raw, records: m.records[:0]}
	return m.parse()
}

// ParseBorrowed is Parse without a copy of the name of the question, which is then [Borrow]ed from raw.
func (m *Message) ParseBorrowed(raw []byte) error {
	*m = Message{raw: raw, records: m.records[:0], borrow: true}
	return m.parse()
}

func (m *Message) parse() error {
	raw := m.raw
	if len(raw) < HeaderLength || len(raw) > 65535 {
		return ErrShort
	}
	var counts [4]int
	for i := range counts {
		counts[i] = int(binary.BigEndian.Uint16(raw[4+2*i:]))
	}
	total := counts[1] + counts[2] + counts[3]
	if HeaderLength+counts[0]*minQuestion+total*minRecord > len(raw) {
		return ErrShort
	}
	if total > cap(m.records) {
		m.records = make([]record, 0, total)
	}
	m.QDCount = counts[0]
	at, err := m.parseQuestions(counts[0])
	if err != nil {
		return err
	}
	m.ends = at
	for section, count := range counts[1:] {
		for range count {
			if at, err = m.parseRecord(at, Section(section)); err != nil {
				return fmt.Errorf("%w in the %v section", err, Section(section))
			}
		}
	}
	if at != len(raw) {
		return ErrTrailing
	}
	return nil
}

func (m *Message) parseQuestions(count int) (at int, err error) {
	at = HeaderLength
	for i := range count {
		var buf [MaxNameLength]byte
		n, next, err := readName(buf[:0], m.raw, at)
		if err != nil {
			return 0, err
		}
		if next+4 > len(m.raw) {
			return 0, ErrShort
		}
		if i == 0 {
			m.Question = Question{
				Name:  m.questionName(n, next),
				Type:  Type(binary.BigEndian.Uint16(m.raw[next:])),
				Class: Class(binary.BigEndian.Uint16(m.raw[next+2:])),
			}
		}
		at = next + 4
	}
	return at, nil
}

// questionName makes a name of n, which was read from the octets before next. The first name of a message is never compressed:
// there is nothing before it that it could point to.
func (m *Message) questionName(n []byte, next int) Name {
	if m.borrow {
		return Borrow(m.raw[next-len(n) : next])
	}
	return Name(n)
}

func (m *Message) parseRecord(at int, section Section) (int, error) {
	var buf [MaxNameLength]byte
	owner, next, err := readName(buf[:0], m.raw, at)
	if err != nil {
		return 0, err
	}
	if next+10 > len(m.raw) {
		return 0, ErrShort
	}
	fixed := m.raw[next:]
	r := record{
		owner:   uint16(at),
		typ:     Type(binary.BigEndian.Uint16(fixed)),
		class:   Class(binary.BigEndian.Uint16(fixed[2:])),
		ttl:     binary.BigEndian.Uint32(fixed[4:]),
		length:  binary.BigEndian.Uint16(fixed[8:]),
		rdata:   uint16(next + 10),
		section: section,
	}
	end := next + 10 + int(r.length)
	if end > len(m.raw) {
		return 0, ErrShort
	}
	if r.typ != TypeOPT {
		m.records = append(m.records, r)
		return end, nil
	}
	if m.HasEDNS || section != Additional || len(owner) != 1 {
		return 0, ErrOPT
	}
	m.HasEDNS = true
	return end, m.EDNS.parse(r.class, r.ttl, m.raw[r.rdata:end])
}

// readName appends the uncompressed name at offset at and returns the offset behind
// it. Pointers must point strictly backwards, to before the octets read so far.
func readName(dst, msg []byte, at int) ([]byte, int, error) {
	start := len(dst)
	next, floor := -1, at
	for hops := 0; at < len(msg); {
		c := int(msg[at])
		switch {
		case c == 0:
			dst = append(dst, 0)
			if next < 0 {
				next = at + 1
			}
			if len(dst)-start > MaxNameLength {
				return nil, 0, ErrName
			}
			return dst, next, nil
		case c <= MaxLabelLength:
			if at+1+c > len(msg) || len(dst)-start+1+c >= MaxNameLength {
				return nil, 0, ErrName
			}
			dst = append(dst, msg[at:at+1+c]...)
			at += 1 + c
		case c >= 0xc0 && at+1 < len(msg):
			if next < 0 {
				next = at + 2
			}
			target := c&0x3f<<8 | int(msg[at+1])
			if hops++; target >= floor || target < HeaderLength || hops > limits.CompressionPointers {
				return nil, 0, ErrName
			}
			at, floor = target, target
		default:
			return nil, 0, ErrName
		}
	}
	return nil, 0, ErrName
}
