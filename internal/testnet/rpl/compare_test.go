package rpl

import (
	"strings"
	"testing"

	"knot-resolver/internal/dns"
)

// entryOf parses the lines of an entry.
func entryOf(t *testing.T, d Dialect, lines string) *Entry {
	t.Helper()
	text := "CONFIG_END\nSCENARIO_BEGIN x\nSTEP 1 CHECK_ANSWER\nENTRY_BEGIN\n" + lines + "\nENTRY_END\nSCENARIO_END\n"
	s, err := Parse("entry.rpl", text, d)
	if err != nil {
		t.Fatal(err)
	}
	return s.Steps[0].Entry
}

// messageOf makes a message of the header, question and records of an entry.
func messageOf(t *testing.T, lines string, edns *dns.EDNS) *message {
	t.Helper()
	template := &entryOf(t, Unbound, lines).Message
	m, err := decode(template.encode(1, template.Flags, template.Questions, edns))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

const asked = "SECTION QUESTION\nwww.example. IN A\n"

func TestCompareAnswers(t *testing.T) {
	for _, c := range []struct {
		name     string
		dialect  Dialect
		level    Level
		expected string
		got      string
		want     string // what differs, empty: nothing
	}{
		{"equal", Deckard, Strict, "MATCH all\nREPLY QR\n" + asked + "SECTION ANSWER\nwww.example. A 192.0.2.1",
			"REPLY QR\n" + asked + "SECTION ANSWER\nwww.example. A 192.0.2.1", ""},
		{"case and TTL do not matter", Deckard, Strict, "MATCH all\nREPLY QR\n" + asked + "SECTION ANSWER\nwww.example. 60 NS A.example.",
			"REPLY QR\n" + asked + "SECTION ANSWER\nWWW.example. 90 NS a.Example.", ""},
		{"order does not matter", Deckard, Strict, "MATCH answer\nREPLY QR\nSECTION ANSWER\na. A 192.0.2.1\na. A 192.0.2.2",
			"REPLY QR\nSECTION ANSWER\na. A 192.0.2.2\na. A 192.0.2.1", ""},
		{"order matters to Unbound", Unbound, Strict, "MATCH answer\nREPLY QR\nSECTION ANSWER\na. A 192.0.2.1\na. A 192.0.2.2",
			"REPLY QR\nSECTION ANSWER\na. A 192.0.2.2\na. A 192.0.2.1", "answer section"},
		{"repeated record", Deckard, Strict, "MATCH answer\nREPLY QR\nSECTION ANSWER\na. A 192.0.2.1",
			"REPLY QR\nSECTION ANSWER\na. A 192.0.2.1\na. A 192.0.2.1", "answer section"},
		{"TTL asked for", Unbound, Portable, "MATCH all ttl\nREPLY QR\n" + asked + "SECTION ANSWER\nwww.example. 60 A 192.0.2.1",
			"REPLY QR\n" + asked + "SECTION ANSWER\nwww.example. 59 A 192.0.2.1", "answer section"},
		{"rcode", Deckard, Portable, "MATCH rcode\nREPLY QR NXDOMAIN", "REPLY QR SERVFAIL", "rcode"},
		{"flags", Deckard, Portable, "MATCH flags\nREPLY QR AD", "REPLY QR", "flags"},
		{"flags not asked for", Deckard, Portable, "MATCH rcode\nREPLY QR AD", "REPLY QR", ""},
		{"NS beside an answer", Unbound, Portable, "MATCH all\nREPLY QR\n" + asked + "SECTION ANSWER\nwww.example. A 192.0.2.1\nSECTION AUTHORITY\nexample. NS a.",
			"REPLY QR\n" + asked + "SECTION ANSWER\nwww.example. A 192.0.2.1", ""},
		{"NS beside an answer, strictly", Deckard, Strict, "MATCH all\nREPLY QR\n" + asked + "SECTION AUTHORITY\nexample. NS a.", "REPLY QR\n" + asked, "authority section"},
		{"denial without SOA", Deckard, Portable, "MATCH all\nREPLY QR NXDOMAIN\n" + asked + "SECTION AUTHORITY\nexample. SOA a. b. 1 2 3 4 5",
			"REPLY QR NXDOMAIN\n" + asked, "authority section"},
		{"proof missing", Deckard, Portable, "MATCH all\nREPLY QR DO NXDOMAIN\n" + asked + "SECTION AUTHORITY\na.example. NSEC z.example. A",
			"REPLY QR NXDOMAIN\n" + asked, "authority section"},
		{"aliases out of order", Deckard, Portable, "MATCH answer\nREPLY QR\n" + asked + "SECTION ANSWER\nwww.example. CNAME a.\na. CNAME b.",
			"REPLY QR\n" + asked + "SECTION ANSWER\na. CNAME b.\nwww.example. CNAME a.", "order of aliases"},
		{"extended error missing", Unbound, Portable, "MATCH ede=6\nREPLY QR", "REPLY QR", "extended error"},
	} {
		e := entryOf(t, c.dialect, c.expected)
		cmp := comparison{entry: e, dialect: c.dialect, level: c.level, message: messageOf(t, c.got, nil)}
		differences := cmp.run()
		switch {
		case c.want == "" && len(differences) > 0:
			t.Errorf("%s: %v", c.name, differences)
		case c.want != "" && (len(differences) == 0 || !strings.HasPrefix(differences[0].What, c.want)):
			t.Errorf("%s: %v, want a difference of %s", c.name, differences, c.want)
		}
	}
}

func TestFits(t *testing.T) {
	for _, c := range []struct {
		dialect       Dialect
		entry, asking string
		want          bool
	}{
		{Unbound, "REPLY QR", asked, true}, // no condition
		{Deckard, "MATCH qname qtype\n" + asked, "SECTION QUESTION\nWWW.Example. IN A", true},
		{Deckard, "MATCH qcase\n" + asked, "SECTION QUESTION\nWWW.Example. IN A", false},
		{Deckard, "MATCH qtype\n" + asked, "SECTION QUESTION\nwww.example. IN AAAA", false},
		{Deckard, "MATCH subdomain\nSECTION QUESTION\nexample. IN NS", asked, true},
		{Deckard, "MATCH subdomain\nSECTION QUESTION\nww.example. IN NS", asked, false},
		{Deckard, "MATCH subdomain", asked, true},
		{Unbound, "MATCH subdomain", asked, false},
		{Unbound, "MATCH qtype", asked, false},
		{Unbound, "MATCH TCP", asked, false},
	} {
		e := entryOf(t, c.dialect, c.entry)
		if got := e.fits(messageOf(t, c.asking, nil), c.dialect); got != c.want {
			t.Errorf("%q fits %q: %v", c.asking, c.entry, got)
		}
	}
}

func TestReply(t *testing.T) {
	e := entryOf(t, Deckard, "MATCH qname\nADJUST copy_id\nREPLY QR TC\n"+asked)
	req := &request{msg: messageOf(t, "SECTION QUESTION\nwWw.eXample. IN A", &dns.EDNS{UDPSize: 4096, DO: true})}
	for _, tcp := range []bool{false, true} {
		req.msg.TCP = tcp
		m, err := decode(e.answer(req)[0])
		if err != nil {
			t.Fatal(err)
		}
		if m.Flags.Has(dns.FlagTC) == tcp || m.ID != 1 || m.Questions[0].Name != req.msg.Questions[0].Name || m.OPT == nil || m.OPT.TTL&optDO == 0 {
			t.Errorf("over TCP %v: %+v %+v", tcp, m, m.OPT)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(refuse(&request{msg: &message{Questions: []dns.Question{{Name: dns.MustName("www.example."), Type: 1, Class: 1}}}}))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := decode(raw)
		if err != nil {
			return
		}
		recordsText(m.Sections[0])
	})
}
