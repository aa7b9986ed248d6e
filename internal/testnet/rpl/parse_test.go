package rpl

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// shared is where the peers' scenarios lie, if they are there.
const shared = "../../../../shared/scenarios"

// load reads all scenarios of a dialect.
func load(t testing.TB, d Dialect) []*Scenario {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(shared, d.String(), "*.rpl"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skipf("no scenarios in %s", shared)
	}
	var list []*Scenario
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		s, err := Parse(f, string(text), d)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		list = append(list, s)
	}
	return list
}

// counts of constructs that are easy to tell apart in the files, for comparison.
type counts struct {
	scenarios, ranges, entries, queries, checks, passes, replies, raw, mandatory, extra, edns int
}

func count(list []*Scenario) (c counts) {
	entry := func(e *Entry) {
		c.entries++
		c.extra += len(e.Extra)
		if e.Message.Raw != nil {
			c.raw++
		}
		if e.Mandatory {
			c.mandatory++
		}
		if e.Message.EDNS != nil {
			c.edns++
		}
	}
	for _, s := range list {
		c.scenarios++
		for _, r := range s.Ranges {
			c.ranges++
			for _, e := range r.Entries {
				entry(e)
			}
		}
		for _, step := range s.Steps {
			if step.Entry != nil {
				entry(step.Entry)
			}
			switch step.Type {
			case Query:
				c.queries++
			case CheckAnswer:
				c.checks++
			case TimePasses:
				c.passes++
			case Reply:
				c.replies++
			}
		}
	}
	return c
}

func TestParseShared(t *testing.T) {
	for _, c := range []struct {
		dialect Dialect
		want    counts
	}{
		{Deckard, counts{146, 430, 5927, 3398, 307, 23, 9, 3091, 1, 0, 0}},
		{Unbound, counts{168, 545, 2755, 522, 516, 152, 3, 2, 0, 4, 19}},
	} {
		t.Run(c.dialect.String(), func(t *testing.T) {
			if got := count(load(t, c.dialect)); got != c.want {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, d := range []Dialect{Deckard, Unbound} {
		f.Add(minimal, uint8(d))
	}
	f.Fuzz(func(t *testing.T, text string, dialect uint8) {
		s, err := Parse("fuzz.rpl", text, Dialect(dialect%2))
		var syntax *SyntaxError
		if err != nil && !errors.As(err, &syntax) || err == nil && s == nil {
			t.Errorf("unexpected result %v, %v", s, err)
		}
	})
}

const minimal = `server:
	trust-anchor: "example. DNSKEY 257 3 7 AwEAAcUl ( j7Io= )"
CONFIG_END
SCENARIO_BEGIN title
RANGE_BEGIN 0 100
	ADDRESS 192.0.2.1
ENTRY_BEGIN
MATCH opcode qtype qname
ADJUST copy_id copy_query
REPLY QR AA NOERROR
SECTION QUESTION
example IN SOA
SECTION ANSWER
example 60 IN SOA ns hostmaster ( 1 2 3 4 5 )
example RRSIG SOA DSA 1 60 20300101000000 20200101000000 1 example.
ENTRY_END
RANGE_END
STEP 1 QUERY
ENTRY_BEGIN
REPLY RD DO
SECTION QUESTION
example IN SOA
ENTRY_END
STEP 2 TIME_PASSES ELAPSE 10
STEP 3 CHECK_ANSWER
ENTRY_BEGIN
MATCH all ttl ede=any
REPLY QR RD RA
ENTRY_END
SCENARIO_END
`
