package attack

import (
	"bytes"
	"encoding/binary"

	miekg "github.com/miekg/dns"
)

// malformed makes one bad packet of a query and the true answer to it.
type malformed func(query, answer []byte) []byte

// malformations are the 64 packets of SP-09. The answer is one A record, its signature and an OPT record.
func malformations() (all []malformed) {
	edit := func(f func(r []byte) []byte) {
		all = append(all, func(_, answer []byte) []byte { return f(bytes.Clone(answer)) })
	}
	set := func(at int, octets ...byte) {
		edit(func(r []byte) []byte { copy(r[at:], octets); return r })
	}
	for _, n := range []int{0, 1, 2, 11, 13, 20} {
		edit(func(r []byte) []byte { return r[:n] })
	}
	for _, rcode := range []byte{0, 1, 2, 3, 4, 5, 9} { // nothing but a header
		edit(func(r []byte) []byte { r[3], r[5], r[7], r[11] = rcode, 0, 0, 0; return r[:12] })
	}
	all = append(all, func(query, _ []byte) []byte { return query }) // the query itself
	edit(func(r []byte) []byte { r[2] &^= 0x80; return r })          // QR=0
	for opcode := byte(1); opcode < 16; opcode += 2 {
		edit(func(r []byte) []byte { r[2] |= opcode << 3; return r })
	}
	for _, delta := range []uint16{1, 0xffff, 0x8000, 0x100, 0x700} {
		edit(func(r []byte) []byte {
			binary.BigEndian.PutUint16(r, binary.BigEndian.Uint16(r)+delta)
			return r
		})
	}
	edit(func(r []byte) []byte { r[0]++; r[2] |= 2; return r })     // another id, and truncated
	edit(func(r []byte) []byte { r[2] |= 2; r[13] ^= 3; return r }) // another name, and truncated
	edit(func(r []byte) []byte { r[2] |= 2; return r[:len(r)-20] }) // truncated in the middle
	for at := 4; at < 12; at += 2 {                                 // counts
		set(at, 0xff, 0xff)
		set(at, 0, 9)
	}
	for _, cut := range []int{1, 11, 12, 40} {
		edit(func(r []byte) []byte { return r[:len(r)-cut] })
	}
	for _, n := range []int{1, 11, 512} {
		edit(func(r []byte) []byte { return append(r, make([]byte, n)...) })
	}
	edit(func(r []byte) []byte { r[13] = 'q'; return r })   // another name
	edit(func(r []byte) []byte { r[13] ^= 0x20; return r }) // other case
	for _, t := range []byte{28, 255} {                     // other type
		edit(func(r []byte) []byte { r[question(r)-3] = t; return r })
	}
	for _, class := range []byte{0, 3, 254, 255} {
		edit(func(r []byte) []byte { r[question(r)-1] = class; return r })
	}
	edit(func(r []byte) []byte { r[question(r)], r[question(r)+1] = 0xc0, byte(question(r)); return r }) // points at itself
	edit(func(r []byte) []byte { r[question(r)], r[question(r)+1] = 0xc0, 4; return r })                 // into the header
	edit(func(r []byte) []byte { r[question(r)], r[question(r)+1] = 0xff, 0xff; return r })              // forward
	edit(func(r []byte) []byte { r[question(r)] = 0x41; return r })
	edit(func(r []byte) []byte { r[question(r)] = 0x81; return r })
	edit(func(r []byte) []byte { r[question(r)+11] = 5; return r }) // RDLENGTH
	opt := []byte{0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 0}
	edit(func(r []byte) []byte { r[11] = 2; return append(r, opt...) })
	edit(func(r []byte) []byte { r[11] = 2; return append(append(r, 1, 'x'), opt...) })
	edit(func(r []byte) []byte { r[len(r)-1] = 4; return append(r, 0, 10, 0, 9) }) // an option too long
	edit(func(r []byte) []byte { return append(r[:2], bytes.Repeat([]byte{0xff}, 100)...) })
	return all
}

// question is where the question section of a message ends.
func question(r []byte) int {
	_, at, err := miekg.UnpackDomainName(r, 12)
	if err != nil {
		return 17
	}
	return at + 4
}
