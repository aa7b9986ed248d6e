package dns_test

import (
	"bytes"
	"strings"
	"testing"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/dns/dnstest"
)

func rdata(t testing.TB, text string) []byte {
	t.Helper()
	rr, err := miekg.NewRR(text)
	if err != nil {
		t.Fatal(err)
	}
	return dnstest.RData(rr)
}

var parsers = map[dns.Type]struct {
	text  string
	parse func([]byte) error
}{
	dns.TypeSOA:    {"a. 60 IN SOA ns.a. x.a. 1 2 3 4 5", func(b []byte) error { _, err := dns.ParseSOA(b); return err }},
	dns.TypeRRSIG:  {"a. 60 IN RRSIG A " + signature, func(b []byte) error { _, err := dns.ParseRRSIG(b); return err }},
	dns.TypeDS:     {"a. 60 IN DS 1 13 2 00112233", func(b []byte) error { _, err := dns.ParseDS(b); return err }},
	dns.TypeDNSKEY: {"a. 60 IN DNSKEY 257 3 13 AAECAw==", func(b []byte) error { _, err := dns.ParseDNSKEY(b); return err }},
	dns.TypeNSEC:   {"a. 60 IN NSEC b.a. A NS RRSIG TYPE1234", func(b []byte) error { _, err := dns.ParseNSEC(b); return err }},
	dns.TypeNSEC3:  {"a. 60 IN NSEC3 1 1 5 ABCD 0P9MHAVEQVM6T7VBL5LOP2U3T2RP3TOM A NS", func(b []byte) error { _, err := dns.ParseNSEC3(b); return err }},
}

// TestRDataCutShort is PX-06: no parser accepts RDATA that ends inside a fixed part.
func TestRDataCutShort(t *testing.T) {
	least := map[dns.Type]int{dns.TypeSOA: -1, dns.TypeRRSIG: 18 + 9, dns.TypeDS: 5, dns.TypeDNSKEY: 5, dns.TypeNSEC: 5, dns.TypeNSEC3: 28}
	for typ, p := range parsers {
		b := rdata(t, p.text)
		if err := p.parse(b); err != nil {
			t.Errorf("%v: %v", typ, err)
		}
		short := least[typ]
		if short < 0 {
			short = len(b)
		}
		for n := range short {
			if p.parse(b[:n:n]) == nil {
				t.Errorf("%v: %d of %d octets are accepted", typ, n, len(b))
			}
		}
	}
	if _, err := dns.ParseSOA(append(rdata(t, parsers[dns.TypeSOA].text), 0)); err == nil {
		t.Error("a SOA with an octet more is accepted")
	}
}

func TestNSECBitmap(t *testing.T) {
	n, err := dns.ParseNSEC(rdata(t, "a. 60 IN NSEC B.a. A NS RRSIG TYPE1234"))
	if err != nil || n.Next != dns.MustName("b.a") {
		t.Fatal(n, err)
	}
	for typ, want := range map[dns.Type]bool{dns.TypeA: true, dns.TypeNS: true, dns.TypeRRSIG: true, 1234: true, dns.TypeSOA: false, 1235: false, 65535: false, 0: false} {
		if n.Types.Has(typ) != want {
			t.Errorf("%v: %v", typ, !want)
		}
	}
	for _, bad := range []string{"\x00", "\x00\x00", "\x00\x21" + strings.Repeat("x", 33), "\x00\x02x", "\x00\x01\x40\x00\x01\x40", "\x01\x01\x40\x00\x01\x40"} {
		if _, err := dns.ParseNSEC([]byte("\x00" + bad)); err == nil {
			t.Errorf("bitmap %x is accepted", bad)
		}
	}
}

func TestKeyTag(t *testing.T) {
	rr, err := miekg.NewRR(". 60 IN DNSKEY 257 3 8 AwEAAaz/tAm8yTn4Mfeh5eyI96WSVexTBAvkMgJzkKTOiW1vkIbzxeF3+/4RgWOq7HrxRixHlFlExOLAJr5emLvN7SWXgnLh4+B5xQlNVz8Og8kvArMtNROxVQuCaSnIDdD5LKyWbRd2n9WGe2R8PzgCmr3EgVLrjyBxWezF0jLHwVN8efS3rCj/EWgvIWgb9tarpVUDK/b58Da+sqqls3eNbuv7pr+eoZG+SrDK6nWeL3c6H5Apxz7LjVc1uTIdsIXxuOLYA4/ilBmSVIzuDWfdRUfhHdY6+cn8HFRm+2hM8AnXGXws9555KrUB5qihylGa8subX2Nn6UwNR1AkUTV74bU=")
	if err != nil {
		t.Fatal(err)
	}
	if tag := dns.KeyTag(dnstest.RData(rr)); tag != 20326 {
		t.Error(tag)
	}
}

