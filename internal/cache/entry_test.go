package cache

import (
	"bytes"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/dns/dnstest"
	"knot-resolver/internal/limits"
)

var (
	noon      = time.Unix(1_800_000_000, 0)
	addresses = dnstest.MustRRset("www.example. 300 IN A 192.0.2.1\nwww.example. 300 IN A 192.0.2.2\n" +
		"www.example. 300 IN RRSIG A 13 2 300 20300101000000 20200101000000 1 example. AAAA")
	soa = dnstest.MustRRset("example. 300 IN SOA ns.example. x.example. 1 2 3 4 300")
	ds  = dnstest.MustRRset("example. 300 IN DS 1 13 2 00112233")
)

func entries() map[string]Entry {
	return map[string]Entry{
		"positive": {Kind: Positive, Rank: Secure, TTL: 300, Inserted: noon, EDE: dns.NoEDE, Answer: addresses},
		"wildcard": {Kind: Positive, Rank: Insecure, OptOut: true, TTL: 300, Inserted: noon, EDE: dns.EDEUnsupportedIterations,
			Reason: "too many iterations", Answer: addresses, Authority: []dns.RRset{soa}},
		"nodata":   {Kind: NoData, Rank: Secure, Cut: true, TTL: 300, Inserted: noon, EDE: dns.NoEDE, Authority: []dns.RRset{soa, addresses}},
		"nxdomain": {Kind: NXDomain, Rank: Unvalidated, TTL: 1, Inserted: noon, EDE: dns.NoEDE, Authority: []dns.RRset{soa}},
		"failure":  {Kind: Failure, Rank: Unvalidated, TTL: 5, Inserted: noon, EDE: dns.EDEBogus, Reason: strings.Repeat("x", 255)},
	}
}

// same compares entries, empty lists being equal to absent ones.
func same(a, b Entry) bool { return bytes.Equal(a.Append(nil), b.Append(nil)) && a.Reason == b.Reason }

