package rpl

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"

	"knot-resolver/internal/dns"
)

// SyntaxError says where a scenario cannot be understood.
type SyntaxError struct {
	File string
	Line int
	What string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.What) }

// DialectOf guesses the dialect of a scenario: only Unbound's configuration has clauses.
func DialectOf(text string) Dialect {
	options, _, _ := strings.Cut(text, "CONFIG_END")
	for line := range strings.Lines(options) {
		word, _, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch word {
		case "server", "stub-zone", "forward-zone", "auth-zone", "rpz", "view":
			return Unbound
		}
	}
	return Deckard
}

// Parse reads a scenario. name is that of the file, with which errors begin.
func Parse(name, text string, d Dialect) (s *Scenario, err error) {
	p := &parser{file: name, dialect: d, lines: strings.Split(text, "\n"), origin: dns.Root, ttl: 3600}
	p.s = &Scenario{Name: strings.TrimSuffix(filepath.Base(name), ".rpl"), Dialect: d, Files: make(map[string][]string)}
	defer func() {
		if e, ok := recover().(*SyntaxError); ok {
			s, err = nil, e
		} else if e != nil {
			panic(e)
		}
	}()
	p.options()
	p.script()
	return p.s, nil
}

// parser goes through the lines. What it cannot understand ends it by a panic with a *SyntaxError, which Parse catches.
type parser struct {
	file    string
	dialect Dialect
	lines   []string
	at      int // number of the line just read, from 1
	s       *Scenario
	origin  dns.Name // for relative names
	ttl     uint32   // of records without
}

func (p *parser) fail(format string, args ...any) {
	panic(&SyntaxError{File: p.file, Line: p.at, What: fmt.Sprintf(format, args...)})
}

// raw returns the next line as it is.
func (p *parser) raw() (string, bool) {
	if p.at == len(p.lines) {
		return "", false
	}
	p.at++
	return strings.TrimRight(p.lines[p.at-1], "\r"), true
}

// line returns the next line that holds anything but white space and comments.
func (p *parser) line() (string, bool) {
	for {
		text, ok := p.raw()
		if !ok {
			return "", false
		}
		if text = strings.TrimSpace(uncomment(text)); text != "" {
			return text, true
		}
	}
}

// mustLine is line where the file must not end.
func (p *parser) mustLine(within string) string {
	text, ok := p.line()
	if !ok {
		p.fail("end of file within %s", within)
	}
	return text
}

// uncomment cuts a line at the first semicolon outside double quotes.
func uncomment(line string) string {
	quoted := false
	for i := 0; i < len(line); i++ {
		switch line[i] {
		case '\\':
			i++
		case '"':
			quoted = !quoted
		case ';':
			if !quoted {
				return line[:i]
			}
		}
	}
	if quoted { // an apostrophe or inch sign, not a quotation
		line, _, _ = strings.Cut(line, ";")
	}
	return line
}

// script reads everything behind the options.
func (p *parser) script() {
	line := p.mustLine("the options")
	title, ok := strings.CutPrefix(line, "SCENARIO_BEGIN")
	if !ok {
		p.fail("SCENARIO_BEGIN expected instead of %q", line)
	}
	p.s.Title = strings.TrimSpace(title)
	for {
		line := p.mustLine("the scenario")
		switch words := strings.Fields(line); words[0] {
		case "SCENARIO_END":
			return
		case "RANGE_BEGIN":
			p.s.Ranges = append(p.s.Ranges, p.rangeOf(words[1:]))
		case "STEP":
			p.s.Steps = append(p.s.Steps, p.step(words[1:]))
		default:
			if stray := p.dialect == Unbound && words[0] == "RANGE_END"; !stray && !p.directive(line) {
				p.fail("RANGE_BEGIN or STEP expected instead of %q", line)
			}
		}
	}
}

