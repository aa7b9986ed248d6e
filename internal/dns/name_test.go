package dns_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/dns"
)

func TestParseName(t *testing.T) {
	label63 := strings.Repeat("a", 63)
	longest := strings.Repeat(label63+".", 3) + strings.Repeat("b", 61) // 255 octets in wire form
	for _, c := range []struct{ text, wire string }{
		{".", "\x00"},
		{"example", "\x07example\x00"},
		{"Www.Example.", "\x03Www\x07Example\x00"},
		{`a\.b.c`, "\x03a.b\x01c\x00"},
		{`\000\255\\`, "\x03\x00\xff\\\x00"},
		{"*.x", "\x01*\x01x\x00"},
		{label63, "\x3f" + label63 + "\x00"},
		{longest, ""},
	} {
		n, err := dns.ParseName(c.text)
		if err != nil || c.wire != "" && string(n) != c.wire {
			t.Errorf("%s: %q, %v", c.text, string(n), err)
		}
	}
	for _, text := range []string{"", "..", ".a", "a..b", "a..", `a\`, `\25`, `\256`, `\2x5`, label63 + "a", longest + "b", longest + ".b"} {
		if n, err := dns.ParseName(text); !errors.Is(err, dns.ErrName) {
			t.Errorf("%q is accepted as %q", text, string(n))
		}
	}
}

// TestTextKeepsNamesApart is PX-05: every octet survives the way through text and no two names look the same.
func TestTextKeepsNamesApart(t *testing.T) {
	seen := map[string]dns.Name{}
	for c := range 256 {
		for _, label := range []string{string([]byte{byte(c)}), string([]byte{byte(c), 'x'}), string([]byte{'\\', byte(c)})} {
			n, err := dns.Root.Child(label)
			if err != nil {
				t.Fatal(err)
			}
			text := n.String()
			if have, ok := seen[text]; ok && have != n {
				t.Errorf("%q and %q both print as %s", string(have), string(n), text)
			}
			seen[text] = n
			if back, err := dns.ParseName(text); back != n {
				t.Errorf("%q prints as %s and reads as %q, %v", string(n), text, string(back), err)
			}
		}
	}
}

// canonical is the example of RFC 4034 section 6.1, with a root and escapes added.
var canonical = []string{".", "example", "a.example", "yljkjljk.a.example", "z.a.example", "zabc.a.example", "z.example",
	`\000.z.example`, `\000\000.z.example`, `\000\001.z.example`, `\001.z.example`, `\002.z.example`, "*.z.example", `\200.z.example`, "z0.example", "f"}

func TestCanonicalOrder(t *testing.T) {
	for i, a := range canonical {
		for k, b := range canonical {
			n, m := dns.MustName(a), dns.MustName(b)
			if got := sign(n.Compare(m)); got != sign(i-k) {
				t.Errorf("Compare(%s, %s) = %d", a, b, got)
			}
			if got := bytes.Compare(n.AppendKey(nil), m.AppendKey(nil)); got != sign(i-k) {
				t.Errorf("keys of %s and %s compare as %d", a, b, got)
			}
		}
	}
}

func sign(n int) int { return max(-1, min(1, n)) }

func TestKeysOfSubtree(t *testing.T) {
	zone := dns.MustName("z.example").AppendKey(nil)
	for _, text := range canonical {
		n := dns.MustName(text)
		if got, want := bytes.HasPrefix(n.AppendKey(nil), zone), n.Under(dns.MustName("z.example")); got != want {
			t.Errorf("%s: in the range %v, below the name %v", text, got, want)
		}
	}
}

func TestUnder(t *testing.T) {
	for _, c := range []struct {
		name, zone   string
		under, below bool
	}{
		{"a.b.c", "b.c", true, true},
		{"b.c", "b.c", true, false},
		{"c", "b.c", false, false},
		{"ab.c", "b.c", false, false},
		{`\001b.c`, "b.c", false, false}, // ends with the octets of b.c, but not at a label
		{"a.b", ".", true, true},
		{".", ".", true, false},
		{".", "a", false, false},
	} {
		n, zone := dns.MustName(c.name), dns.MustName(c.zone)
		if n.Under(zone) != c.under || n.Below(zone) != c.below {
			t.Errorf("%s and %s: under %v, below %v", c.name, c.zone, n.Under(zone), n.Below(zone))
		}
	}
}

func TestAncestors(t *testing.T) {
	n := dns.MustName("a.b.c")
	if n.Labels() != 3 || dns.Root.Labels() != 0 || n.FirstLabel() != "a" || dns.Root.FirstLabel() != "" {
		t.Error("wrong labels")
	}
	for labels, want := range map[int]string{0: ".", 1: "c", 2: "b.c", 3: "a.b.c", 9: "a.b.c"} {
		if got := n.Suffix(labels); got != dns.MustName(want) {
			t.Errorf("Suffix(%d) = %v", labels, got)
		}
	}
	if n.Parent() != dns.MustName("b.c") || dns.Root.Parent() != dns.Root {
		t.Error("wrong parent")
	}
	for _, c := range []struct {
		a, b string
		want int
	}{{"a.b.c", "x.b.c", 2}, {"a.b.c", "a.b.c", 3}, {"a", "b", 0}, {".", "a", 0}, {"b.c", "a.b.c", 2}, {"a.x", "a.y", 0}} {
		if got := dns.CommonLabels(dns.MustName(c.a), dns.MustName(c.b)); got != c.want {
			t.Errorf("CommonLabels(%s, %s) = %d", c.a, c.b, got)
		}
	}
}

// TestLongestNames is PX-04 for names that are built.
func TestLongestNames(t *testing.T) {
	n := dns.Root
	for range 3 {
		n, _ = n.Child(strings.Repeat("a", 63))
	}
	for length, ok := range map[int]bool{0: false, 61: true, 62: false, 64: false} {
		if _, err := n.Child(strings.Repeat("b", length)); (err == nil) != ok {
			t.Errorf("a label of %d octets: %v", length, err)
		}
	}
	n, _ = n.Child(strings.Repeat("b", 60))
	if len(n) != 254 {
		t.Fatal(len(n))
	}
	if w, err := n.Wildcard(); err == nil {
		t.Errorf("wildcard of %d octets", len(w))
	}
	if w, err := n.Parent().Wildcard(); err != nil || !w.IsWildcard() || w.Parent() != n.Parent() {
		t.Error("no wildcard")
	}
}

func ascii(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r >= utf8.RuneSelf })
}

func FuzzName(f *testing.F) {
	for i, text := range canonical {
		f.Add(text, canonical[(i+1)%len(canonical)])
	}
	f.Add(`Www.\(\;\"\@`, `a\\.b\.c`)
	f.Fuzz(func(t *testing.T, a, b string) {
		n, err := dns.ParseName(a)
		if err != nil || !ascii(a) { // the oracle reads runes where it looks for the final dot
			return
		}
		wire := make([]byte, 512)
		end, err := miekg.PackDomainName(miekg.Fqdn(a), wire, 0, nil, false)
		if err != nil || string(wire[:end]) != string(n) {
			t.Fatalf("%q: %q, the oracle says %q, %v", a, string(n), wire[:end], err)
		}
		if back, err := dns.ParseName(n.String()); back != n {
			t.Fatalf("%q: %q prints as %s and reads as %q, %v", a, string(n), n, string(back), err)
		}
		if end, err := miekg.PackDomainName(n.String(), wire, 0, nil, false); err != nil || string(wire[:end]) != string(n) {
			t.Fatalf("%q: the oracle reads %s as %q, %v", a, n, wire[:end], err)
		}
		m, err := dns.ParseName(b)
		if err != nil {
			return
		}
		checkPair(t, n.Lower(), m.Lower())
	})
}

// checkPair checks what must hold between any two names.
func checkPair(t *testing.T, n, m dns.Name) {
	order := sign(n.Compare(m))
	if order != -sign(m.Compare(n)) || (order == 0) != (n == m) {
		t.Fatalf("%v and %v: order %d", n, m, order)
	}
	nk, mk := n.AppendKey(nil), m.AppendKey(nil)
	if bytes.Compare(nk, mk) != order {
		t.Fatalf("%v and %v: order %d, their keys %d", n, m, order, bytes.Compare(nk, mk))
	}
	if n.Under(m) != bytes.HasPrefix(nk, mk) || n.Under(m) != (n.Suffix(m.Labels()) == m) {
		t.Fatalf("%v under %v: %v", n, m, n.Under(m))
	}
	common := dns.CommonLabels(n, m)
	if s := n.Suffix(common); s != m.Suffix(common) || !slices.Contains([]int{n.Labels(), m.Labels()}, common) && n.Suffix(common+1) == m.Suffix(common+1) {
		t.Fatalf("%v and %v: %d labels in common", n, m, common)
	}
}
