package dns_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/dns/dnstest"
)

func parse(t *testing.T, raw []byte) *dns.Message {
	t.Helper()
	m := new(dns.Message)
	if err := m.Parse(raw); err != nil {
		t.Fatalf("%v in %x", err, raw)
	}
	return m
}

func sections(t *testing.T, m *dns.Message, s dns.Section) []dns.RRset {
	t.Helper()
	sets, err := m.RRsets(s)
	if err != nil {
		t.Fatal(err)
	}
	return sets
}

const signature = "13 2 60 20300101000000 20200101000000 1 example. AAAA"

func TestEncodedAnswer(t *testing.T) {
	set := dnstest.MustRRset("www.example. 60 IN MX 1 mail.example.\nwww.example. 60 IN MX 2 www.example.\nwww.example. 60 IN RRSIG MX " + signature)
	soa := dnstest.MustRRset("example. 60 IN SOA ns.example. x.example. 1 2 3 4 5")
	e := dns.NewEncoder([]byte("before"), 512)
	e.Keep(dns.OPTLength(nil))
	e.Header(7, dns.FlagQR|dns.FlagRA)
	e.Question(dns.Question{Name: "\x03WwW\x07Example\x00", Type: dns.TypeMX, Class: dns.ClassIN})
	if !e.RRset(dns.Answer, &set, 33, true, 0) || !e.RRset(dns.Authority, &soa, 44, false, 0) {
		t.Fatal("it does not fit")
	}
	e.OPT(dns.EDNS{UDPSize: 1232, DO: true, ExtRCode: 1})
	raw, ok := bytes.CutPrefix(e.Bytes(), []byte("before"))
	if !ok || e.Len() != len(raw) {
		t.Fatal("what was there is gone")
	}
	m := parse(t, raw)
	if m.ID() != 7 || m.Question.Name != "\x03WwW\x07Example\x00" || !m.EDNS.DO || m.RCode() != 16 {
		t.Errorf("%+v", m)
	}
	got := sections(t, m, dns.Answer)[0]
	if got.TTL != 33 || got.Owner != set.Owner || got.RDatas.Count() != 2 || !bytes.Equal(got.Sigs, set.Sigs) {
		t.Errorf("%+v", got)
	}
	if got := sections(t, m, dns.Authority)[0]; got.TTL != 44 || !slices.Equal(records(&got), records(&soa)) {
		t.Errorf("%+v", got)
	}
	if !differential(t, raw) {
		t.Error("the oracle refuses it")
	}
	if plain := len(set.Owner)*6 + len(set.RDatas) + len(set.Sigs); len(raw) > plain+100 {
		t.Errorf("%d octets: not compressed?", len(raw))
	}
}

// TestSetThatDoesNotFit leaves nothing behind: neither octets nor counts nor names to point to.
func TestSetThatDoesNotFit(t *testing.T) {
	small := dnstest.MustRRset("a.example. 60 IN A 192.0.2.1")
	var lines strings.Builder
	for i := range 40 {
		fmt.Fprintf(&lines, "big.example. 60 IN NS ns%d.elsewhere.test.\n", i)
	}
	big := dnstest.MustRRset(lines.String())
	later := dnstest.MustRRset("b.example. 60 IN NS ns1.elsewhere.test.")
	e := dns.NewEncoder(nil, 512)
	e.Keep(11)
	e.Header(1, dns.FlagQR)
	e.Question(dns.Question{Name: dns.MustName("a.example"), Type: dns.TypeA, Class: dns.ClassIN})
	before := e.Len()
	if e.RRset(dns.Answer, &big, 60, false, 3) || e.Len() != before {
		t.Fatalf("a set of %d octets fits; %d octets now, %d before", len(big.RDatas), e.Len(), before)
	}
	if !e.RRset(dns.Answer, &small, 60, false, 0) || !e.RRset(dns.Authority, &later, 60, false, 0) {
		t.Fatal("small sets do not fit")
	}
	e.SetFlags(dns.FlagQR | dns.FlagTC)
	e.OPT(dns.EDNS{UDPSize: 512})
	m := parse(t, e.Bytes())
	if m.Count(dns.Answer) != 1 || m.Count(dns.Authority) != 1 || !m.HasEDNS || !m.Flags().Has(dns.FlagTC) {
		t.Errorf("%d and %d records", m.Count(dns.Answer), m.Count(dns.Authority))
	}
	if got := sections(t, m, dns.Authority)[0]; !bytes.Equal(got.RDatas, later.RDatas) {
		t.Errorf("%q", got.RDatas)
	}
	if e.Len() > 512 {
		t.Errorf("%d octets", e.Len())
	}
}

