package rpl

import (
	"encoding/hex"
	"strconv"
	"strings"

	"knot-resolver/internal/dns"
)

var flagWords = map[string]dns.Flags{"QR": dns.FlagQR, "AA": dns.FlagAA, "TC": dns.FlagTC, "RD": dns.FlagRD, "RA": dns.FlagRA,
	"AD": dns.FlagAD, "CD": dns.FlagCD}

var rcodeWords = map[string]dns.RCode{"NOERROR": 0, "FORMERR": 1, "SERVFAIL": 2, "NXDOMAIN": 3, "NOTIMP": 4, "NOTIMPL": 4, "REFUSED": 5,
	"YXDOMAIN": 6, "YXRRSET": 7, "NXRRSET": 8, "NOTAUTH": 9, "NOTZONE": 10, "BADVERS": 16, "BADSIG": 16, "BADKEY": 17, "BADTIME": 18,
	"BADMODE": 19, "BADNAME": 20, "BADALG": 21, "BADTRUNC": 22, "BADCOOKIE": 23}

var opcodeWords = map[string]dns.Opcode{"QUERY": 0, "IQUERY": 1, "STATUS": 2, "NOTIFY": 4, "UPDATE": 5}

var sectionWords = map[string]int{"QUESTION": questionSection, "ANSWER": int(dns.Answer), "AUTHORITY": int(dns.Authority), "ADDITIONAL": int(dns.Additional)}

const questionSection = -1

// entryParser reads the lines between ENTRY_BEGIN and ENTRY_END.
type entryParser struct {
	*parser
	entry   *Entry
	to      *Template // the message being read
	section int
	open    bool // a section was opened
}

func (p *parser) entry() *Entry {
	e := &Entry{Line: p.at}
	in := entryParser{parser: p, entry: e, to: &e.Message}
	for {
		line := p.mustLine("an entry")
		words := strings.Fields(line)
		if words[0] == "ENTRY_END" {
			return e
		}
		if !in.keyword(words) && !p.directive(line) {
			in.data(line)
		}
	}
}

func (p *entryParser) keyword(words []string) bool {
	switch words[0] {
	case "MATCH":
		p.match(words[1:])
	case "ADJUST":
		p.adjust(words[1:])
	case "REPLY", "FLAGS":
		p.header(words[1:])
	case "SECTION":
		p.startSection(words[1:])
	case "MANDATORY":
		p.entry.Mandatory = true
	case "RAW":
		p.to.Raw = p.hex(p.mustLine("a raw message"))
	case "HEX_ANSWER_BEGIN":
		p.to.Raw = p.hexUntil("HEX_ANSWER_END")
	case "HEX_EDNSDATA_BEGIN":
		p.to.EDNS, p.to.HasEDNS = p.hexUntil("HEX_EDNSDATA_END"), true
	case "EXTRA_PACKET":
		p.entry.Extra = append(p.entry.Extra, Template{})
		p.to, p.open = &p.entry.Extra[len(p.entry.Extra)-1], false
	default:
		return false
	}
	return true
}

func (p *entryParser) startSection(words []string) {
	if len(words) == 0 {
		p.fail("SECTION without name")
	}
	section, ok := sectionWords[words[0]]
	if !ok {
		p.fail("unknown section %q", words[0])
	}
	p.section, p.open = section, true
}

// data is a line of a section.
func (p *entryParser) data(line string) {
	switch {
	case !p.open:
		p.fail("unknown keyword in an entry: %q", line)
	case p.section == questionSection:
		p.to.Questions = append(p.to.Questions, p.question(line))
	default:
		p.to.Sections[p.section] = append(p.to.Sections[p.section], p.record(line))
	}
}

func (p *entryParser) header(words []string) {
	for _, w := range words {
		if f, ok := flagWords[w]; ok {
			p.to.Flags |= f
		} else if r, ok := rcodeWords[w]; ok {
			p.to.RCode = r
		} else if o, ok := opcodeWords[w]; ok {
			p.to.Opcode = o
		} else if w == "DO" || w == "CO" {
			p.to.DO = p.to.DO || w == "DO"
			p.to.HasEDNS = true
		} else {
			p.fail("unknown header word %q", w)
		}
	}
}

func (p *entryParser) adjust(words []string) {
	for _, w := range words {
		switch a := &p.entry.Adjust; w {
		case "copy_id":
			a.CopyID = true
		case "copy_query":
			a.CopyQuery = true
		case "raw_id":
			a.RawID = true
		case "do_not_answer":
			a.Silent = true
		default:
			p.fail("unknown ADJUST word %q", w)
		}
	}
}

func (p *entryParser) match(words []string) {
	m := &p.entry.Match
	m.Given = true
	flags := map[string]*bool{"opcode": &m.Opcode, "qtype": &m.QType, "qname": &m.QName, "qcase": &m.QCase, "subdomain": &m.Subdomain,
		"question": &m.Question, "flags": &m.Flags, "rcode": &m.RCode, "answer": &m.Answer, "authority": &m.Authority,
		"additional": &m.Additional, "all": &m.All, "all_noedns": &m.AllNoEDNS, "ttl": &m.TTL, "edns": &m.EDNS, "DO": &m.DO, "CO": &m.CO,
		"noedns": &m.NoEDNS, "ednsdata": &m.EDNSData, "UDP": &m.UDP, "TCP": &m.TCP, "client_cookie": &m.ClientCookie,
		"server_cookie": &m.ServerCookie}
	for _, w := range words {
		name, value, _ := strings.Cut(w, "=")
		switch flag := flags[w]; {
		case flag != nil:
			*flag = true
		case name == "ede" && value == "any":
			m.EDE = EDEMatch{Wanted: true, Any: true}
		case name == "ede":
			m.EDE = EDEMatch{Wanted: true, Code: dns.EDECode(p.number(value))}
		case name == "serial":
			serial, err := strconv.ParseUint(value, 10, 32)
			if err != nil {
				p.fail("bad serial %q", value)
			}
			short := uint32(serial)
			m.Serial = &short
		default:
			p.fail("unknown MATCH word %q", w)
		}
	}
}

func (p *entryParser) hex(digits string) []byte {
	raw, err := hex.DecodeString(strings.Join(strings.Fields(digits), ""))
	if err != nil {
		p.fail("bad hexadecimal digits: %v", err)
	}
	return raw
}

func (p *entryParser) hexUntil(end string) []byte {
	digits := ""
	for {
		line := p.mustLine("hexadecimal data")
		if line == end {
			return append([]byte{}, p.hex(digits)...)
		}
		digits += line
	}
}
