package rpl

import (
	"encoding/binary"
	"errors"

	"knot-resolver/internal/dns"
)

// message is a message taken apart record by record, repeated records and all, which
// the view of package dns does not give.
type message struct {
	ID        uint16
	Flags     dns.Flags
	RCode     dns.RCode // with the bits of EDNS
	Questions []dns.Question
	Sections  [3][]Record // without OPT
	OPT       *opt
	TCP       bool // how it travelled
}

// opt is the content of an OPT record.
type opt struct {
	Size    uint16
	TTL     uint32
	Options []byte
}

const optDO, optCO = 1 << 15, 1 << 14

func (o *opt) version() uint8 { return uint8(o.TTL >> 16) }

// option returns the data of the first option with a code.
func (o *opt) option(code dns.OptionCode) ([]byte, bool) {
	if o == nil {
		return nil, false
	}
	e := dns.EDNS{Options: o.Options}
	return e.Option(code)
}

var errWire = errors.New("malformed message")

// decode takes a message apart.
func decode(raw []byte) (*message, error) {
	if len(raw) < dns.HeaderLength {
		return nil, errWire
	}
	d := decoder{raw: raw, at: dns.HeaderLength}
	word := func(i int) int { return int(binary.BigEndian.Uint16(raw[2*i:])) }
	m := &message{ID: uint16(word(0)), Flags: dns.Flags(word(1))}
	m.RCode = m.Flags.RCode()
	for range word(2) {
		name, fixed := d.name(), d.take(4)
		if d.bad {
			return nil, errWire
		}
		m.Questions = append(m.Questions, dns.Question{Name: name, Type: dns.Type(binary.BigEndian.Uint16(fixed)),
			Class: dns.Class(binary.BigEndian.Uint16(fixed[2:]))})
	}
	for section := range m.Sections {
		for range word(3 + section) {
			r := d.record()
			if d.bad {
				return nil, errWire
			}
			if r.Type == dns.TypeOPT {
				m.OPT = &opt{uint16(r.Class), r.TTL, r.RData}
				m.RCode |= dns.RCode(r.TTL >> 24 << 4)
				continue
			}
			m.Sections[section] = append(m.Sections[section], r)
		}
	}
	if d.at != len(raw) {
		return nil, errWire
	}
	return m, nil
}

// decoder reads a message from front to back.
type decoder struct {
	raw []byte
	at  int
	bad bool
}

func (d *decoder) take(n int) []byte {
	if d.bad || d.at+n > len(d.raw) {
		d.bad = true
		return nil
	}
	d.at += n
	return d.raw[d.at-n : d.at]
}

// name reads a name, compressed or not.
func (d *decoder) name() dns.Name {
	var name []byte
	at, jumped := d.at, false
	for hops := 0; !d.bad && at < len(d.raw) && hops < 128; hops++ {
		c := int(d.raw[at])
		switch {
		case c >= 0xc0 && at+1 < len(d.raw):
			if !jumped {
				d.at, jumped = at+2, true
			}
			at = c&0x3f<<8 | int(d.raw[at+1])
		case c <= dns.MaxLabelLength && at+c+1 <= len(d.raw):
			name = append(name, d.raw[at:at+c+1]...)
			at += c + 1
			if c == 0 {
				if !jumped {
					d.at = at
				}
				d.bad = len(name) > dns.MaxNameLength
				return dns.Name(name)
			}
		default:
			d.bad = true
		}
	}
	d.bad = true
	return ""
}

func (d *decoder) record() (r Record) {
	r.Owner = d.name()
	fixed := d.take(10)
	if d.bad {
		return r
	}
	r.Type, r.Class = dns.Type(binary.BigEndian.Uint16(fixed)), dns.Class(binary.BigEndian.Uint16(fixed[2:]))
	r.TTL = binary.BigEndian.Uint32(fixed[4:])
	end := d.at + int(binary.BigEndian.Uint16(fixed[8:]))
	if end > len(d.raw) {
		d.bad = true
		return r
	}
	inner := decoder{raw: d.raw[:end], at: d.at}
	for _, names := range embedded(r.Type) {
		if names == 0 {
			r.RData = append(r.RData, inner.name()...)
		} else {
			r.RData = append(r.RData, inner.take(names)...)
		}
	}
	if inner.bad { // data that is malformed on purpose
		inner.at, r.RData = d.at, nil
	}
	r.RData = append(r.RData, d.raw[inner.at:end]...)
	d.at = end
	return r
}

// embedded lists the leading fields of data that may hold compressed names: 0 is a name, else a number of octets.
func embedded(t dns.Type) []int {
	switch t {
	case dns.TypeNS, dns.TypeCNAME, dns.TypePTR, dns.TypeDNAME:
		return []int{0}
	case dns.TypeSOA:
		return []int{0, 0}
	case dns.TypeMX:
		return []int{2, 0}
	}
	return nil
}