func TestAppendCanonical(t *testing.T) {
	for _, c := range []struct {
		typ      dns.Type
		in, want string
	}{
		{dns.TypeNS, "\x01A\x00", "\x01a\x00"},
		{dns.TypeMX, "AB\x01A\x00", "AB\x01a\x00"},
		{dns.TypeTXT, "\x01A", "\x01A"},
		{dns.TypeNSEC, "\x01A\x00\x00\x01A", "\x01A\x00\x00\x01A"}, // RFC 6840 section 5.1
		{dns.TypeRRSIG, "123456789012345678\x01A\x00SIG", "123456789012345678\x01a\x00SIG"},
		{dns.TypeNAPTR, "AAAA\x01A\x01B\x01C\x01D\x00", "AAAA\x01A\x01B\x01C\x01d\x00"},
		{dns.TypeSOA, "\x01A\x00\x01B\x00AAAAAAAAAAAAAAAAAAAA", "\x01a\x00\x01b\x00AAAAAAAAAAAAAAAAAAAA"},
		{dns.TypeSOA, "\x01A\x00\x05B", "\x01a\x00\x05B"}, // cut short: copied
	} {
		if got := string(dns.AppendCanonical([]byte("X"), c.typ, []byte(c.in))); got != "X"+c.want {
			t.Errorf("%v %q: %q", c.typ, c.in, got)
		}
	}
}

func TestRDatas(t *testing.T) {
	list := dns.RDatas(nil).Append([]byte("one")).Append(nil).Append([]byte("two"))
	if list.Count() != 3 || string(list.First()) != "one" || !list.Contains([]byte("two")) || !list.Contains(nil) || list.Contains([]byte("tw")) || !list.Valid() {
		t.Errorf("%q", list)
	}
	for n := range list {
		if cut := list[:n]; cut.Valid() != (n == 0 || n == 5 || n == 7) {
			t.Errorf("%d octets: valid %v", n, cut.Valid())
		} else if cut.Count() > 3 {
			t.Errorf("%d octets: %d records", n, cut.Count())
		}
	}
}

func TestTypeNames(t *testing.T) {
	for typ, text := range miekg.TypeToString {
		got, ok := dns.ParseType(strings.ToLower(text))
		if ok && uint16(got) != typ {
			t.Errorf("%s is %d, not %d", text, typ, got)
		}
	}
	for n := range 70000 {
		typ := dns.Type(n)
		if got, ok := dns.ParseType(typ.String()); !ok || got != typ {
			t.Fatalf("%d prints as %v", n, typ)
		}
	}
	for _, text := range []string{"", "TYPE", "TYPE-1", "TYPE65536", "NOTYPE"} {
		if _, ok := dns.ParseType(text); ok {
			t.Errorf("%q is a type", text)
		}
	}
}

func FuzzRData(f *testing.F) {
	for typ, p := range parsers {
		f.Add(uint16(typ), rdata(f, p.text))
	}
	f.Add(uint16(dns.TypeNAPTR), []byte("AAAA\x01A\x01B\x01C\x01D\x00"))
	f.Fuzz(func(t *testing.T, typ uint16, b []byte) {
		for _, p := range parsers {
			_ = p.parse(b)
		}
		checkAccepted(t, b)
		_ = dns.KeyTag(b)
		_, _ = dns.Target(b)
		if c := dns.AppendCanonical(nil, dns.Type(typ), b); len(c) != len(b) || !bytes.EqualFold(c, b) && isASCII(b) {
			t.Fatalf("canonical form of %q is %q", b, c)
		}
		if dns.RDatas(b).Valid() && len(b) > 0 && len(dns.RDatas(b).First()) > len(b)-2 {
			t.Fatal("first record is longer than the list")
		}
	})
}

// checkAccepted checks what must hold for RDATA a parser takes.
func checkAccepted(t *testing.T, b []byte) {
	if soa, err := dns.ParseSOA(b); err == nil && len(soa.MName)+len(soa.RName)+20 != len(b) {
		t.Fatalf("SOA %+v of %d octets", soa, len(b))
	}
	if sig, err := dns.ParseRRSIG(b); err == nil && len(sig.Fixed)+len(sig.Signer)+len(sig.Signature) != len(b) {
		t.Fatalf("RRSIG %+v of %d octets", sig, len(b))
	}
	if n, err := dns.ParseNSEC(b); err == nil {
		for typ := range 65536 / 251 {
			n.Types.Has(dns.Type(typ * 251))
		}
	}
	if n, err := dns.ParseNSEC3(b); err == nil && (len(n.Next) == 0 || 6+len(n.Salt)+len(n.Next)+len(n.Types) != len(b)) {
		t.Fatalf("NSEC3 %+v of %d octets", n, len(b))
	}
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= 0x80 {
			return false
		}
	}
	return true
}
