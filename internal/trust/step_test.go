package trust

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"knot-resolver/internal/dns"
)

const day = 24 * time.Hour

var start = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// fake is the RDATA of a DNSKEY that nobody has to verify.
func fake(name string) []byte { return append([]byte{1, 1, 3, 13}, name...) }

func fakeZone(keys ...Key) Zone { return Zone{Name: dns.MustName("example."), Keys: keys} }

// states writes a zone as "name:State+days" with the days from start to the end of the state.
func states(z Zone) string {
	var words []string
	for i := range z.Keys {
		k := &z.Keys[i]
		word := string(k.RData[4:]) + ":" + k.State.String()
		if !k.Until.IsZero() {
			word += fmt.Sprintf("+%d", k.Until.Sub(start)/day)
		}
		words = append(words, word)
	}
	slices.Sort(words)
	return strings.Join(words, " ")
}

// look is what a DNSKEY set shows at a day: names of keys, -name for a revoked one, ~name for one without SEP.
type look struct {
	day   int
	keys  string
	bogus bool
	want  string
}

func (l look) seen() *Seen {
	s := &Seen{Trusted: !l.bogus, TTL: time.Hour, Life: 20 * day}
	for _, name := range strings.Fields(l.keys) {
		switch name[0] {
		case '-':
			s.Revoked = append(s.Revoked, fake(name[1:]))
		case '~':
			s.Keys = append(s.Keys, SeenKey{RData: fake(name[1:])})
		default:
			s.Keys = append(s.Keys, SeenKey{RData: fake(name), SEP: true})
		}
	}
	return s
}

// TestStep plays histories of a zone that begins with the trusted key a. The names are those of the scenarios of the
// autotrust tests of Unbound where the history is one of theirs.
func TestStep(t *testing.T) {
	for name, history := range map[string][]look{
		"nothing happens": {{day: 0, keys: "a ~z", want: "a:Valid"}, {day: 400, keys: "a ~y", want: "a:Valid"}},
		"rollover": {
			{day: 30, keys: "a b", want: "a:Valid b:AddPend+60"},
			{day: 40, keys: "a b", want: "a:Valid b:AddPend+60"},
			{day: 59, keys: "a b", want: "a:Valid b:AddPend+60"},
			{day: 61, keys: "a b", want: "a:Valid b:Valid"},
			{day: 91, keys: "-a b", want: "a:Revoked+121 b:Valid"},
			{day: 100, keys: "-a b", want: "a:Revoked+121 b:Valid"},
			{day: 130, keys: "b", want: "b:Valid"},
		},
		"hold-down ends at the second": {
			{day: 0, keys: "a b", want: "a:Valid b:AddPend+30"},
			{day: 30, keys: "a b", want: "a:Valid b:Valid"},
		},
		"addpend aborted": {
			{day: 0, keys: "a b", want: "a:Valid b:AddPend+30"},
			{day: 20, keys: "a", want: "a:Valid"},
			{day: 25, keys: "a b", want: "a:Valid b:AddPend+55"},
			{day: 31, keys: "a b", want: "a:Valid b:AddPend+55"},
		},
		"addpend gone when its time is over": {
			{day: 0, keys: "a b", want: "a:Valid b:AddPend+30"},
			{day: 31, keys: "a", want: "a:Valid"},
		},
		"addpend used too early": { // signed by nothing but the new key
			{day: 0, keys: "a b", want: "a:Valid b:AddPend+30"},
			{day: 10, keys: "b", bogus: true, want: "a:Valid b:AddPend+30"},
			{day: 40, keys: "b", bogus: true, want: "a:Valid b:AddPend+30"},
		},
		"addpend revoked": {
			{day: 0, keys: "a b", want: "a:Valid b:AddPend+30"},
			{day: 10, keys: "a -b", want: "a:Valid"},
			{day: 40, keys: "a -b", want: "a:Valid"},
		},
		"missing": {
			{day: 0, keys: "a b", want: "a:Valid b:AddPend+30"},
			{day: 31, keys: "b", want: "a:Missing+151 b:Valid"}, // the time of b was over, too
			{day: 32, keys: "a b", want: "a:Valid b:Valid"},
			{day: 33, keys: "b", want: "a:Missing+153 b:Valid"},
			{day: 152, keys: "b", want: "a:Missing+153 b:Valid"},
			{day: 153, keys: "b", want: "b:Valid"},
		},
		"missing returns": {
			{day: 0, keys: "a b", want: "a:Valid b:AddPend+30"},
			{day: 40, keys: "a b", want: "a:Valid b:Valid"},
			{day: 41, keys: "b", want: "a:Missing+161 b:Valid"},
			{day: 300, keys: "a b", want: "a:Valid b:Valid"},
		},
		"missing revoked": {
			{day: 0, keys: "a b", want: "a:Valid b:AddPend+30"},
			{day: 40, keys: "a b", want: "a:Valid b:Valid"},
			{day: 41, keys: "b", want: "a:Missing+161 b:Valid"},
			{day: 42, keys: "-a b", want: "a:Revoked+72 b:Valid"},
		},
		"revoked with invalid keys": { // a revocation needs no other key
			{day: 0, keys: "-a x", bogus: true, want: "a:Revoked+30"},
			{day: 50, keys: "x", bogus: true, want: "a:Revoked+30"},
		},
		"revoked without the bit again": {
			{day: 0, keys: "a b", want: "a:Valid b:AddPend+30"},
			{day: 40, keys: "a b", want: "a:Valid b:Valid"},
			{day: 50, keys: "-a b", want: "a:Revoked+80 b:Valid"},
			{day: 60, keys: "a b", want: "a:Revoked+80 b:Valid"},
		},
		"stranger revoked": {{day: 0, keys: "a -x", want: "a:Valid"}},
		"failure":          {{day: 0, bogus: true, want: "a:Valid"}, {day: 1, keys: "x", bogus: true, want: "a:Valid"}},
	} {
		t.Run(name, func(t *testing.T) {
			z := fakeZone(Key{Type: dns.TypeDNSKEY, RData: fake("a"), State: Valid})
			for _, l := range history {
				before := states(z)
				next, _ := z.Step(l.seen(), start.Add(time.Duration(l.day)*day))
				if got := states(next); got != l.want {
					t.Fatalf("day %d: after %q\ngot  %s\nwant %s", l.day, l.keys, got, l.want)
				}
				if states(z) != before {
					t.Fatalf("day %d: the old state changed", l.day)
				}
				z = next
			}
		})
	}
}

