package dns_test

import (
	"encoding/binary"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/dns/dnstest"
	"knot-resolver/internal/limits"
)

// wire builds a message out of counts and the rest.
func wire(qd, an, ns, ar uint16, rest ...string) []byte {
	raw := []byte{0x12, 0x34, 0x81, 0x80}
	for _, n := range []uint16{qd, an, ns, ar} {
		raw = binary.BigEndian.AppendUint16(raw, n)
	}
	return append(raw, strings.Join(rest, "")...)
}

const (
	question = "\x01a\x07example\x00\x00\x01\x00\x01"
	aRecord  = "\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\x01\x02\x03\x04"
	optEmpty = "\x00\x00\x29\x04\xd0\x00\x00\x80\x00\x00\x00"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		name string
		raw  []byte
		want error
	}{
		{"query", wire(1, 0, 0, 0, question), nil},
		{"answer", wire(1, 1, 0, 1, question, aRecord, optEmpty), nil},
		{"empty message", wire(0, 0, 0, 0), nil},
		{"header cut", wire(1, 0, 0, 0)[:11], dns.ErrShort},
		{"octets behind", wire(1, 0, 0, 0, question, "x"), dns.ErrTrailing},
		{"record missing", wire(1, 2, 0, 0, question, aRecord), dns.ErrName},
		{"question cut", wire(1, 0, 0, 0, question[:12]), dns.ErrShort},
		{"rdata cut", wire(1, 1, 0, 0, question, aRecord[:15]), dns.ErrShort},
		{"two OPT", wire(1, 0, 0, 2, question, optEmpty, optEmpty), dns.ErrOPT},
		{"OPT in the answer section", wire(1, 1, 0, 0, question, optEmpty), dns.ErrOPT},
		{"OPT with an owner", wire(1, 0, 0, 1, question, "\xc0\x0c", optEmpty[1:]), dns.ErrOPT},
		{"option cut", wire(1, 0, 0, 1, question, optEmpty[:9], "\x00\x04\x00\x03\x00\x01"), dns.ErrOPT},
		{"option header cut", wire(1, 0, 0, 1, question, optEmpty[:9], "\x00\x03\x00\x03\x00"), dns.ErrOPT},
	} {
		var m dns.Message
		if err := m.Parse(c.raw); !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

func TestParsedFields(t *testing.T) {
	var m dns.Message
	if err := m.Parse(wire(1, 1, 0, 1, question, aRecord, "\x00\x00\x29\x04\xd0\x01\x00\x80\x00\x00\x04\x00\x0a\x00\x00")); err != nil {
		t.Fatal(err)
	}
	if m.ID() != 0x1234 || !m.Flags().Has(dns.FlagQR|dns.FlagRD|dns.FlagRA) || m.Flags().Has(dns.FlagAA) || m.RCode() != 16 {
		t.Errorf("id %x, flags %x, rcode %v", m.ID(), m.Flags(), m.RCode())
	}
	if q := m.Question; q.Name != dns.MustName("a.example") || q.Type != dns.TypeA || q.Class != dns.ClassIN {
		t.Errorf("question %v", q)
	}
	if !m.HasEDNS || m.EDNS.UDPSize != 1232 || !m.EDNS.DO || m.EDNS.Version != 0 || m.Count(dns.Additional) != 0 || m.Count(dns.Answer) != 1 {
		t.Errorf("%+v", m.EDNS)
	}
	if _, ok := m.EDNS.Option(dns.OptionCookie); !ok {
		t.Error("no cookie option")
	}
	if err := m.Parse(wire(0, 0, 0, 0)); err != nil || m.HasEDNS || m.QDCount != 0 || m.Question.Name != "" {
		t.Errorf("something is left of the message before: %+v, %v", m, err)
	}
}

// TestPointers is PX-01: pointers go strictly backwards and into no header.
func TestPointers(t *testing.T) {
	const tail = "\x00\x01\x00\x01"
	for _, c := range []struct {
		name string
		raw  []byte
		ok   bool
	}{
		{"to itself", wire(1, 0, 0, 0, "\xc0\x0c", tail), false},
		{"into its own name", wire(1, 0, 0, 0, "\x01a\xc0\x0c", tail), false},
		{"forward", wire(1, 0, 0, 0, "\xc0\x0e", tail, "\x00"), false},
		{"into the header", wire(1, 0, 0, 0, "\xc0\x04", tail), false},
		{"past the end", wire(1, 0, 0, 0, "\xff\xff", tail), false},
		{"cut in half", wire(1, 0, 0, 0, "\x01a\xc0"), false},
		{"two that point at each other", wire(2, 0, 0, 0, "\x01a\xc0\x14", tail, "\x01b\xc0\x0c", tail), false},
		{"backwards", wire(2, 0, 0, 0, "\x01a\x00", tail, "\x01b\xc0\x0c", tail), true},
		{"label type 01", wire(1, 0, 0, 0, "\x41a\x00", tail), false},
		{"label type 10", wire(1, 0, 0, 0, "\x81a\x00", tail), false},
		{"126 hops", hops(126), true},
		{"127 hops", hops(127), false},
		{"2000 hops", hops(2000), false},
	} {
		var m dns.Message
		if err := m.Parse(c.raw); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// hops makes a message whose last question's name takes n pointers to read.
func hops(n int) []byte {
	raw := wire(uint16(n+1), 0, 0, 0, "\x00\x00\x01\x00\x01")
	at := 12
	for range n {
		next := len(raw)
		raw = append(raw, 0xc0|byte(at>>8), byte(at), 0, 1, 0, 1)
		at = next
	}
	return raw
}

// TestForbiddenCompression is the end of PX-01: names that may not be compressed are not expanded.
func TestForbiddenCompression(t *testing.T) {
	record := func(typ byte, rdata string) string {
		return "\xc0\x0c\x00" + string([]byte{typ}) + "\x00\x01\x00\x00\x00\x3c\x00" + string([]byte{byte(len(rdata))}) + rdata
	}
	for _, c := range []struct {
		name  string
		typ   byte
		rdata string
		ok    bool
	}{
		{"NS", 2, "\xc0\x0c", true},
		{"MX", 15, "\x00\x01\xc0\x0c", true},
		{"SRV", 33, "\x00\x00\x00\x00\x00\x00\xc0\x0c", true}, // tolerated, RFC 2052 compressed it
		{"RRSIG", 46, strings.Repeat("\x01", 18) + "\xc0\x0csig", false},
		{"NSEC", 47, "\xc0\x0c\x00\x01\x40", false},
		{"SVCB", 64, "\x00\x01\xc0\x0c", false},
		{"HTTPS", 65, "\x00\x01\xc0\x0c", false},
		{"RRSIG in full", 46, strings.Repeat("\x01", 18) + "\x01a\x00sig", true},
		{"NSEC in full", 47, "\x01a\x00\x00\x01\x40", true},
		{"HTTPS in full", 65, "\x00\x01\x00", true},
	} {
		var m dns.Message
		if err := m.Parse(wire(1, 1, 0, 0, question, record(c.typ, c.rdata))); err != nil {
			t.Fatal(err)
		}
		if _, err := m.RRsets(dns.Answer); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestLyingCounts is PX-03: counts that cannot be true cost nothing.
func TestLyingCounts(t *testing.T) {
	raw := wire(65535, 65535, 65535, 65535)
	var m dns.Message
	if n := testing.AllocsPerRun(100, func() { m = dns.Message{}; _ = m.Parse(raw) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if err := m.Parse(wire(1, 65535, 0, 0, question, aRecord)); !errors.Is(err, dns.ErrShort) {
		t.Error(err)
	}
}

// TestQueryAllocations pins the one allocation of parsing a query: the name.
func TestQueryAllocations(t *testing.T) {
	raw := wire(1, 0, 0, 1, question, optEmpty)
	var m dns.Message
	if err := m.Parse(raw); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() { m = dns.Message{}; _ = m.Parse(raw) }); n > 2 { // the name; and room for records, OPT among them
		t.Errorf("fresh: %v allocations", n)
	}
	if n := testing.AllocsPerRun(100, func() { _ = m.Parse(raw) }); n > 1 {
		t.Errorf("reused: %v allocations", n)
	}
}

func TestRRsets(t *testing.T) {
	sig := "A 13 2 60 20300101000000 20200101000000 1 example. AAAA"
	sets := dnstest.Text(`
		A.example.  60 IN A 192.0.2.1
		a.example.  30 IN A 192.0.2.2
		a.Example.  90 IN A 192.0.2.1
		a.example.  60 IN RRSIG ` + sig + `
		b.example.  60 IN RRSIG ` + sig + `
		a.example.  60 CH A 192.0.2.3
		a.example.  2147483648 IN MX 10 Mail.a.example.`)
	if len(sets) != 3 {
		t.Fatalf("%d sets: %v", len(sets), sets)
	}
	a, mx, lone := sets[0], sets[1], sets[2]
	if a.Owner != dns.MustName("a.example") || a.TTL != 30 || a.RDatas.Count() != 2 || a.Sigs.Count() != 1 {
		t.Errorf("A: %+v", a)
	}
	if mx.TTL != 0 || string(mx.RDatas.First()) != "\x00\x0a\x04Mail\x01a\x07example\x00" {
		t.Errorf("MX: %+v", mx)
	}
	if lone.Type != dns.TypeRRSIG || lone.Owner != dns.MustName("b.example") || lone.RDatas.Count() != 1 {
		t.Errorf("lone RRSIG: %+v", lone)
	}
}

func TestRecordBounds(t *testing.T) {
	build := func(n int, rr func(i int) miekg.RR) *dns.Message {
		msg := new(miekg.Msg)
		msg.Compress = true
		msg.SetQuestion("a.example.", miekg.TypeA)
		for i := range n {
			msg.Answer = append(msg.Answer, rr(i))
		}
		raw, err := msg.Pack()
		if err != nil {
			t.Fatal(err)
		}
		m := new(dns.Message)
		if err := m.Parse(raw); err != nil {
			t.Fatal(err)
		}
		return m
	}
	address := func(i int) miekg.RR {
		return &miekg.A{Hdr: miekg.RR_Header{Name: "a.example.", Rrtype: miekg.TypeA, Class: 1}, A: net.IPv4(10, 0, byte(i>>8), byte(i))}
	}
	if sets, err := build(limits.RRsetRecords, address).RRsets(dns.Answer); err != nil || sets[0].RDatas.Count() != limits.RRsetRecords {
		t.Error(err)
	}
	if _, err := build(limits.RRsetRecords+1, address).RRsets(dns.Answer); !errors.Is(err, dns.ErrRRset) {
		t.Error("a longer set is accepted")
	}
	signature := func(i int) miekg.RR {
		if i == 0 {
			return address(0)
		}
		return &miekg.RRSIG{Hdr: miekg.RR_Header{Name: "a.example.", Rrtype: miekg.TypeRRSIG, Class: 1}, TypeCovered: 1, KeyTag: uint16(i), SignerName: "example.", Signature: "AAAA"}
	}
	sets, err := build(100, signature).RRsets(dns.Answer)
	if err != nil || len(sets) != 1 || sets[0].Sigs.Count() != limits.SignaturesPerRRset {
		t.Errorf("%d sets, %v", len(sets), err)
	}
}

// TestOptionBomb is PX-08: of thousands of options a hundred are looked at.
func TestOptionBomb(t *testing.T) {
	options := strings.Repeat("\x00\x05\x00\x00", 16000)
	opt := "\x00\x00\x29\x04\xd0\x00\x00\x00\x00" + string(binary.BigEndian.AppendUint16(nil, uint16(len(options)))) + options
	raw := wire(1, 0, 0, 1, question, opt)
	var m dns.Message
	if err := m.Parse(raw); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for range m.EDNS.All() {
		seen++
	}
	if seen != limits.EDNSOptions {
		t.Errorf("%d options looked at", seen)
	}
	if n := testing.AllocsPerRun(10, func() { _ = m.Parse(raw); _, _ = m.EDNS.Option(dns.OptionNSID) }); n > 1 {
		t.Errorf("%v allocations", n)
	}
}

// differential compares a message with what the oracle reads; false when one of them refuses it.
func differential(t *testing.T, raw []byte) bool {
	var m dns.Message
	if m.Parse(raw) != nil {
		return false
	}
	want := new(miekg.Msg)
	if want.Unpack(raw) != nil {
		return false
	}
	if m.ID() != want.Id || m.QDCount != len(want.Question) {
		t.Fatalf("id %d, %d questions; want %v", m.ID(), m.QDCount, want)
	}
	if m.QDCount > 0 {
		q := want.Question[0]
		if m.Question.Name != name(t, q.Name) || uint16(m.Question.Type) != q.Qtype || uint16(m.Question.Class) != q.Qclass {
			t.Fatalf("question %v, want %v", m.Question, q)
		}
	}
	for s, rrs := range [][]miekg.RR{want.Answer, want.Ns, want.Extra} {
		rrs = slices.DeleteFunc(rrs, func(rr miekg.RR) bool { return rr.Header().Rrtype == miekg.TypeOPT })
		if m.Count(dns.Section(s)) != len(rrs) {
			t.Fatalf("%d records in the %v section, want %d", m.Count(dns.Section(s)), dns.Section(s), len(rrs))
		}
		if sets, err := m.RRsets(dns.Section(s)); err == nil {
			compareSets(t, sets, rrs)
		}
	}
	return true
}

func name(t *testing.T, text string) dns.Name {
	n, err := dns.ParseName(text)
	if err != nil {
		t.Fatalf("name of the oracle: %v", err)
	}
	return n
}

type setID struct {
	owner dns.Name
	typ   dns.Type
}

// compareSets checks that sets hold what the oracle's records say, signatures apart.
func compareSets(t *testing.T, sets []dns.RRset, rrs []miekg.RR) {
	type want struct {
		ttl    uint32
		rdatas map[string]bool
		loose  bool // some RDATA is not comparable
	}
	wanted := map[setID]*want{}
	for _, rr := range rrs {
		h := rr.Header()
		if h.Class != miekg.ClassINET {
			continue
		}
		id := setID{name(t, h.Name).Lower(), dns.Type(h.Rrtype)}
		ttl := h.Ttl
		if ttl > 1<<31-1 {
			ttl = 0
		}
		w := wanted[id]
		if w == nil {
			w = &want{ttl: ttl, rdatas: map[string]bool{}}
			wanted[id] = w
		}
		w.ttl = min(w.ttl, ttl)
		if h.Rdlength == 0 || !comparable(id.typ) {
			w.loose = true
			continue
		}
		sent := int(h.Rdlength) // packing overwrites it
		rdata := dnstest.RData(rr)
		if (id.typ == dns.TypeDS || id.typ == dns.TypeDNSKEY) && len(rdata) != sent {
			w.loose = true // cut short: the oracle fills it up when it packs it again
			continue
		}
		w.rdatas[string(rdata)] = true
	}
	for i := range sets {
		set := &sets[i]
		w := wanted[setID{set.Owner, set.Type}]
		if w == nil {
			t.Fatalf("nobody sent %v %v", set.Owner, set.Type)
		}
		if set.Type != dns.TypeRRSIG && set.TTL != w.ttl {
			t.Fatalf("%v %v: TTL %d, want %d", set.Owner, set.Type, set.TTL, w.ttl)
		}
		count := 0
		for rdata := range set.RDatas.All() {
			count++
			if !w.loose && !w.rdatas[string(rdata)] {
				t.Fatalf("%v %v: RDATA %q, want one of %v", set.Owner, set.Type, rdata, w.rdatas)
			}
		}
		if !w.loose && set.Type != dns.TypeRRSIG && count != len(w.rdatas) {
			t.Fatalf("%v %v: %d records, want %d", set.Owner, set.Type, count, len(w.rdatas))
		}
		if len(set.Sigs) > 0 {
			sigs := wanted[setID{set.Owner, dns.TypeRRSIG}]
			for rdata := range set.Sigs.All() {
				if sigs == nil || !sigs.loose && !sigs.rdatas[string(rdata)] {
					t.Fatalf("%v %v: signature %q nobody sent", set.Owner, set.Type, rdata)
				}
			}
		}
	}
	for id := range wanted {
		if id.typ != dns.TypeRRSIG && !slices.ContainsFunc(sets, func(s dns.RRset) bool { return s.Owner == id.owner && s.Type == id.typ }) {
			t.Fatalf("%v %v is missing", id.owner, id.typ)
		}
	}
}

// comparable lists the types whose RDATA the oracle writes as it read it.
func comparable(t dns.Type) bool {
	switch t {
	case dns.TypeA, dns.TypeAAAA, dns.TypeNS, dns.TypeCNAME, dns.TypePTR, dns.TypeDNAME, dns.TypeSOA, dns.TypeMX, dns.TypeSRV,
		dns.TypeNAPTR, dns.TypeRRSIG, dns.TypeDS, dns.TypeDNSKEY, 3, 4, 7, 8, 9, 14, 17, 18, 21, 26, 36:
		return true
	}
	return false
}

func FuzzParse(f *testing.F) {
	f.Add(wire(1, 1, 0, 1, question, aRecord, optEmpty))
	f.Add(hops(3))
	for _, text := range []string{
		"a.example. 60 IN SOA ns.a.example. x.a.example. 1 2 3 4 5",
		"a.example. 60 IN NS ns.a.example.\nns.a.example. 60 IN A 192.0.2.1\nns.a.example. 60 IN AAAA 2001:db8::1",
		`a.example. 60 IN NAPTR 1 2 "u" "sip" "!x!" b.a.example.` + "\n_sip.a.example. 60 IN SRV 1 2 3 a.example.",
		"a.example. 60 IN NSEC b.a.example. A RRSIG\na.example. 60 IN RRSIG NSEC 13 2 60 20300101000000 20200101000000 1 example. AAAA",
		"a.example. 60 IN PX 1 a.example. b.example.\na.example. 60 IN RP a.example. b.example.\na.example. 60 IN KX 1 a.example.",
		"a.example. 60 IN HTTPS 1 . alpn=h2\na.example. 60 IN TXT \"x\" \"y\"\na.example. 60 IN DNAME b.example.",
	} {
		msg := new(miekg.Msg)
		msg.SetQuestion("a.example.", miekg.TypeANY)
		msg.Compress = true
		p := miekg.NewZoneParser(strings.NewReader(text), ".", "")
		for rr, ok := p.Next(); ok; rr, ok = p.Next() {
			msg.Answer, msg.Extra = append(msg.Answer, rr), append(msg.Extra, rr)
		}
		raw, err := msg.Pack()
		if err != nil || p.Err() != nil || !differential(&testing.T{}, raw) {
			f.Fatal(text, err, p.Err())
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) { differential(t, raw) })
}
