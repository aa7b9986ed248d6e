package admit

import (
	"testing"

	"knot-resolver/internal/dns"
)

// query builds a message with the flags and counts given; the question is example. A IN.
func query(flags uint16, counts [4]byte) []byte {
	raw := []byte{0x12, 0x34, byte(flags >> 8), byte(flags)}
	for _, c := range counts {
		raw = append(raw, 0, c)
	}
	return append(raw, "\x07example\x00\x00\x01\x00\x01"...)
}

func TestHeader(t *testing.T) {
	one := [4]byte{1}
	for _, c := range []struct {
		name  string
		raw   []byte
		want  Action
		rcode dns.RCode
	}{
		{"ordinary", query(0x0100, one), Continue, 0},
		{"with OPT", query(0x0100, [4]byte{1, 0, 0, 1}), Continue, 0},
		{"with OPT and TSIG", query(0x0100, [4]byte{1, 0, 0, 2}), Continue, 0},
		{"flags that mean nothing in queries", query(0x07bf, one), Continue, 0},
		{"empty", nil, Drop, 0},
		{"header cut short", query(0x0100, one)[:11], Drop, 0},
		{"response", query(0x8100, one), Drop, 0},
		{"response with another opcode", query(0xa800, one), Drop, 0},
		{"notify", query(4<<11, one), Answer, dns.RCodeNotImp},
		{"update without question", query(5<<11, [4]byte{}), Answer, dns.RCodeNotImp},
		{"no question", query(0x0100, [4]byte{0, 0, 0, 1}), Answer, dns.RCodeFormErr},
		{"two questions", query(0x0100, [4]byte{2}), Answer, dns.RCodeFormErr},
		{"answers in a query", query(0x0100, [4]byte{1, 1}), Answer, dns.RCodeFormErr},
		{"authority in a query", query(0x0100, [4]byte{1, 0, 1}), Answer, dns.RCodeFormErr},
		{"three additionals", query(0x0100, [4]byte{1, 0, 0, 3}), Answer, dns.RCodeFormErr},
	} {
		if got := Header(c.raw); got.Action != c.want || got.RCode != c.rcode {
			t.Errorf("%s: %+v, want action %v with %v", c.name, got, c.want, c.rcode)
		}
	}
}

// parsed returns the message of query with another question and, optionally, an EDNS version.
func parsed(t *testing.T, flags uint16, qtype dns.Type, class dns.Class, edns ...byte) *dns.Message {
	t.Helper()
	raw := query(flags, [4]byte{1, 0, 0, byte(len(edns))})
	question := raw[len(raw)-4:]
	question[0], question[1], question[2], question[3] = byte(qtype>>8), byte(qtype), byte(class>>8), byte(class)
	for _, version := range edns {
		raw = append(raw, 0, 0, 41, 4, 0xd0, 0, version, 0, 0, 0, 0)
	}
	m := new(dns.Message)
	if err := m.Parse(raw); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestMessage(t *testing.T) {
	const rd = 0x0100
	for _, c := range []struct {
		name  string
		m     *dns.Message
		rcode dns.RCode // RCodeNoError: let pass
		ede   dns.EDECode
	}{
		{"A", parsed(t, rd, dns.TypeA, dns.ClassIN), dns.RCodeNoError, 0},
		{"EDNS 0", parsed(t, rd, dns.TypeA, dns.ClassIN, 0), dns.RCodeNoError, 0},
		{"EDNS 1", parsed(t, rd, dns.TypeA, dns.ClassIN, 1), dns.RCodeBadVers, 0},
		{"EDNS 1 and class CH", parsed(t, rd, dns.TypeTXT, dns.ClassCH, 1), dns.RCodeBadVers, 0},
		{"RRSIG is data", parsed(t, rd, dns.TypeRRSIG, dns.ClassIN), dns.RCodeNoError, 0},
		{"unknown type", parsed(t, rd, 65280, dns.ClassIN), dns.RCodeNoError, 0},
		{"ANY", parsed(t, rd, dns.TypeANY, dns.ClassIN), dns.RCodeNotImp, dns.EDENotSupported},
		{"AXFR", parsed(t, rd, dns.TypeAXFR, dns.ClassIN), dns.RCodeNotImp, dns.EDENotSupported},
		{"IXFR", parsed(t, rd, dns.TypeIXFR, dns.ClassIN), dns.RCodeNotImp, dns.EDENotSupported},
		{"OPT", parsed(t, rd, dns.TypeOPT, dns.ClassIN), dns.RCodeNotImp, dns.EDENotSupported},
		{"SIG", parsed(t, rd, dns.TypeSIG, dns.ClassIN), dns.RCodeNotImp, dns.EDENotSupported},
		{"TKEY", parsed(t, rd, dns.TypeTKEY, dns.ClassIN), dns.RCodeNotImp, dns.EDENotSupported},
		{"type 0", parsed(t, rd, 0, dns.ClassIN), dns.RCodeNotImp, dns.EDENotSupported},
		{"version.bind", parsed(t, rd, dns.TypeTXT, dns.ClassCH), dns.RCodeNotImp, dns.EDENotSupported},
		{"class ANY", parsed(t, rd, dns.TypeA, dns.ClassANY), dns.RCodeNotImp, dns.EDENotSupported},
		{"RD=0", parsed(t, 0, dns.TypeA, dns.ClassIN), dns.RCodeRefused, dns.EDENotAuthoritative},
		{"RD=0 comes before the rest", parsed(t, 0, dns.TypeANY, dns.ClassCH, 1), dns.RCodeRefused, dns.EDENotAuthoritative},
	} {
		got := Rules{RefuseNoRD: true}.Message(c.m)
		if got.OK() != (c.rcode == dns.RCodeNoError) || got.RCode != c.rcode || got.EDE != c.ede {
			t.Errorf("%s: %+v, want %v and EDE %v", c.name, got, c.rcode, c.ede)
		}
	}
	if got := (Rules{}).Message(parsed(t, 0, dns.TypeA, dns.ClassIN)); !got.OK() {
		t.Errorf("RD=0 where allowed: %+v", got)
	}
}
