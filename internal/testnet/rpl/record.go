package rpl

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/dns"
)

// question reads `owner [class] type`; a TTL in between has no meaning.
func (p *parser) question(line string) dns.Question {
	words := strings.Fields(line)
	q := dns.Question{Name: p.name(words[0]), Class: dns.ClassIN}
	for _, w := range words[1:] {
		if c, ok := parseClass(w); ok && len(words) > 2 {
			q.Class = c
		} else if t, ok := parseType(w); ok {
			q.Type = t
			return q
		} else if _, ok := parseTTL(w, Unbound); !ok {
			break
		}
	}
	p.fail("bad question %q", line)
	return q
}

// record reads `owner [ttl] [class] type data`.
func (p *parser) record(line string) Record {
	words := strings.Fields(line)
	r := Record{Owner: p.name(words[0]), Class: dns.ClassIN, TTL: p.ttl}
	for i, w := range words[1:] {
		if c, ok := parseClass(w); ok {
			r.Class = c
		} else if w == "ANY" && i+2 < len(words) {
			r.Class = dns.ClassANY
		} else if ttl, ok := parseTTL(w, p.dialect); ok {
			r.TTL = ttl
		} else if t, ok := parseType(w); ok {
			r.Type = t
			rdata, err := p.rdata(t, w, words[i+2:], line)
			if err != nil {
				p.fail("record %q: %v", line, err)
			}
			r.RData = rdata
			return r
		} else {
			p.fail("record %q: unknown type %q", line, w)
		}
	}
	p.fail("record %q without type", line)
	return r
}

func parseClass(word string) (dns.Class, bool) {
	switch strings.ToUpper(word) {
	case "IN":
		return dns.ClassIN, true
	case "CH":
		return dns.ClassCH, true
	case "HS":
		return dns.ClassHS, true
	}
	return 0, false
}

var ttlUnits = map[byte]uint64{'s': 1, 'm': 60, 'h': 3600, 'd': 86400, 'w': 7 * 86400}

// parseTTL reads a number of seconds, in the Unbound dialect also with units.
func parseTTL(word string, d Dialect) (uint32, bool) {
	if word == "" || word[0] < '0' || word[0] > '9' {
		return 0, false
	}
	if n, err := strconv.ParseUint(word, 10, 32); err == nil || d == Deckard {
		return uint32(n), err == nil
	}
	total, n := uint64(0), uint64(0)
	for i := range len(word) {
		c := word[i] | 0x20
		unit, ok := ttlUnits[c]
		switch {
		case '0' <= word[i] && word[i] <= '9':
			n = n*10 + uint64(word[i]-'0')
		case ok:
			total, n = total+n*unit, 0
		default:
			return 0, false
		}
	}
	return uint32(total + n), total+n <= 1<<31
}

// rdata makes octets of record data. Types whose data trips strict parsers in the files are
// read here, all others by the parser of a library.
func (p *parser) rdata(t dns.Type, name string, words []string, line string) ([]byte, error) {
	if len(words) > 0 && words[0] == `\#` {
		return generic(words[1:])
	}
	plain := unparenthesised(words)
	switch t {
	case dns.TypeRRSIG:
		return p.rrsig(plain)
	case dns.TypeDS:
		return ds(plain)
	case dns.TypeDNSKEY:
		return dnskey(plain)
	case dns.TypeSOA:
		if len(plain) > 7 {
			plain = plain[:7]
		}
		words = plain
	}
	rr, err := parseRR(". 0 IN "+strings.ToUpper(name)+" "+strings.Join(words, " "), p.origin.String())
	if err != nil {
		return nil, err
	}
	switch rr := rr.(type) { // the packer insists on order
	case *miekg.NSEC:
		slices.Sort(rr.TypeBitMap)
	case *miekg.NSEC3:
		slices.Sort(rr.TypeBitMap)
	}
	return packedRData(rr)
}

// parseType knows all types the library knows besides those of package dns.
func parseType(word string) (dns.Type, bool) {
	if t, ok := dns.ParseType(word); ok {
		return t, true
	}
	t, ok := miekg.StringToType[strings.ToUpper(word)]
	return dns.Type(t), ok
}

