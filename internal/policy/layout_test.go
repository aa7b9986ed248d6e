package policy

import (
	"errors"
	"strings"
	"testing"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/policy/ruledb"
)

type pair struct {
	key, value string
	ok         bool
}

func pairs() []pair {
	header := "\x00\x00\x00\x00\x00\x3c"
	return []pair{
		{"o\x00\x00", "\xff\xfftext", true},
		{"o\x00\x00", "t", false},
		{"o\x00", "\xff\xfftext", false},
		{"d", "", true},
		{"d", "x", false},
		{"dx", "", false},
		{"stest\x00", header + "\x80", true},
		{"stest\x00", header + "\x82", true},
		{"stest\x00", header + "\x86", false},
		{"s", header + "\x01", true},
		{"stest\x00", header + "\x01", true},
		{"stest\x00", header + "\x00", false},
		{"stest\x00", header + "\x06", false},
		{"stest\x00", header, false},
		{"stest\x00", header + "\x01\x01", false},
		{"stest", header + "\x01", false},
		{"sTEST\x00", header + "\x01", false},
		{"s\x00", header + "\x01", false},
		{"sa\x01\x01\x01\x02b\x00", header + "\x01", true},
		{"sa\x01\x03b\x00", header + "\x01", false},
		{"sa\x01", header + "\x01", false},
		{"s" + strings.Repeat("a", 63) + "\x00", header + "\x01", true},
		{"s" + strings.Repeat("a", 64) + "\x00", header + "\x01", false},
		{"s" + strings.Repeat("a\x00", 127), header + "\x01", true},
		{"s" + strings.Repeat("a\x00", 128), header + "\x01", false},
		{"etest\x00\x00\x00\x01", header + "\x00\x00\x04\x7f\x00\x00\x01", true},
		{"etest\x00\x00\x00\x01", header + "\x00\x00\x05\x7f\x00\x00\x01", false},
		{"etest\x00\x00\x00\x05", header + "\x01", true},
		{"etest\x00\x00\x00\x05", header + "\x04", true},
		{"etest\x00\x00\x00\x05", header + "\x05", false},
		{"etest\x00\x00\x00\x05", header + "\x00", false},
		{"etest\x00\x00\x00\x05", header + "\x01\x00\x01\x00", false},
		{"etest\x00\x00\x00\x01", header + "\x01", false},
		{"etest\x00\x00\x00\x01", header, false},
		{"etest\x00\x00\x01", header + "\x00\x00\x01x", false},
		{"e\x00\x00\x01", header + "\x00\x00\x04\x7f\x00\x00\x01", true},
		{"e\x00\x01", header + "\x01", false},
		{"x", "", false},
		{"", "", false},
	}
}

func TestCheck(t *testing.T) {
	for _, c := range pairs() {
		if _, err := Check([]byte(c.key), []byte(c.value)); (err == nil) != c.ok || err != nil && !errors.Is(err, ErrLayout) {
			t.Errorf("%q = %q: %v, want ok %v", c.key, c.value, err, c.ok)
		}
	}
}

func FuzzCheck(f *testing.F) {
	for _, c := range pairs() {
		f.Add([]byte(c.key), []byte(c.value))
	}
	f.Fuzz(func(t *testing.T, key, value []byte) {
		if _, err := Check(key, value); err != nil {
			return
		}
		db := new(ruledb.Memory)
		if err := db.Put(key, value); err != nil {
			t.Fatal(err)
		}
		r, err := Open(db)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []dns.Name{dns.Root, dns.MustName("test"), dns.MustName("a.test")} {
			for _, qtype := range []dns.Type{dns.TypeA, dns.TypeCNAME, dns.TypeDS, dns.TypeNS, dns.TypeSOA} {
				r.Lookup(name, qtype)
			}
		}
	})
}

// Every key made for a name passes the checker.
func FuzzNameKeys(f *testing.F) {
	for _, seed := range []string{".", "example.com", `\000\001\002.a`, `a\.b.c`, strings.Repeat(`\001`, 63) + "." + strings.Repeat("b", 63)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		name, err := dns.ParseName(text)
		if err != nil {
			return
		}
		name = name.Lower()
		h := Header{TTL: 60}
		if _, err := Check(AppendSubtreeKey(nil, name), AppendSubtree(nil, h, SubtreeEmpty, false)); err != nil {
			t.Error(err)
		}
		if _, err := Check(AppendExactKey(nil, name, dns.TypeHTTPS), AppendExact(nil, h, dns.RDatas(nil).Append([]byte{1}))); err != nil {
			t.Error(err)
		}
	})
}
