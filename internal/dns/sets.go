package dns

import (
	"encoding/binary"
	"errors"
	"slices"

	"knot-resolver/internal/limits"
)

// ErrRRset says that the records of a message cannot be made into RRsets.
var ErrRRset = errors.New("dns: malformed RDATA or too many records")

type setKey struct {
	owner Name
	typ   Type
}

// RRsets groups the records of a section: owners and the names in RDATA uncompressed,
// owners in lower case, duplicates dropped, RRSIGs attached to the set they cover. RRSIGs
// that cover no set in the section form sets of type RRSIG. Records of other classes are
// left out. The sets come in order of first appearance.
func (m *Message) RRsets(s Section) ([]RRset, error) {
	g := grouping{message: m, room: limits.MessageExpansion*len(m.raw) + limits.MessageExpansionFree - len(m.records)*recordCost}
	for i := range m.records {
		r := &m.records[i]
		if r.section != s || r.class != ClassIN || r.typ == TypeRRSIG {
			continue
		}
		if err := g.add(r); err != nil {
			return nil, err
		}
	}
	for i := range m.records {
		if r := &m.records[i]; r.section == s && r.class == ClassIN && r.typ == TypeRRSIG {
			if err := g.addSignature(r); err != nil {
				return nil, err
			}
		}
	}
	return g.sets, nil
}

// grouping collects sets. Few sets are found by scanning, many through an index.
type grouping struct {
	message *Message
	sets    []RRset
	index   map[setKey]int
	offset  uint16 // the owner last expanded, records of a set usually repeat it
	owner   Name
	scratch []byte
	room    int // octets of memory still to be used
}

// What building costs in memory, with what growing slices and maps throw away.
const (
	recordCost = 24  // of a record of the message
	setCost    = 350 // of a set, without owner
	growth     = 5   // octets per octet of a list
)

// spend refuses messages that compression makes much larger than they are (PX-02).
func (g *grouping) spend(octets int) error {
	if g.room -= octets; g.room < 0 {
		return ErrRRset
	}
	return nil
}

const scanUpTo = 16

func (g *grouping) find(owner Name, t Type) (int, bool) {
	if g.index != nil {
		i, ok := g.index[setKey{owner, t}]
		return i, ok
	}
	for i := len(g.sets) - 1; i >= 0; i-- {
		if g.sets[i].Type == t && g.sets[i].Owner == owner {
			return i, true
		}
	}
	return 0, false
}

func (g *grouping) set(owner Name, t Type, ttl uint32) (*RRset, error) {
	if i, ok := g.find(owner, t); ok {
		g.sets[i].TTL = min(g.sets[i].TTL, ttl)
		return &g.sets[i], nil
	}
	if len(g.sets) == limits.RRsetsPerMessage {
		return nil, ErrRRset
	}
	if err := g.spend(setCost); err != nil {
		return nil, err
	}
	if len(g.sets) == scanUpTo && g.index == nil {
		g.index = make(map[setKey]int)
		for i := range g.sets {
			g.index[setKey{g.sets[i].Owner, g.sets[i].Type}] = i
		}
	}
	if g.index != nil {
		g.index[setKey{owner, t}] = len(g.sets)
	}
	g.sets = append(g.sets, RRset{Owner: owner, Type: t, TTL: ttl})
	return &g.sets[len(g.sets)-1], nil
}

func (g *grouping) ownerOf(r *record) (Name, error) {
	raw := g.message.raw
	at := r.owner
	if raw[at] >= 0xc0 { // a bare pointer: the name is where it points
		at = binary.BigEndian.Uint16(raw[at:]) & 0x3fff
	}
	if at == g.offset && g.owner != "" {
		return g.owner, nil
	}
	var buf [MaxNameLength]byte
	name, _, err := readName(buf[:0], raw, int(r.owner))
	if err != nil {
		return "", err
	}
	LowerBytes(name)
	g.offset, g.owner = at, Name(name)
	return g.owner, g.spend(len(name))
}