func parseRR(text, origin string) (miekg.RR, error) {
	z := miekg.NewZoneParser(strings.NewReader(text+"\n"), origin, "")
	rr, ok := z.Next()
	if err := z.Err(); err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("no record")
	}
	return rr, nil
}

// packedRData returns the data of a record whose owner is the root.
func packedRData(rr miekg.RR) ([]byte, error) {
	buf := make([]byte, miekg.Len(rr)+512)
	end, err := miekg.PackRR(rr, buf, 0, nil, false)
	if err != nil {
		return nil, err
	}
	const fixed = 11 // root, type, class, TTL, length
	return buf[fixed:end], nil
}

func unparenthesised(words []string) []string {
	return strings.Fields(strings.NewReplacer("(", " ", ")", " ").Replace(strings.Join(words, " ")))
}

// generic reads the form of RFC 3597 section 5.
func generic(words []string) ([]byte, error) {
	words = unparenthesised(words)
	if len(words) == 0 {
		return nil, fmt.Errorf("no length")
	}
	raw, err := hex.DecodeString(strings.Join(words[1:], ""))
	if err != nil {
		return nil, err
	}
	if n, err := strconv.Atoi(words[0]); err != nil || n != len(raw) {
		return nil, fmt.Errorf("length %s of %d octets", words[0], len(raw))
	}
	return raw, nil
}

// fields appends numbers of the given sizes in octets.
func fields(dst []byte, words []string, sizes ...int) ([]byte, error) {
	if len(words) < len(sizes) {
		return nil, fmt.Errorf("too few fields")
	}
	for i, size := range sizes {
		n, err := strconv.ParseUint(words[i], 10, 8*size)
		if err != nil {
			return nil, err
		}
		dst = append(dst, binary.BigEndian.AppendUint64(nil, n)[8-size:]...)
	}
	return dst, nil
}

// algorithm turns a mnemonic into its number, and leaves numbers alone.
func algorithm(word string) string {
	if n, ok := miekg.StringToAlgorithm[strings.ToUpper(word)]; ok {
		return strconv.Itoa(int(n))
	}
	return word
}

// ds reads a DS record whatever the length of its digest.
func ds(words []string) ([]byte, error) {
	if len(words) < 3 {
		return nil, fmt.Errorf("too few fields")
	}
	rdata, err := fields(nil, []string{words[0], algorithm(words[1]), words[2]}, 2, 1, 1)
	if err != nil {
		return nil, err
	}
	digest, err := hex.DecodeString(strings.Join(words[3:], ""))
	return append(rdata, digest...), err
}

func dnskey(words []string) ([]byte, error) {
	if len(words) < 3 {
		return nil, fmt.Errorf("too few fields")
	}
	rdata, err := fields(nil, []string{words[0], words[1], algorithm(words[2])}, 2, 1, 1)
	if err != nil {
		return nil, err
	}
	key, err := base64Of(words[3:])
	return append(rdata, key...), err
}

// base64Of reads base64 with or without padding; a stray quotation mark may follow.
func base64Of(words []string) ([]byte, error) {
	return base64.RawStdEncoding.DecodeString(strings.TrimRight(strings.Join(words, ""), "='"))
}

// rrsig reads an RRSIG, whose signature may be missing.
func (p *parser) rrsig(words []string) ([]byte, error) {
	if len(words) < 8 {
		return nil, fmt.Errorf("too few fields")
	}
	covered, ok := parseType(words[0])
	if !ok {
		return nil, fmt.Errorf("unknown type %q", words[0])
	}
	numbers := []string{algorithm(words[1]), words[2], words[3], signatureTime(words[4]), signatureTime(words[5]), words[6]}
	rdata, err := fields(binary.BigEndian.AppendUint16(nil, uint16(covered)), numbers, 1, 1, 4, 4, 4, 2)
	if err != nil {
		return nil, err
	}
	rdata = append(rdata, p.name(words[7])...)
	signature, err := base64Of(words[8:])
	return append(rdata, signature...), err
}

// signatureTime turns YYYYMMDDHHmmSS into seconds, and leaves seconds alone.
func signatureTime(word string) string {
	if t, err := time.Parse("20060102150405", word); err == nil {
		return strconv.FormatUint(uint64(uint32(t.Unix())), 10)
	}
	return word
}
