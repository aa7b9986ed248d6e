package transfer

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	miekg "github.com/miekg/dns"
)

// content is the records of a zone, apart from its SOA record.
type content struct {
	soa     *miekg.SOA
	records map[string]uint32 // record without its TTL → TTL
	foreign int               // records left out because they are not of the zone
}

func newContent(soa *miekg.SOA) *content {
	return &content{soa: soa, records: make(map[string]uint32)}
}

// keyOf is the text of a record without its TTL: owner, class, type, data. It is refused when reading it back would not give
// the same record.
func keyOf(rr miekg.RR) (string, error) {
	h := rr.Header()
	if meta(h.Rrtype) {
		return "", fmt.Errorf("%s %s is no record of a zone", h.Name, miekg.Type(h.Rrtype))
	}
	if h.Class != miekg.ClassINET {
		return "", fmt.Errorf("%s: class %s", h.Name, miekg.Class(h.Class))
	}
	h.Name = miekg.CanonicalName(h.Name)
	text := rr.String()
	back, err := miekg.NewRR(text)
	if err != nil || back == nil || back.String() != text {
		return "", fmt.Errorf("%s %s cannot be written down", h.Name, miekg.Type(h.Rrtype))
	}
	fields := strings.SplitN(text, "\t", 5) // owner, TTL, class and type come before the data, also where the type is unknown (RFC 3597)
	if len(fields) < 5 {
		return "", fmt.Errorf("%s %s has no data", h.Name, miekg.Type(h.Rrtype))
	}
	return h.Name + "\t" + miekg.Class(h.Class).String() + "\t" + miekg.Type(h.Rrtype).String() + "\t" + fields[4], nil
}

// meta says whether a type is one of messages and questions, or reserved (RFC 6895 section 3.1).
func meta(t uint16) bool { return t == miekg.TypeNone || t == miekg.TypeOPT || t >= 128 && t <= 255 }

// write writes a zone file: the SOA record, then all others in order.
func (c *content) write(w io.Writer) error {
	out := bufio.NewWriterSize(w, 1<<16)
	fmt.Fprintf(out, "%s\n", c.soa)
	for _, key := range slices.Sorted(maps.Keys(c.records)) {
		owner, rest, _ := strings.Cut(key, "\t")
		out.WriteString(owner)
		out.WriteByte('\t')
		out.WriteString(strconv.FormatUint(uint64(c.records[key]), 10))
		out.WriteByte('\t')
		out.WriteString(rest)
		out.WriteByte('\n')
	}
	return out.Flush()
}

// read reads what write has written.
func read(r io.Reader, name string, most int) (*content, error) {
	parser := miekg.NewZoneParser(bufio.NewReaderSize(r, 1<<16), "", "")
	first, ok := parser.Next()
	soa, isSOA := first.(*miekg.SOA)
	if !ok || !isSOA || miekg.CanonicalName(soa.Hdr.Name) != name {
		return nil, errors.Join(errors.New("no copy of the zone"), parser.Err())
	}
	c := newContent(soa)
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		key, err := keyOf(rr)
		if err != nil {
			return nil, err
		}
		if c.records[key] = rr.Header().Ttl; len(c.records) > most {
			return nil, errTooMany
		}
	}
	return c, parser.Err()
}

// load reads the copy of a zone.
func load(file, name string, most int) (*content, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	c, err := read(f, name, most)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return c, nil
}

// save replaces the copy, if check accepts it: whatever happens, the old or the new one is there, whole.
func (c *content) save(file string, check func(file string) error) error {
	temporary, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*.tmp")
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name()) // gone already if all went well
	err = c.write(temporary)
	err = errors.Join(err, temporary.Chmod(0o644), temporary.Sync(), temporary.Close())
	if err == nil && check != nil {
		err = check(temporary.Name())
	}
	if err == nil {
		err = os.Rename(temporary.Name(), file)
	}
	return err
}
