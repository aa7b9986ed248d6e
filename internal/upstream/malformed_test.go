package upstream

import (
	"bytes"
	"encoding/binary"

	"knot-resolver/internal/dns"
)

// malformed is one way to answer badly, made from the query.
type malformed struct {
	name string
	make func(query []byte) []byte
}

// malformations returns the 64 packets of SP-09. Those that carry an address carry the
// forged one.
func malformations() []malformed {
	var list []malformed
	add := func(name string, f func(q []byte) []byte) { list = append(list, malformed{name, f}) }
	edit := func(name string, change func(r []byte) []byte) {
		add(name, func(q []byte) []byte { return change(respond(q, 0, forged)) })
	}
	set := func(name string, at int, octets ...byte) {
		edit(name, func(r []byte) []byte { copy(r[at:], octets); return r })
	}
	end := func(r []byte) int { return len(r) - 16 } // of the question in a response with one A record

	for _, n := range []int{0, 1, 2, 11} {
		edit("cut to the header's beginning", func(r []byte) []byte { return r[:n] })
	}
	for _, rcode := range []dns.RCode{dns.RCodeNoError, dns.RCodeFormErr, dns.RCodeServFail, dns.RCodeNXDomain, dns.RCodeNotImp, dns.RCodeRefused} {
		add("header only "+rcode.String(), func(q []byte) []byte {
			r := respond(q, dns.Flags(rcode), nil)[:dns.HeaderLength]
			r[5] = 0
			return r
		})
	}
	add("the query itself", bytes.Clone)
	edit("QR=0", func(r []byte) []byte { r[2] &^= 0x80; return r })
	for opcode := byte(1); opcode < 16; opcode += 2 {
		edit("opcode", func(r []byte) []byte { r[2] |= opcode << 3; return r })
	}
	for _, delta := range []uint16{1, 0xffff, 0x8000, 0x0100, 256 * 7} {
		edit("wrong id", func(r []byte) []byte {
			binary.BigEndian.PutUint16(r, binary.BigEndian.Uint16(r)+delta)
			return r
		})
	}
	edit("wrong id and TC", func(r []byte) []byte { r[0]++; r[2] |= 2; return r })
	edit("TC, cut in a record", func(r []byte) []byte { r[2] |= 2; return r[:len(r)-5] })
	edit("TC, other question", func(r []byte) []byte { r[2] |= 2; r[13] ^= 1; return r })

	set("QDCOUNT 0", 4, 0, 0)
	set("QDCOUNT 2", 4, 0, 2)
	set("QDCOUNT 65535", 4, 0xff, 0xff)
	set("ANCOUNT 0", 6, 0, 0)
	set("ANCOUNT 2", 6, 0, 2)
	set("ANCOUNT 65535", 6, 0xff, 0xff)
	set("NSCOUNT 1", 8, 0, 1)
	set("ARCOUNT 65535", 10, 0xff, 0xff)
	for _, cut := range []int{1, 4, 5, 9, 15} {
		edit("cut in the record", func(r []byte) []byte { return r[:len(r)-cut] })
	}
	edit("cut in the question", func(r []byte) []byte { return r[:20] })
	for _, n := range []int{1, 11, 512} {
		edit("trailing octets", func(r []byte) []byte { return append(r, make([]byte, n)...) })
	}

	edit("other name", func(r []byte) []byte { r[14] = 'x'; return r })
	edit("shorter name", func(r []byte) []byte { r[12] = 0; return r })
	edit("other case", func(r []byte) []byte { r[13] ^= 0x20; return r })
	edit("type AAAA", func(r []byte) []byte { r[end(r)-3] = 28; return r })
	for _, class := range []byte{0, 3, 254, 255} {
		edit("wrong class", func(r []byte) []byte { r[end(r)-1] = class; return r })
	}

	edit("owner points at itself", func(r []byte) []byte { r[end(r)+1] = byte(end(r)); return r })
	edit("owner points into the header", func(r []byte) []byte { r[end(r)+1] = 4; return r })
	edit("owner points forward", func(r []byte) []byte { r[end(r)] = 0xff; return r })
	edit("label type 01", func(r []byte) []byte { r[end(r)] = 0x40; return r })
	edit("label type 10", func(r []byte) []byte { r[end(r)] = 0x80; return r })
	edit("RDLENGTH too long", func(r []byte) []byte { r[len(r)-5] = 5; return r })
	opt := []byte{0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 0}
	edit("two OPT", func(r []byte) []byte { r[11] = 2; return append(append(r, opt...), opt...) })
	edit("OPT in the answer", func(r []byte) []byte { r[7] = 2; return append(r, opt...) })
	edit("OPT not at the root", func(r []byte) []byte { r[11] = 1; return append(append(r, 1, 'x'), opt...) })
	edit("OPT with a broken option", func(r []byte) []byte {
		r[11] = 1
		r = append(r, opt...)
		r[len(r)-1] = 4
		return append(r, 0, 10, 0, 9)
	})
	edit("octets FF", func(r []byte) []byte { return append(r[:2], bytes.Repeat([]byte{0xff}, 100)...) })
	return list
}
