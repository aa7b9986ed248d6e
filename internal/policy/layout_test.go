package policy

import (
	"errors"
	"net/netip"
	"testing"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/policy/ruledb"
)

type pair struct {
	space       byte
	name, value string
	ok          bool
}

func pairs() []pair {
	rule := func(what, origin, kind byte, rdatas string) string {
		return string([]byte{what, 0, origin, 0, 0, 0, 60, 0, kind, 0, 0, 0, byte(len(rdatas))}) + rdatas
	}
	a, mark, tree := rule(0, 0, 1, "\x00\x04\x7f\x00\x00\x01"), rule(2, 0, 1, ""), rule(3, 0, 1, "")
	const test = "\x04test\x00"
	return []pair{
		{'q', test, "\x00\x01" + a, true},
		{'q', test, "\x01\x01" + a, true},
		{'q', test, "\x02\x01" + a, false},
		{'q', test, "\x00\x02" + a + mark, true},
		{'q', test, "\x00\x03" + a + mark, false},
		{'q', test, "\x00\x01" + a + mark, false},
		{'q', test, "\x00\x01" + a + "\x00\x01" + tree, true},
		{'q', test, "\x00\x01" + a + "\x00", false},
		{'q', test, "\x00\x00", false},
		{'q', test, "", false},
		{'q', test, "\x00\x01" + rule(0, 0, 1, ""), false},
		{'q', test, "\x00\x01" + rule(0, 0, 1, "\x00\x05\x7f\x00\x00\x01"), false},
		{'q', test, "\x00\x01" + rule(2, 0, 1, "\x00\x00"), false},
		{'q', test, "\x00\x01" + rule(2, 0, 0, ""), false},
		{'q', test, "\x00\x01" + rule(2, 0, 6, ""), false},
		{'q', test, "\x00\x01" + rule(3, 0, 8, ""), false},
		{'q', test, "\x00\x01" + rule(4, 0, 1, ""), false},
		{'q', test, "\x00\x01" + rule(1, 0, 5, "\x00\x01\x00"), true},
		{'q', test, "\x00\x01" + rule(1, 0, 5, "\x00\x01\x01"), false},
		{'q', test, "\x00\x01" + rule(1, 0, 5, ""), false},
		{'q', test, "\x00\x01" + rule(2, 1, 1, ""), true},
		{'q', test, "\x00\x01" + rule(2, 2, 1, ""), false},
		{'q', test, "\x00\x02" + a + rule(2, 1, 1, ""), false},
		{'q', "\x04TEST\x00", "\x00\x01" + a, false},
		{'q', "\x05test\x00", "\x00\x01" + a, false},
		{'q', "\x04test", "\x00\x01" + a, false},
		{'q', "\x00", "\x00\x01" + a, true},
		{'q', "", "\x00\x01" + a, false},
		{'s', test, "\x00\x01" + mark, true},
		{'c', "\x04\x08\x0a\x00\x00\x00", "\x00\x01" + mark, true},
		{'c', "\x04\x08\x0a\x01\x00\x00", "\x00\x01" + mark, false},
		{'c', "\x04\x21\x0a\x01\x00\x00", "\x00\x01" + mark, false},
		{'c', "\x05\x08\x0a\x00\x00\x00", "\x00\x01" + mark, false},
		{'c', "\x06\x08\x0a\x00\x00\x00", "\x00\x01" + mark, false},
		{'c', "", "\x04\x08\x0a\x00\x00\x00\x04\x09\x0a\x80\x00\x00", true},
		{'c', "", "\x04\x08\x0a\x00\x00", false},
		{'m', "", "anything", true},
		{'m', "x", "", false},
		{'x', "", "", false},
	}
}

func testMeta() *Meta { return &Meta{Origins: []Origin{{}, {List: 1}}, Lists: []List{{}}} }

func TestCheck(t *testing.T) {
	m := testMeta()
	for _, c := range pairs() {
		if err := m.check(c.space, []byte(c.name), []byte(c.value)); (err == nil) != c.ok || err != nil && !errors.Is(err, ErrLayout) {
			t.Errorf("%q %q = %q: %v, want ok %v", c.space, c.name, c.value, err, c.ok)
		}
	}
}

// FuzzCheck: whatever a pair says, looking things up ends, checked or not.
func FuzzCheck(f *testing.F) {
	for _, c := range pairs() {
		f.Add(c.space, c.name, []byte(c.value))
	}
	f.Fuzz(func(t *testing.T, space byte, name string, value []byte) {
		if len(name) > ruledb.MaxName || space == MetaSpace {
			return
		}
		db := new(ruledb.Buffer)
		if err := errors.Join(db.Put(space, name, value), db.Put(MetaSpace, "", AppendMeta(nil, testMeta())), db.Commit()); err != nil {
			t.Fatal(err)
		}
		r, err := Open(db.Memory)
		if err != nil {
			return
		}
		r.watched = 1
		for _, name := range []dns.Name{dns.Root, dns.MustName("test"), dns.MustName("a.test")} {
			for _, qtype := range []dns.Type{dns.TypeA, dns.TypeCNAME, dns.TypeDS, dns.TypeNS, dns.TypeSOA} {
				q := Query{Name: name, Type: qtype}
				r.Lookup(q, true)
				addr := netip.AddrFrom4([4]byte{10, 128})
				r.Client(q, addr)
				r.Resolved(q, &Response{Addresses: []netip.Addr{addr}, Servers: []dns.Name{name}, ServerAddresses: []netip.Addr{addr}}, 0)
			}
		}
	})
}
