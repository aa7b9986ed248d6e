package compile

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/dns"
)

// zoneFile reads records from the text of a zone file, one at a time. $ORIGIN, $TTL, $GENERATE and
// $INCLUDE are honoured.
type zoneFile struct {
	parser *miekg.ZoneParser
	lines  *lineReader
	file   string
	buf    [1 << 16]byte
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
	// Unlike a default set from outside, $TTL is not replaced by the TTLs of records (RFC 2308 section 4).
	first := strings.NewReader(fmt.Sprintf("$TTL %d\n", ttl))
	z := &zoneFile{lines: &lineReader{r: bufio.NewReaderSize(io.MultiReader(first, text), 1<<16), ends: -1}, file: file}
	z.parser = miekg.NewZoneParser(z.lines, ".", file)
	z.parser.SetIncludeAllowed(true)
	return z
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
	return &Error{File: z.file, Line: z.lines.line(), Name: name, Reason: reason}
}

// syntax takes an error of the parser apart: it ends with the place.
func (z *zoneFile) syntax(err error) *Error {
	text, place, found := cutLast(err.Error(), " at line: ")
	if !found {
		return z.fault("", text)
	}
	file, reason, found := strings.Cut(text, "dns: ")
	if file = strings.TrimSuffix(file, ": "); !found || file == "" {
		file, reason = z.file, strings.TrimPrefix(text, "dns: ")
	}
	line, _, _ := strings.Cut(place, ":")
	number, _ := strconv.Atoi(line)
	if file == z.file {
		number-- // the $TTL
	}
	return &Error{File: file, Line: number, Reason: reason}
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// lineReader counts lines. The parser reads octet by octet and never beyond the end of a record, so
// the line it is in is that of the record.
type lineReader struct {
	r    *bufio.Reader
	ends int  // line feeds so far
	last byte // octet
}

// Read is there for io.Reader; the parser does not use it.
func (l *lineReader) Read(p []byte) (int, error) {
	return 0, fmt.Errorf("not by blocks: %w", io.ErrNoProgress)
}

// ReadByte implements io.ByteReader.
func (l *lineReader) ReadByte() (byte, error) {
	c, err := l.r.ReadByte()
	if err == nil {
		if l.last = c; c == '\n' {
			l.ends++
		}
	}
	return c, err
}

// line returns the number of the line that was read last.
func (l *lineReader) line() int {
	if l.last == '\n' {
		return l.ends
	}
	return l.ends + 1
}
