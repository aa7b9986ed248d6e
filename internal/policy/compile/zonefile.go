package compile

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/dns"
)

// zoneFile reads records from the text of a zone file, one at a time. $ORIGIN, $TTL, $GENERATE and
// $INCLUDE are honoured.
type zoneFile struct {
	parser  *miekg.ZoneParser
	lines   *lineReader
	before  int // lines before the parser's first
	resumed int // line feeds when it began
	file    string
	place   string // where relative paths start from: the absolute path of the file
	buf     [1 << 16]byte
}

// record is one resource record of a zone file.
type record struct {
	owner dns.Name // lower case
	typ   dns.Type
	class dns.Class
	ttl   uint32
	rdata []byte // valid until the next record
}

// newZoneFile reads text, which is the content of file, with the root as origin. ttl is that of
// records that have none.
func newZoneFile(text io.Reader, file string, ttl uint32) *zoneFile {
	z := &zoneFile{place: file, lines: &lineReader{r: bufio.NewReaderSize(text, 1<<16), origin: dns.Root, ttl: strconv.FormatUint(uint64(ttl), 10)}, file: file}
	if dir, err := os.Getwd(); file == "" && err == nil {
		z.place = filepath.Join(dir, "records")
	}
	z.begin("")
	return z
}

// begin starts a parser for what is left, of which some was taken from the reader already, with what directives before have set.
func (z *zoneFile) begin(taken string) {
	// Unlike a default set from outside, $TTL is not replaced by the TTLs of records (RFC 2308 section 4).
	head := fmt.Sprintf("$TTL %s\n$ORIGIN %v\n", z.lines.ttl, z.lines.origin)
	z.before = z.lines.ends - strings.Count(head, "\n")
	z.lines.head, z.lines.line = head+taken, z.lines.line[:0]
	z.parser = miekg.NewZoneParser(z.lines, ".", z.place)
	z.parser.SetIncludeAllowed(true)
	z.parser.SetIncludeFS(regularFiles{})
}

// resume goes on behind a line with a mistake, and behind lines without an owner that follow it. It
// returns false at the end of the text.
func (z *zoneFile) resume(fault *Error) bool {
	l := z.lines
	taken := ""
	stuck := l.ends == z.resumed && l.last == '\n'
	if fault.File == z.file && l.number() > fault.Line && !stuck {
		taken = string(l.line) // the parser has looked into the next line
	} else if (l.last != '\n' || stuck) && l.skip() != nil {
		return false
	}
	z.resumed = l.ends
	for taken == "" {
		switch c, err := l.r.Peek(1); {
		case err != nil:
			return false
		case c[0] != ' ' && c[0] != '\t':
			z.begin("")
			return true
		case l.skip() != nil:
			return false
		}
	}
	z.begin(taken)
	return true
}

// next returns the next record; ok is false at the end. An error has no Pointer.
func (z *zoneFile) next() (rec record, ok bool, fault *Error) {
	rr, ok := z.parser.Next()
	if !ok {
		if err := z.parser.Err(); err != nil {
			return record{}, false, z.syntax(err)
		}
		return record{}, false, nil
	}
	h := rr.Header()
	owner, err := ruleName(h.Name)
	if err != nil {
		return record{}, false, z.fault(h.Name, err.Error())
	}
	end, err := miekg.PackRR(rr, z.buf[:], 0, nil, false)
	if err != nil {
		return record{}, false, z.fault(h.Name, err.Error())
	}
	const fixed = 2 + 2 + 4 + 2 // type, class, TTL, length
	return record{owner, dns.Type(h.Rrtype), dns.Class(h.Class), h.Ttl, z.buf[len(owner)+fixed : end]}, true, nil
}

// fault is an error about the record read last.
func (z *zoneFile) fault(name, reason string) *Error {
	return &Error{File: z.file, Line: z.lines.number(), Name: name, Reason: reason}
}

// syntax takes an error of the parser apart: it ends with the place, and begins with the file when that was included.
func (z *zoneFile) syntax(err error) *Error {
	text, place, found := cutLast(err.Error(), " at line: ")
	if !found {
		return z.fault("", text)
	}
	file, reason, found := strings.Cut(text, "dns: ")
	if file = strings.TrimSuffix(file, ": "); !found || file == "" {
		file, reason = z.place, strings.TrimPrefix(text, "dns: ")
	}
	line, _, _ := strings.Cut(place, ":")
	number, _ := strconv.Atoi(line)
	if file != z.place {
		return &Error{File: "/" + strings.TrimPrefix(file, "/"), Line: number, Reason: reason}
	}
	return &Error{File: z.file, Line: number + z.before, Reason: reason}
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// lineReader counts lines, and remembers what directives set. The parser reads octet by octet, and as a rule not beyond
// the end of a record, so the line it is in is that of the record.
type lineReader struct {
	head string // before what is in r; not counted
	r    *bufio.Reader
	ends int    // line feeds so far
	last byte   // octet
	line []byte // the beginning of the present line, so far

	origin dns.Name
	ttl    string
}

// directiveLength is how much of a line is looked at for directives.
const directiveLength = 1 << 10

// Read is there for io.Reader; the parser does not use it.
func (l *lineReader) Read(p []byte) (int, error) {
	return 0, fmt.Errorf("not by blocks: %w", io.ErrNoProgress)
}

// ReadByte implements io.ByteReader.
func (l *lineReader) ReadByte() (byte, error) {
	if len(l.head) > 0 {
		c := l.head[0]
		l.head = l.head[1:]
		return c, nil
	}
	c, err := l.r.ReadByte()
	if err != nil {
		return c, err
	}
	if l.last = c; c != '\n' {
		if len(l.line) < directiveLength {
			l.line = append(l.line, c)
		}
		return c, nil
	}
	if l.ends++; len(l.line) > 0 && l.line[0] == '$' {
		l.directive(strings.Fields(string(l.line)))
	}
	l.line = l.line[:0]
	return c, nil
}

// skip reads to the end of the line.
func (l *lineReader) skip() error {
	for {
		if c, err := l.ReadByte(); err != nil || c == '\n' {
			return err
		}
	}
}

func (l *lineReader) directive(fields []string) {
	switch {
	case len(fields) < 2:
	case strings.EqualFold(fields[0], "$TTL") && strings.Trim(fields[1], "0123456789") == "":
		l.ttl = fields[1]
	case strings.EqualFold(fields[0], "$ORIGIN"):
		name := fields[1]
		if !strings.HasSuffix(name, ".") {
			name += "." + strings.TrimPrefix(l.origin.String(), ".")
		}
		if origin, err := dns.ParseName(name); err == nil {
			l.origin = origin
		}
	}
}

// number returns the number of the line that was read last.
func (l *lineReader) number() int {
	if l.last == '\n' {
		return l.ends
	}
	return l.ends + 1
}