// clampTTL reads a TTL; one with the highest bit set counts as 0 (RFC 2181 section 8).
func clampTTL(ttl uint32) uint32 {
	if ttl > 1<<31-1 {
		return 0
	}
	return ttl
}

func (g *grouping) add(r *record) error {
	owner, err := g.ownerOf(r)
	if err != nil {
		return err
	}
	rdata, err := g.rdata(r)
	if err != nil {
		return err
	}
	set, err := g.set(owner, r.typ, clampTTL(r.ttl))
	if err != nil {
		return err
	}
	if set.RDatas.Contains(rdata) {
		return nil
	}
	if set.RDatas.Count() == limits.RRsetRecords {
		return ErrRRset
	}
	set.RDatas = set.RDatas.Append(rdata)
	return g.spend(growth * len(rdata))
}

func (g *grouping) addSignature(r *record) error {
	owner, err := g.ownerOf(r)
	if err != nil {
		return err
	}
	rdata, err := g.rdata(r)
	if err != nil {
		return err
	}
	if len(rdata) < 18 {
		return ErrRRset
	}
	if i, ok := g.find(owner, Type(binary.BigEndian.Uint16(rdata))); ok {
		set := &g.sets[i]
		if set.Sigs.Count() < limits.SignaturesPerRRset && !set.Sigs.Contains(rdata) {
			set.Sigs = set.Sigs.Append(rdata)
			return g.spend(growth * len(rdata))
		}
		return nil
	}
	return g.add(r)
}

// rdata expands the names in RDATA. The result is valid until the next call.
func (g *grouping) rdata(r *record) ([]byte, error) {
	raw := g.message.raw
	at, end := int(r.rdata), int(r.rdata)+int(r.length)
	shape := layout(r.typ)
	if shape == "" {
		return raw[at:end], opaque(r.typ, raw[at:end])
	}
	if !inFull(r.typ, raw[at:end]) {
		return nil, ErrRRset
	}
	var err error
	out := slices.Grow(g.scratch[:0], int(r.length)+MaxNameLength)
	for _, field := range []byte(shape) {
		if field == 'n' {
			if out, at, err = readName(out, raw, at); err != nil {
				return nil, err
			}
		} else {
			n := fieldLength(field, raw[at:end])
			if n < 0 {
				return nil, ErrRRset
			}
			out = append(out, raw[at:at+n]...)
			at += n
		}
		if at > end {
			return nil, ErrRRset
		}
	}
	out = append(out, raw[at:end]...)
	g.scratch = out
	return out, trailing(r.typ, end-at)
}

// opaque refuses addresses of a wrong size and service bindings without a whole target name.
func opaque(t Type, rdata []byte) error {
	switch t {
	case TypeA:
		if len(rdata) != 4 {
			return ErrRRset
		}
	case TypeAAAA:
		if len(rdata) != 16 {
			return ErrRRset
		}
	case TypeSVCB, TypeHTTPS:
		if len(rdata) < 3 || wireNameLength(rdata[2:]) < 0 {
			return ErrRRset
		}
	}
	return nil
}

// inFull says whether the name in RDATA of types that came with DNSSEC is uncompressed, as it must be (RFC 4034 sections 3.1.7 and 4.1.1).
func inFull(t Type, rdata []byte) bool {
	switch t {
	case TypeRRSIG:
		return len(rdata) > 18 && wireNameLength(rdata[18:]) > 0
	case TypeNSEC:
		return wireNameLength(rdata) > 0
	}
	return true
}

// trailing refuses octets behind types that end with a known field.
func trailing(t Type, rest int) error {
	switch t {
	case TypeNS, TypeCNAME, TypePTR, TypeDNAME, TypeMX, TypeSRV:
		if rest != 0 {
			return ErrRRset
		}
	case TypeSOA:
		if rest != 20 {
			return ErrRRset
		}
	}
	return nil
}