func TestRotation(t *testing.T) {
	set := dnstest.MustRRset("a. 60 IN A 192.0.2.0\na. 60 IN A 192.0.2.1\na. 60 IN A 192.0.2.2")
	for rotate, want := range map[int]string{0: "012", 1: "120", 2: "201", 3: "012", 65535: "012"} {
		e := dns.NewEncoder(nil, 512)
		e.Header(0, 0)
		e.RRset(dns.Answer, &set, 60, false, rotate)
		got := ""
		for rdata := range sections(t, parse(t, e.Bytes()), dns.Answer)[0].RDatas.All() {
			got += fmt.Sprint(rdata[3])
		}
		if got != want {
			t.Errorf("by %d: %s, want %s", rotate, got, want)
		}
	}
}

// TestLimitIsKept encodes at every limit around the true size.
func TestLimitIsKept(t *testing.T) {
	set := dnstest.MustRRset("a.example. 60 IN TXT " + strings.Repeat("x", 200))
	need := 12 + 15 + 2 + 10 + 201
	for limit := need - 2; limit <= need+2; limit++ {
		e := dns.NewEncoder(nil, limit)
		e.Header(0, 0)
		e.Question(dns.Question{Name: dns.MustName("a.example"), Type: dns.TypeTXT, Class: dns.ClassIN})
		if fits := e.RRset(dns.Answer, &set, 60, false, 0); fits != (limit >= need) || e.Len() > limit {
			t.Errorf("limit %d: fits %v, %d octets", limit, fits, e.Len())
		}
	}
}