// TestStepLimit gives a zone more keys than anybody needs.
func TestStepLimit(t *testing.T) {
	z := fakeZone(Key{Type: dns.TypeDNSKEY, RData: fake("a"), State: Valid})
	seen := look{keys: "a"}.seen()
	for i := range 200 {
		seen.Keys = append(seen.Keys, SeenKey{RData: fake(fmt.Sprint("k", i)), SEP: true})
	}
	z, _ = z.Step(seen, start)
	if len(z.Keys) != 32 {
		t.Errorf("%d keys", len(z.Keys))
	}
}

// TestIntervals checks the time to the next look (RFC 5011 section 2.3).
func TestIntervals(t *testing.T) {
	for _, c := range []struct {
		trusted         bool
		ttl, life, want time.Duration
	}{
		{true, 2 * day, 20 * day, day},
		{true, 2 * day, 10 * time.Hour, 5 * time.Hour},
		{true, time.Minute, 20 * day, time.Hour},
		{true, 100 * day, 100 * day, 15 * day},
		{false, 2 * day, 0, 288 * time.Minute},
		{false, time.Minute, 0, time.Hour},
		{false, 100 * day, 0, day},
		{false, 0, 0, time.Hour},
	} {
		z := fakeZone(Key{Type: dns.TypeDNSKEY, RData: fake("a"), State: Valid})
		seen := look{keys: "a"}.seen()
		seen.Trusted, seen.TTL, seen.Life = c.trusted, c.ttl, c.life
		if _, again := z.Step(seen, start); again != c.want {
			t.Errorf("%+v: %v", c, again)
		}
	}
}