func (p *parser) rangeOf(args []string) *Range {
	if len(args) < 2 {
		p.fail("RANGE_BEGIN needs two step numbers")
	}
	r := &Range{First: p.number(args[0]), Last: p.number(args[1]), Line: p.at}
	if len(args) > 2 && p.dialect == Deckard {
		r.Addrs = append(r.Addrs, p.address(args[2]))
	}
	for {
		line := p.mustLine("a range")
		switch words := strings.Fields(line); words[0] {
		case "RANGE_END":
			if p.dialect == Deckard && len(r.Addrs) == 0 {
				p.fail("range without address")
			}
			return r
		case "ADDRESS":
			if len(words) < 2 {
				p.fail("ADDRESS without address")
			}
			if p.dialect == Unbound {
				r.Addrs = nil // only the last one counts
			}
			r.Addrs = append(r.Addrs, p.address(words[1]))
		case "ENTRY_BEGIN":
			r.Entries = append(r.Entries, p.entry())
		default:
			if !p.directive(line) {
				p.fail("entry expected in the range instead of %q", line)
			}
		}
	}
}

func (p *parser) step(args []string) *Step {
	if len(args) < 2 {
		p.fail("STEP needs a number and a type")
	}
	t, ok := stepTypes[args[1]]
	if !ok {
		p.fail("unknown step type %q", args[1])
	}
	s := &Step{Number: p.number(args[0]), Type: t, Args: args[2:], Line: p.at}
	if n := len(p.s.Steps); p.dialect == Unbound && n > 0 && s.Number <= p.s.Steps[n-1].Number {
		p.fail("step %d after step %d", s.Number, p.s.Steps[n-1].Number)
	}
	if t.hasEntry() {
		if len(s.Args) > 1 && s.Args[0] == "ADDRESS" {
			s.Addr = p.address(s.Args[1])
		}
		s.Entry = p.stepEntry(s)
	}
	if t == CheckAutotrust || t == CheckTempfile {
		s.File = p.fileCheck()
	}
	return s
}

// stepEntry reads the entry of a step, before which the address may stand on a line of its own.
func (p *parser) stepEntry(s *Step) *Entry {
	for {
		line := p.mustLine("a step")
		switch words := strings.Fields(line); {
		case words[0] == "ENTRY_BEGIN":
			return p.entry()
		case words[0] == "ADDRESS" && len(words) > 1:
			s.Addr = p.address(words[1])
		case !p.directive(line):
			p.fail("ENTRY_BEGIN expected instead of %q", line)
		}
	}
}

func (p *parser) fileCheck() []string {
	if line := p.mustLine("a step"); line != "FILE_BEGIN" {
		p.fail("FILE_BEGIN expected instead of %q", line)
	}
	return p.until("FILE_END")
}

// until returns the lines up to one that is just end, verbatim.
func (p *parser) until(end string) (lines []string) {
	for {
		line, ok := p.raw()
		if !ok {
			p.fail("end of file before %s", end)
		}
		if word, _, _ := strings.Cut(strings.TrimSpace(line), " "); word == end {
			return lines
		}
		lines = append(lines, line)
	}
}

// directive takes a line that changes how later records are read.
func (p *parser) directive(line string) bool {
	words := strings.Fields(line)
	if p.dialect != Unbound || len(words) < 2 {
		return p.dialect == Unbound && strings.HasPrefix(line, "#")
	}
	switch {
	case words[0] == "$ORIGIN":
		p.origin = p.name(words[1])
	case words[0] == "$TTL":
		ttl, ok := parseTTL(words[1], p.dialect)
		if !ok {
			p.fail("bad TTL %q", words[1])
		}
		p.ttl = ttl
	default:
		return strings.HasPrefix(line, "#")
	}
	return true
}

func (p *parser) number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		p.fail("bad number %q", text)
	}
	return n
}

func (p *parser) address(text string) netip.Addr {
	a, err := netip.ParseAddr(text)
	if err != nil {
		p.fail("bad address %q", text)
	}
	return a.Unmap()
}

// name reads a name, which without final dot is relative to the origin.
func (p *parser) name(text string) dns.Name {
	n, err := dns.ParseName(text)
	if err != nil {
		p.fail("%v", err)
	}
	if n != dns.Root && p.origin != dns.Root && !absolute(text) {
		n = n[:len(n)-1] + p.origin
		if len(n) > dns.MaxNameLength {
			p.fail("name %q is too long", text)
		}
	}
	return n
}

func absolute(text string) bool {
	return strings.HasSuffix(text, ".") && !strings.HasSuffix(text, `\.`)
}