// TestEncoderAllocations pins encoding into a buffer that is large enough to none.
func TestEncoderAllocations(t *testing.T) {
	set := dnstest.MustRRset("www.example. 60 IN MX 1 mail.example.\nwww.example. 60 IN MX 2 www.example.")
	q := dns.Question{Name: set.Owner, Type: dns.TypeMX, Class: dns.ClassIN}
	dst := make([]byte, 0, 512)
	if n := testing.AllocsPerRun(100, func() {
		var e dns.Encoder
		e.Reset(dst, 512)
		e.Header(1, 0)
		e.Question(q)
		e.RRset(dns.Answer, &set, 60, true, 1)
		e.OPT(dns.EDNS{})
		dst = e.Bytes()[:0]
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestCompressionWork is PX-07: of thousands of long names with common endings only first labels are
// written again, and a name costs as many look-ups as labels are written for it.
func TestCompressionWork(t *testing.T) {
	base := dns.MustName(strings.Repeat("a.", 110) + "example")
	written := func(count int) int {
		e := dns.NewEncoder(nil, 65535)
		e.Header(0, 0)
		for i := range count {
			owner, err := base.Child(fmt.Sprintf("n%05d", i))
			if err != nil {
				t.Fatal(err)
			}
			set := dns.RRset{Owner: owner, Type: dns.TypeNS, RDatas: dns.RDatas(nil).Append([]byte(owner))}
			if !e.RRset(dns.Answer, &set, 0, false, 0) {
				t.Fatalf("record %d does not fit", i)
			}
		}
		parse(t, e.Bytes())
		return e.Len() - len(base)
	}
	if one, two := written(1000), written(2000); two > 2*one+one/10 {
		t.Errorf("%d octets for 1000 names, %d for 2000", one, two)
	}
}

// FuzzEncode encodes sets made of the input and reads them back.
func FuzzEncode(f *testing.F) {
	f.Add([]byte("\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c"), uint16(512))
	f.Add(bytes.Repeat([]byte{1, 7, 3, 200, 90}, 40), uint16(4000))
	f.Fuzz(func(t *testing.T, data []byte, limit uint16) {
		src := source{data}
		e := dns.NewEncoder(nil, max(300, int(limit)))
		e.Header(1, 0)
		e.Question(dns.Question{Name: src.name(), Type: dns.TypeA, Class: dns.ClassIN})
		var want []dns.RRset
		for len(src.data) > 0 && len(want) < 60 {
			set := src.set()
			if slices.ContainsFunc(want, func(w dns.RRset) bool { return w.Type == set.Type && w.Owner.Lower() == set.Owner.Lower() }) {
				continue
			}
			if e.RRset(dns.Answer, &set, set.TTL, false, int(src.octet())) {
				want = append(want, set)
			}
		}
		m := parse(t, e.Bytes())
		oracle := new(miekg.Msg)
		if err := oracle.Unpack(e.Bytes()); err != nil {
			t.Fatal(err)
		}
		got := sections(t, m, dns.Answer)
		if len(got) != len(want) {
			t.Fatalf("%d sets, want %d", len(got), len(want))
		}
		compareSets(t, got, oracle.Answer)
		for i := range want {
			if got[i].Owner != want[i].Owner.Lower() || got[i].Type != want[i].Type || got[i].TTL != want[i].TTL {
				t.Fatalf("set %+v, want %+v", got[i], want[i])
			}
			if a, b := records(&got[i]), records(&want[i]); !slices.Equal(a, b) {
				t.Fatalf("%v %v: %q, want %q", want[i].Owner, want[i].Type, a, b)
			}
		}
	})
}

// records lists the RDATA of a set in canonical form, sorted: compression may change case.
func records(set *dns.RRset) []string {
	var list []string
	for rdata := range set.RDatas.All() {
		list = append(list, string(dns.AppendCanonical(nil, set.Type, rdata)))
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// source makes names and sets of octets.
type source struct{ data []byte }

func (s *source) octet() byte {
	if len(s.data) == 0 {
		return 0
	}
	c := s.data[0]
	s.data = s.data[1:]
	return c
}

var labels = []string{"a", "A", "bb", "Example", "example", "x.y", "\x00", "\xc0\x0c", strings.Repeat("l", 63), strings.Repeat("m", 40), "*", "com"}

func (s *source) name() dns.Name {
	n := dns.Root
	for range s.octet() % 8 {
		if child, err := n.Child(labels[int(s.octet())%len(labels)]); err == nil {
			n = child
		}
	}
	return n
}

func (s *source) set() dns.RRset {
	types := []dns.Type{dns.TypeA, dns.TypeNS, dns.TypeMX, dns.TypeSOA, dns.TypeSRV, dns.TypePTR, dns.TypeDNAME, 14, 17, 26}
	set := dns.RRset{Owner: s.name(), Type: types[int(s.octet())%len(types)], TTL: uint32(s.octet())}
	for range 1 + s.octet()%4 {
		a, b := s.name(), s.name()
		fixed := []byte{s.octet(), s.octet(), 0, 0, 0, 0}
		switch set.Type {
		case dns.TypeA:
			set.RDatas = set.RDatas.Append(fixed[:4])
		case dns.TypeMX:
			set.RDatas = set.RDatas.Append(append(fixed[:2], a...))
		case dns.TypeSRV:
			set.RDatas = set.RDatas.Append(append(fixed, a...))
		case dns.TypeSOA:
			set.RDatas = set.RDatas.Append(append(append([]byte(a), b...), make([]byte, 20)...))
		case 14, 17:
			set.RDatas = set.RDatas.Append(append([]byte(a), b...))
		case 26:
			set.RDatas = set.RDatas.Append(append(append(fixed[:2], a...), b...))
		default:
			set.RDatas = set.RDatas.Append([]byte(a))
		}
	}
	return set
}
