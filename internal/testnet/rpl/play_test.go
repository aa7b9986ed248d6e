package rpl

import (
	"strings"
	"testing"
)

// oneServer is a root server that knows www.example. alone, during some steps.
const oneServer = `
RANGE_BEGIN 0 50
	ADDRESS 192.0.2.1
ENTRY_BEGIN
MATCH opcode qtype qname
ADJUST copy_id copy_query
REPLY QR AA NOERROR
SECTION QUESTION
www.example. IN A
SECTION ANSWER
www.example. 60 IN A 198.51.100.1
ENTRY_END
RANGE_END
`

const (
	deckardHead = "stub-addr: 192.0.2.1\nquery-minimization: off\ndo-ip6: no\nCONFIG_END\nSCENARIO_BEGIN x\n" + oneServer
	unboundHead = "server:\nqname-minimisation: no\nstub-zone: name: \".\" stub-addr: 192.0.2.1\nCONFIG_END\nSCENARIO_BEGIN x\n" + oneServer
	query       = "ENTRY_BEGIN\nREPLY RD\nSECTION QUESTION\nwww.example. IN A\nENTRY_END\n"
	good        = "ENTRY_BEGIN\nMATCH all\nREPLY QR RD RA NOERROR\nSECTION QUESTION\nwww.example. IN A\nSECTION ANSWER\nwww.example. 60 IN A 198.51.100.1\nENTRY_END\n"
)

var wrong = strings.Replace(good, "198.51.100.1", "198.51.100.2", 1)

// TestVerdicts makes sure that a scenario can fail, and at which step.
func TestVerdicts(t *testing.T) {
	for _, c := range []struct {
		name    string
		dialect Dialect
		script  string
		verdict Verdict
		level   Level
		step    int
		reason  string
	}{
		{"answer as expected", Deckard, deckardHead + "STEP 1 QUERY\n" + query + "STEP 2 CHECK_ANSWER\n" + good, Passed, Strict, 0, ""},
		{"another answer", Deckard, deckardHead + "STEP 1 QUERY\n" + query + "STEP 2 CHECK_ANSWER\n" + wrong, Failed, Strict, 2, "answer section"},
		{"nothing to check", Deckard, deckardHead + "STEP 2 CHECK_ANSWER\n" + good, Failed, Strict, 2, "no answer"},
		{"unscripted request", Deckard, deckardHead + "STEP 1 QUERY\n" + strings.Replace(query, "www", "ftp", 1), Passed, Portable, 0, "unscripted"},
		{"answer from the cache", Deckard, deckardHead + "STEP 1 QUERY\n" + query + "STEP 60 QUERY\n" + query + "STEP 61 CHECK_ANSWER\n" + good, Passed, Strict, 0, ""},
		{"out of the range when the cache is empty again", Deckard,
			deckardHead + "STEP 1 QUERY\n" + query + "STEP 55 TIME_PASSES ELAPSE 60\nSTEP 60 QUERY\n" + query + "STEP 61 CHECK_ANSWER\n" + good, Failed, Portable, 61, "rcode"},
		{"nobody at the address", Deckard, strings.Replace(deckardHead, "ADDRESS 192.0.2.1", "ADDRESS 192.0.2.9", 1) + "STEP 1 QUERY\n" + query + "STEP 2 CHECK_ANSWER\n" + good,
			Failed, Strict, 2, "rcode"},
		{"mandatory entry not used", Deckard, strings.Replace(deckardHead, "MATCH opcode", "MANDATORY\nMATCH opcode", 1) + "STEP 1 TIME_PASSES ELAPSE 1\n", Failed, Strict, 1, "mandatory"},
		{"policy in Lua", Deckard, "feature-list: policy=x\n" + deckardHead, NotApplicable, Strict, 0, "Lua"},
		{"option unknown", Deckard, "no-such-option: 1\n" + deckardHead, Failed, Strict, 0, "unknown option"},

		{"answer as expected", Unbound, unboundHead + "STEP 1 QUERY\n" + query + "STEP 2 CHECK_ANSWER\n" + good, Passed, Strict, 0, ""},
		{"another answer", Unbound, unboundHead + "STEP 1 QUERY\n" + query + "STEP 2 CHECK_ANSWER\n" + wrong, Failed, Strict, 2, "answer section"},
		{"the range is that of the step behind", Unbound, unboundHead + "STEP 50 QUERY\n" + query + "STEP 51 CHECK_ANSWER\n" + good, Failed, Strict, 51, "rcode"},
		{"an answer nobody checks", Unbound, unboundHead + "STEP 1 QUERY\n" + query + "STEP 2 TRAFFIC\nSTEP 3 NOTHING\n", Failed, Strict, 3, "not expected"},
		{"TTL that has run", Unbound, unboundHead + "STEP 1 QUERY\n" + query + "STEP 2 CHECK_ANSWER\n" + good + "STEP 3 TIME_PASSES ELAPSE 20\nSTEP 4 QUERY\n" + query +
			"STEP 5 CHECK_ANSWER\n" + strings.Replace(strings.Replace(good, "all", "all ttl", 1), "60", "40", 1), Passed, Strict, 0, ""},
		{"TTL that has run further", Unbound, unboundHead + "STEP 1 QUERY\n" + query + "STEP 2 CHECK_ANSWER\n" + good + "STEP 3 TIME_PASSES ELAPSE 21\nSTEP 4 QUERY\n" + query +
			"STEP 5 CHECK_ANSWER\n" + strings.Replace(strings.Replace(good, "all", "all ttl", 1), "60", "40", 1), Failed, Strict, 5, "answer section"},
		{"request seen", Unbound, unboundHead + "STEP 1 QUERY\n" + query + "STEP 2 CHECK_OUT_QUERY\n" + "ENTRY_BEGIN\nMATCH qname qtype\nSECTION QUESTION\nwww.example. IN A\nENTRY_END\n" +
			"STEP 3 CHECK_ANSWER\n" + good, Passed, Strict, 0, ""},
		{"zone held locally", Unbound, "auth-zone: name: example\n" + unboundHead, NotApplicable, Strict, 0, "auth-zone"},
		{"option unknown", Unbound, "server: no-such-option: 1\n" + unboundHead, NotApplicable, Strict, 0, "no-such-option"},
	} {
		t.Run(c.dialect.String()+"/"+c.name, func(t *testing.T) {
			s, err := Parse("x.rpl", c.script+"SCENARIO_END\n", c.dialect)
			if err != nil {
				t.Fatal(err)
			}
			got := Play(t, s, Options{})
			if got.Verdict != c.verdict || got.Level != c.level && c.verdict == Passed || got.Step != c.step || !strings.Contains(strings.Join(got.Reasons, "\n"), c.reason) {
				t.Errorf("got %v %v at step %d: %v", got.Verdict, got.Level, got.Step, got.Reasons)
			}
		})
	}
}
