package rpl

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"

	"knot-resolver/internal/dns"
)

// Level is how exactly an answer is compared.
type Level uint8

// The levels.
const (
	Strict   Level = iota // to the letter of the dialect
	Portable              // what every good resolver must get right, whatever its style
)

func (l Level) String() string { return [...]string{"strict", "portable"}[l] }

// Difference is one thing that is not as expected.
type Difference struct{ What, Expected, Got string }

func (d Difference) String() string {
	return fmt.Sprintf("%s: expected %s, got %s", d.What, d.Expected, d.Got)
}

// comparison of a message with an entry.
type comparison struct {
	entry   *Entry
	dialect Dialect
	level   Level
	message *message
	request bool // the message is a request, else an answer
	edns    bool // the query that is answered had EDNS
	differences
}

type differences []Difference

func (d *differences) add(what string, ok bool, expected, got string) {
	if !ok {
		*d = append(*d, Difference{what, expected, got})
	}
}

// run makes all comparisons that the entry asks for.
func (c *comparison) run() []Difference {
	m := c.entry.Match
	c.options()
	if m.All || m.AllNoEDNS {
		m = c.all(m)
	}
	t := &c.entry.Message
	q, _ := questionOf(t.Questions)
	asked, _ := questionOf(c.message.Questions)
	c.when(m.Opcode, "opcode", t.Opcode == c.message.Flags.Opcode(), t.Opcode.String(), c.message.Flags.Opcode().String())
	c.when(m.QType, "question type", c.qtype(), q.Type.String(), asked.Type.String())
	c.when(m.QName, "question name", c.qname(), q.Name.String(), asked.Name.String())
	c.when(m.QCase, "question name", c.qcase(), q.Name.String(), asked.Name.String())
	c.when(m.Subdomain, "question name", c.subdomain(), "below "+q.Name.String(), asked.Name.String())
	c.when(m.Question, "question", c.questions(), questionsText(t.Questions), questionsText(c.message.Questions))
	c.when(m.RCode, "rcode", c.rcode(), t.RCode.String(), c.message.RCode.String())
	c.when(m.Flags, "flags", t.Flags&allFlags == c.message.Flags&allFlags, flagsText(t.Flags), flagsText(c.message.Flags))
	if m.Answer {
		c.section(dns.Answer)
	}
	if m.Authority {
		c.section(dns.Authority)
	}
	if m.Additional {
		c.section(dns.Additional)
	}
	return c.differences
}

func (c *comparison) when(asked bool, what string, ok bool, expected, got string) {
	if asked {
		c.add(what, ok, expected, got)
	}
}

// all says what the word `all` stands for.
func (c *comparison) all(m Match) Match {
	m.Opcode, m.Flags, m.RCode, m.Answer, m.Authority, m.Additional = true, true, true, true, true, true
	m.QType, m.QName = c.dialect == Deckard, c.dialect == Deckard
	m.Question = c.dialect == Unbound
	if !c.request {
		c.optPresence(m)
		if c.level == Portable && c.truncated() {
			m.Answer, m.Authority, m.Additional = false, false, false
		}
	}
	return m
}

// optPresence: an answer has OPT if and only if the query had.
func (c *comparison) optPresence(m Match) {
	if m.AllNoEDNS {
		return
	}
	c.add("EDNS", c.edns == (c.message.OPT != nil), presence(c.edns), presence(c.message.OPT != nil))
}

func presence(is bool) string {
	if is {
		return "present"
	}
	return "absent"
}

func (c *comparison) truncated() bool {
	return c.entry.Message.Flags.Has(dns.FlagTC) && c.dialect == Unbound && !c.message.TCP
}

func (c *comparison) rcode() bool {
	if c.dialect == Unbound {
		return c.entry.Message.RCode&0xf == c.message.RCode&0xf
	}
	return c.entry.Message.RCode == c.message.RCode
}

// options compares everything about transport and EDNS.
func (c *comparison) options() {
	m, t, o := c.entry.Match, &c.entry.Message, c.message.OPT
	c.when(m.UDP, "transport", !c.message.TCP, "UDP", "TCP")
	c.when(m.TCP, "transport", c.message.TCP, "TCP", "UDP")
	c.when(m.DO, "EDNS flag DO", o != nil && o.TTL&optDO != 0, "set", "not set")
	c.when(m.CO, "EDNS flag CO", o != nil && o.TTL&optCO != 0, "set", "not set")
	c.when(m.NoEDNS, "EDNS", o == nil, "absent", "present")
	c.when(m.EDNS, "EDNS", t.HasEDNS == (o != nil), presence(t.HasEDNS), presence(o != nil))
	if m.EDE.Wanted {
		c.ede(m.EDE)
	}
	c.cookie(m)
	if m.EDNSData {
		var got []byte
		if o != nil {
			got = o.Options
		}
		c.add("EDNS options", bytes.Equal(t.EDNS, got), fmt.Sprintf("%x", t.EDNS), fmt.Sprintf("%x", got))
	}
	if m.Serial != nil {
		c.serial(*m.Serial)
	}
}

func (c *comparison) ede(want EDEMatch) {
	data, ok := c.message.OPT.option(dns.OptionEDE)
	if !ok || len(data) < 2 {
		c.add("extended error", false, want.String(), "none")
		return
	}
	got := dns.EDECode(binary.BigEndian.Uint16(data))
	c.add("extended error", want.Any || got == want.Code, want.String(), fmt.Sprintf("%d (%v) %q", got, got, data[2:]))
}

func (m EDEMatch) String() string {
	if m.Any {
		return "any"
	}
	return fmt.Sprintf("%d (%v)", uint16(m.Code), m.Code)
}

func (c *comparison) cookie(m Match) {
	data, _ := c.message.OPT.option(dns.OptionCookie)
	c.when(m.ClientCookie, "cookie", len(data) == 8, "8 octets", fmt.Sprintf("%d octets", len(data)))
	c.when(m.ServerCookie, "cookie", len(data) == 24, "24 octets", fmt.Sprintf("%d octets", len(data)))
}

func (c *comparison) serial(want uint32) {
	for _, r := range c.message.Sections[dns.Authority] {
		if soa, err := dns.ParseSOA(r.RData); r.Type == dns.TypeSOA && err == nil {
			c.add("serial", soa.Serial == want, fmt.Sprint(want), fmt.Sprint(soa.Serial))
			return
		}
	}
	c.add("serial", false, fmt.Sprint(want), "no SOA")
}

const allFlags = dns.FlagQR | dns.FlagAA | dns.FlagTC | dns.FlagRD | dns.FlagRA | dns.FlagAD | dns.FlagCD

func flagsText(f dns.Flags) string {
	var words []string
	for _, w := range [...]string{"QR", "AA", "TC", "RD", "RA", "AD", "CD"} {
		if f.Has(flagWords[w]) {
			words = append(words, w)
		}
	}
	return strings.Join(words, " ")
}

func questionsText(list []dns.Question) string {
	var texts []string
	for _, q := range list {
		texts = append(texts, fmt.Sprintf("%v %v %v", q.Name, q.Class, q.Type))
	}
	return strings.Join(texts, ", ")
}
