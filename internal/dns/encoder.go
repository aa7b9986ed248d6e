package dns

import "encoding/binary"

// Encoder writes one message, appending to a byte slice. Names are compressed with a
// table of fixed size, so its work is linear in what is written (B20). What does not fit
// the limit is not written and reported.
type Encoder struct {
	dst   []byte
	start int // of the message in dst
	limit int // octets of the message, less what is kept for OPT
	kept  int
	names compression
}

// NewEncoder starts a message of at most limit octets at the end of dst.
func NewEncoder(dst []byte, limit int) *Encoder {
	e := new(Encoder)
	e.Reset(dst, limit)
	return e
}

// Reset starts another message with the same Encoder.
func (e *Encoder) Reset(dst []byte, limit int) {
	e.dst, e.start, e.limit, e.kept = dst, len(dst), limit, 0
	e.names = compression{}
}

// Bytes returns the slice given at the start with the message appended.
func (e *Encoder) Bytes() []byte { return e.dst }

// Len returns the length of the message so far.
func (e *Encoder) Len() int { return len(e.dst) - e.start }

// Keep reserves octets at the end, for OPT.
func (e *Encoder) Keep(octets int) { e.kept = octets }

// Header writes the fixed header with all counts zero.
func (e *Encoder) Header(id uint16, f Flags) {
	e.dst = binary.BigEndian.AppendUint16(e.dst, id)
	e.dst = binary.BigEndian.AppendUint16(e.dst, uint16(f))
	e.dst = append(e.dst, 0, 0, 0, 0, 0, 0, 0, 0)
}

// SetFlags overwrites the flags of the header already written.
func (e *Encoder) SetFlags(f Flags) { binary.BigEndian.PutUint16(e.dst[e.start+2:], uint16(f)) }

func (e *Encoder) count(field int) {
	at := e.dst[e.start+4+2*field:]
	binary.BigEndian.PutUint16(at, binary.BigEndian.Uint16(at)+1)
}

// Question writes the question. Its name is written as it is, case and all.
func (e *Encoder) Question(q Question) {
	e.names.enter(e.dst, e.start, q.Name, e.Len())
	e.dst = append(e.dst, q.Name...)
	e.dst = binary.BigEndian.AppendUint16(e.dst, uint16(q.Type))
	e.dst = binary.BigEndian.AppendUint16(e.dst, uint16(q.Class))
	e.count(0)
}

// RRset writes a whole set, rotated by rotate records, with its signatures if asked.
// When it does not fit nothing of it is written and the result is false.
func (e *Encoder) RRset(s Section, set *RRset, ttl uint32, signatures bool, rotate int) bool {
	mark, counts := len(e.dst), [8]byte(e.dst[e.start+4:e.start+12])
	ok := e.records(s, set.Owner, set.Type, ttl, set.RDatas, rotate)
	if ok && signatures && len(set.Sigs) > 0 {
		ok = e.records(s, set.Owner, TypeRRSIG, ttl, set.Sigs, 0)
	}
	if !ok {
		e.dst = e.dst[:mark]
		copy(e.dst[e.start+4:], counts[:])
		e.names.forget(mark - e.start)
	}
	return ok
}

func (e *Encoder) records(s Section, owner Name, t Type, ttl uint32, list RDatas, rotate int) bool {
	skip := 0
	if rotate > 0 {
		skip = rotate % max(1, list.Count())
	}
	i := 0
	for rdata := range list.All() {
		if i++; i > skip && !e.Record(s, owner, t, ClassIN, ttl, rdata) {
			return false
		}
	}
	i = 0
	for rdata := range list.All() {
		if i++; i > skip {
			break
		}
		if !e.Record(s, owner, t, ClassIN, ttl, rdata) {
			return false
		}
	}
	return true
}

// Record writes one record with uncompressed RDATA; false if it does not fit, when the message is left broken off.
func (e *Encoder) Record(s Section, owner Name, t Type, c Class, ttl uint32, rdata []byte) bool {
	e.name(owner)
	e.dst = binary.BigEndian.AppendUint16(e.dst, uint16(t))
	e.dst = binary.BigEndian.AppendUint16(e.dst, uint16(c))
	e.dst = binary.BigEndian.AppendUint32(e.dst, ttl)
	at := len(e.dst)
	e.dst = append(e.dst, 0, 0)
	e.rdata(t, rdata)
	binary.BigEndian.PutUint16(e.dst[at:], uint16(len(e.dst)-at-2))
	e.count(int(s) + 1)
	return e.Len() <= e.limit-e.kept
}

func (e *Encoder) rdata(t Type, rdata []byte) {
	if mayCompress(t) {
		for _, field := range []byte(layout(t)) {
			n := fieldLength(field, rdata)
			if n < 0 {
				break
			}
			if field == 'n' {
				e.nameBytes(rdata[:n])
			} else {
				e.dst = append(e.dst, rdata[:n]...)
			}
			rdata = rdata[n:]
		}
	}
	e.dst = append(e.dst, rdata...)
}

// OPT writes the OPT record; it uses what Keep reserved.
func (e *Encoder) OPT(o EDNS) {
	e.dst = append(e.dst, 0)
	e.dst = binary.BigEndian.AppendUint16(e.dst, uint16(TypeOPT))
	e.dst = binary.BigEndian.AppendUint16(e.dst, o.UDPSize)
	e.dst = binary.BigEndian.AppendUint32(e.dst, o.ttl())
	e.dst = binary.BigEndian.AppendUint16(e.dst, uint16(len(o.Options)))
	e.dst = append(e.dst, o.Options...)
	e.count(3)
}

// OPTLength is the size of the OPT record with the given options.
func OPTLength(options []byte) int { return 11 + len(options) }