func TestEntryRoundTrip(t *testing.T) {
	for name, e := range entries() {
		b := e.Append([]byte("before"))
		got, ok := ParseEntry(b[len("before"):])
		if !ok || !same(got, e) || got.OptOut != e.OptOut || got.Cut != e.Cut || got.EDE != e.EDE || !got.Inserted.Equal(e.Inserted) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	long := Entry{Kind: Failure, Rank: Unvalidated, Reason: strings.Repeat("x", 256)}
	if got, ok := ParseEntry(long.Append(nil)); !ok || len(got.Reason) != 255 {
		t.Errorf("a long reason becomes %d octets", len(got.Reason))
	}
}

// TestDamage flips every bit and cuts at every octet: a damaged entry is none.
func TestDamage(t *testing.T) {
	stored := map[string][]byte{"secure cut": delegations()["secure"].append(nil, noon)}
	for name, e := range entries() {
		stored[name] = e.Append(nil)
	}
	for name, b := range stored {
		for i := range b {
			for bit := range 8 {
				bad := bytes.Clone(b)
				bad[i] ^= 1 << bit
				_, e := ParseEntry(bad)
				_, d := parseDelegation("\x07example\x00", bad)
				if e || d {
					t.Errorf("%s: bit %d of octet %d flipped is accepted", name, bit, i)
				}
				peek(bad, noon)
				Replaces(bad, b)
				Classify(nil, bad, 0, noon)
			}
			if _, ok := ParseEntry(b[:i]); ok {
				t.Errorf("%s: %d of %d octets are accepted", name, i, len(b))
			}
			Classify(nil, b[:i], 0, noon)
		}
	}
}

func delegations() map[string]*Delegation {
	zone := dns.MustName("example")
	servers := []NS{
		{Name: dns.MustName("ns1.example"), Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")}},
		{Name: dns.MustName("ns.elsewhere")},
	}
	return map[string]*Delegation{
		"secure":   {Zone: zone, Servers: servers, Rank: Secure, DS: ds, EDE: dns.NoEDE, Expires: noon.Add(time.Hour)},
		"insecure": {Zone: zone, Servers: servers, Rank: Insecure, EDE: dns.EDEUnsupportedDSDigest, Reason: "odd digest", Expires: noon.Add(time.Hour)},
		"empty":    {Zone: zone, Servers: []NS{}, Rank: Unvalidated, EDE: dns.NoEDE, Expires: noon.Add(time.Second)},
	}
}

func TestDelegationRoundTrip(t *testing.T) {
	for name, d := range delegations() {
		got, ok := parseDelegation(d.Zone, d.append(nil, noon))
		if !ok || !reflect.DeepEqual(got.Servers, d.Servers) || !got.Expires.Equal(d.Expires) || got.Rank != d.Rank || got.EDE != d.EDE ||
			got.Reason != d.Reason || !bytes.Equal(got.DS.RDatas, d.DS.RDatas) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// TestDelegationBounds stores more servers and addresses than are kept.
func TestDelegationBounds(t *testing.T) {
	d := Delegation{Zone: dns.Root, Rank: Insecure, Expires: noon.Add(time.Hour)}
	for i := range 300 {
		ns := NS{Name: dns.Root}
		for k := range 300 {
			ns.Addrs = append(ns.Addrs, netip.AddrFrom4([4]byte{192, 0, byte(i), byte(k)}))
		}
		d.Servers = append(d.Servers, ns)
	}
	got, ok := parseDelegation(d.Zone, d.append(nil, noon))
	if !ok || len(got.Servers) != limits.NSKept || len(got.Servers[0].Addrs) != limits.AddressesPerNS {
		t.Errorf("%d servers", len(got.Servers))
	}
}

// TestHostileAddressLength is an entry with a right checksum and an address of 255 octets.
func TestHostileAddressLength(t *testing.T) {
	h := header{kind: delegation, rank: Insecure, inserted: noon.Unix(), ttl: 60}
	b := append(h.append(nil), 1, 0, 1, 255)
	b = seal(append(b, make([]byte, 300)...))
	if _, ok := parseDelegation(dns.Root, b); ok {
		t.Error("it is accepted")
	}
}

func TestUnknownKinds(t *testing.T) {
	for _, kind := range []Kind{0, delegation, delegation + 1, 255} {
		h := header{kind: kind, rank: Secure, inserted: noon.Unix(), ttl: 60}
		if _, ok := ParseEntry(seal(h.append(nil))); ok {
			t.Errorf("kind %d is accepted", kind)
		}
	}
}

func TestReplaces(t *testing.T) {
	now := time.Now()
	entry := func(k Kind, r Rank, ttl uint32, age time.Duration) []byte {
		return (&Entry{Kind: k, Rank: r, TTL: ttl, Inserted: now.Add(-age), EDE: dns.NoEDE, Answer: addresses}).Append(nil)
	}
	living := map[Rank][]byte{}
	for _, r := range []Rank{Unvalidated, Insecure, Secure} {
		living[r] = entry(Positive, r, 3600, time.Minute)
	}
	cut := func(ttl time.Duration, server dns.Name) []byte {
		d := &Delegation{Zone: dns.MustName("a.test"), Servers: []NS{{Name: server}}, Rank: Insecure, EDE: dns.NoEDE, Expires: now.Add(ttl)}
		return d.append(nil, now)
	}
	one, other := dns.MustName("ns1.test"), dns.MustName("ns2.test")
	damaged := bytes.Clone(living[Secure])
	damaged[len(damaged)-1] ^= 1
	for _, c := range []struct {
		name      string
		old, next []byte
		want      bool
	}{
		{"unvalidated over unvalidated", living[Unvalidated], living[Unvalidated], false},
		{"unvalidated over insecure", living[Insecure], living[Unvalidated], false},
		{"unvalidated over secure", living[Secure], living[Unvalidated], false},
		{"insecure over unvalidated", living[Unvalidated], living[Insecure], true},
		{"insecure over insecure", living[Insecure], living[Insecure], false},
		{"insecure over secure", living[Secure], living[Insecure], false},
		{"secure over unvalidated", living[Unvalidated], living[Secure], true},
		{"secure over insecure", living[Insecure], living[Secure], true},
		{"secure over secure", living[Secure], living[Secure], true},
		{"anything over an ended one", entry(Positive, Secure, 60, time.Hour), living[Unvalidated], true},
		{"anything over one about to end", entry(Positive, Secure, 60, 57*time.Second), living[Unvalidated], true},
		{"anything in the last hundredth", entry(Positive, Secure, 10000, 9960*time.Second), living[Unvalidated], true},
		{"anything over a damaged one", damaged, living[Unvalidated], true},
		{"anything over a failure", entry(Failure, Unvalidated, 60, time.Second), living[Unvalidated], true},
		{"nothing left over a living one", living[Unvalidated], entry(Positive, Secure, 0, 0), false},
		{"nothing left over an ended one", entry(Positive, Secure, 60, time.Hour), entry(Positive, Unvalidated, 0, 0), true},
		{"a delegation that ends sooner", cut(time.Hour, one), cut(time.Minute, one), true},
		{"a delegation that ends later", cut(time.Minute, one), cut(time.Hour, one), false},
		{"another delegation that ends sooner", cut(time.Hour, one), cut(time.Minute, other), false},
		{"from the future over a living one", living[Secure], entry(Positive, Insecure, 60, -time.Hour), false},
	} {
		if got := Replaces(c.old, c.next); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func TestRemaining(t *testing.T) {
	e := Entry{TTL: 60, Inserted: noon}
	for _, c := range []struct {
		after time.Duration
		left  uint32
		fresh bool
	}{{0, 60, true}, {59 * time.Second, 1, true}, {60 * time.Second, 0, false}, {time.Hour, 0, false}, {-time.Hour, 60, true}} {
		if left, fresh := e.Remaining(noon.Add(c.after)); left != c.left || fresh != c.fresh {
			t.Errorf("after %v: %d, %v", c.after, left, fresh)
		}
	}
}

func TestClassify(t *testing.T) {
	category := func(what string, age time.Duration, uses uint64) uint8 {
		e := entries()[what]
		c, ok := Classify([]byte("key"), e.Append(nil), uses, noon.Add(age))
		if !ok {
			t.Error("not an entry")
		}
		return c
	}
	for name, order := range map[string][]uint8{
		"age":             {category("positive", 0, 0), category("positive", 200*time.Second, 0), category("failure", 0, 0), category("positive", time.Hour, 0), 99},
		"use":             {category("positive", 0, 1<<20), category("positive", 0, 500), category("positive", 0, 10), category("positive", 0, 1), category("positive", 0, 0)},
		"old but popular": {category("positive", 299*time.Second, 500), category("positive", 0, 0)},
		"expired":         {category("failure", 0, 0), category("positive", time.Hour, 1000), category("positive", time.Hour, 1), category("positive", time.Hour, 0), 99},
	} {
		for i := range order[1:] {
			if order[i] >= order[i+1] {
				t.Errorf("%s: categories %v do not rise", name, order)
			}
		}
	}
	if _, ok := Classify([]byte("VERS"), nil, 0, noon); ok {
		t.Error("the version is collected")
	}
	if c, ok := Classify(nil, []byte("rubbish"), 0, noon); c != 99 || !ok {
		t.Error("rubbish stays")
	}
}

func TestPopularity(t *testing.T) {
	last := uint8(0)
	for uses := range uint64(70000) {
		p := popularity(uses)
		if p < last || p > 64 {
			t.Fatalf("%d uses: %d after %d", uses, p, last)
		}
		last = p
	}
	for uses, want := range map[uint64]uint8{0: 0, 1: 4, 3: 8, 15: 16, 1 << 40: 64} {
		if got := popularity(uses); got != want {
			t.Errorf("%d uses: %d, expected %d", uses, got, want)
		}
	}
}

func TestTypeOf(t *testing.T) {
	var b buffer
	for _, n := range []dns.Name{dns.MustName("."), dns.MustName("www.example.com"), dns.MustName(`a\000\001b.test`)} {
		for want, key := range map[string][]byte{
			"AAAA": tagged(n.AppendKey(nil), tagSet, dns.TypeAAAA), "NXDOMAIN": tagged(n.AppendKey(nil), tagNXDomain, 0),
			"delegation": tagged(n.AppendKey(nil), tagDelegation, 0), "failure": tagged(n.AppendKey(nil), tagFailure, dns.TypeA),
			"NSEC3PARAM": chainKey(nil, n), "other": n.AppendKey(b[:0]),
		} {
			if got := TypeOf(key); got != want {
				t.Errorf("%q: %s, expected %s", key, got, want)
			}
		}
		nsec, _ := nsecKey(nil, n, n)
		nsec3, _ := nsec3Key(nil, n, &Chain{}, make([]byte, 20))
		if TypeOf(nsec) != "NSEC" || TypeOf(nsec3) != "NSEC3" {
			t.Errorf("%s, %s", TypeOf(nsec), TypeOf(nsec3))
		}
	}
}

func FuzzTypeOf(f *testing.F) {
	f.Add([]byte("\x00E\x00\x01"))
	f.Add([]byte("com\x00example\x00\x00N"))
	f.Fuzz(func(t *testing.T, key []byte) { TypeOf(key) })
}

func FuzzParseEntry(f *testing.F) {
	for _, e := range entries() {
		f.Add(e.Append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		ParseEntry(b)
		if len(b) < headerLength {
			return
		}
		b = seal(bytes.Clone(b)) // as if whoever wrote it knew the checksum
		e, ok := ParseEntry(b)
		if !ok {
			return
		}
		for _, set := range append(e.Authority, e.Answer) {
			if !set.RDatas.Valid() || !set.Sigs.Valid() {
				t.Fatalf("%+v", set)
			}
		}
		if again, ok := ParseEntry(e.Append(nil)); !ok || !same(again, e) {
			t.Fatalf("%+v becomes %+v", e, again)
		}
	})
}

func FuzzParseDelegation(f *testing.F) {
	for _, d := range delegations() {
		f.Add(d.append(nil, noon))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		parseDelegation(dns.Root, b)
		if len(b) < headerLength {
			return
		}
		d, ok := parseDelegation(dns.Root, seal(bytes.Clone(b)))
		if !ok || len(d.Servers) > limits.NSKept {
			return
		}
		for _, ns := range d.Servers {
			for _, a := range ns.Addrs {
				if !a.IsValid() {
					t.Fatalf("%+v", d)
				}
			}
		}
	})
}
