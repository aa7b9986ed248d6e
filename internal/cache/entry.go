package cache

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"time"

	"knot-resolver/internal/dns"
)

// Kind is what an entry says.
type Kind uint8

// Kinds of entries.
const (
	Positive   Kind = iota + 1 // the RRset
	NoData                     // the name exists, the type does not
	NXDomain                   // the name does not exist
	Failure                    // resolution failed; EDE and Reason say why
	delegation                 // a zone cut, see [Delegation]
)

// Rank is how far an entry may be trusted; higher is better.
type Rank uint8

// Ranks.
const (
	Unvalidated Rank = iota + 1 // obtained with checking disabled
	Insecure                    // from a zone proven to be unsigned
	Secure                      // validated
)

// Entry is one answer, denial or failure.
type Entry struct {
	Kind      Kind
	Rank      Rank
	OptOut    bool // the denial rests on an opt-out span: no AD (RFC 5155 section 9.2)
	Cut       bool // the denial of a DS set shows a delegation at the name
	TTL       uint32
	Inserted  time.Time
	EDE       dns.EDECode // dns.NoEDE when there is nothing to say
	Reason    string
	Answer    dns.RRset   // of a Positive entry
	Authority []dns.RRset // SOA and proofs of a denial, proofs of a wildcard answer
}

// Remaining returns the seconds an entry is still good for, and whether it is.
func (e *Entry) Remaining(now time.Time) (uint32, bool) { return remaining(e.Inserted, e.TTL, now) }

// remaining treats an entry from the future, after a step of the clock, as just inserted.
func remaining(inserted time.Time, ttl uint32, now time.Time) (uint32, bool) {
	age := max(0, now.Unix()-inserted.Unix())
	if age >= int64(ttl) {
		return 0, false
	}
	return ttl - uint32(age), true
}

/*
Layout of an entry, all numbers big-endian:

	0  version, 1 octet
	1  kind
	2  rank
	3  flags: 1 = opt-out, 2 = cut
	4  checksum, CRC-32C of everything else
	8  time of insertion, seconds since 1970, 8 octets
	16 TTL, seconds, 4 octets
	20 EDE code, 2 octets
	22 length of the reason, 1 octet, and the reason
	then the body: sets for answers and denials, see delegation.go for zone cuts

A set: section (0 answer, 1 authority), owner as a wire-form name, type 2, TTL 4,
length of RDATA list 4, the list, length of RRSIG list 4, the list.
*/
const (
	version      = 1
	headerLength = 23
	flagOptOut   = 1
	flagCut      = 2
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// header is the fixed part of an entry.
type header struct {
	kind     Kind
	rank     Rank
	flags    byte
	inserted int64
	ttl      uint32
	ede      dns.EDECode
	reason   string
}

func (h *header) fresh(now time.Time) bool {
	_, fresh := remaining(time.Unix(h.inserted, 0), h.ttl, now)
	return fresh
}

func (h *header) append(dst []byte) []byte {
	dst = append(dst, version, byte(h.kind), byte(h.rank), h.flags, 0, 0, 0, 0)
	dst = binary.BigEndian.AppendUint64(dst, uint64(h.inserted))
	dst = binary.BigEndian.AppendUint32(dst, h.ttl)
	dst = binary.BigEndian.AppendUint16(dst, uint16(h.ede))
	reason := h.reason[:min(len(h.reason), 255)]
	dst = append(dst, byte(len(reason)))
	return append(dst, reason...)
}

// seal puts the checksum into a complete entry.
func seal(entry []byte) []byte {
	binary.BigEndian.PutUint32(entry[4:], checksum(entry))
	return entry
}

func checksum(entry []byte) uint32 {
	sum := crc32.Update(0, castagnoli, entry[:4])
	return crc32.Update(sum, castagnoli, entry[8:])
}

// parseHeader checks version, lengths and checksum, and returns the body.
func parseHeader(entry []byte) (header, []byte, bool) {
	if len(entry) < headerLength || entry[0] != version {
		return header{}, nil, false
	}
	end := headerLength + int(entry[22])
	if end > len(entry) || binary.BigEndian.Uint32(entry[4:]) != checksum(entry) {
		return header{}, nil, false
	}
	return header{
		kind: Kind(entry[1]), rank: Rank(entry[2]), flags: entry[3],
		inserted: int64(binary.BigEndian.Uint64(entry[8:])), ttl: binary.BigEndian.Uint32(entry[16:]),
		ede: dns.EDECode(binary.BigEndian.Uint16(entry[20:])), reason: string(entry[headerLength:end]),
	}, entry[end:], true
}

// peek reads kind, rank and remaining life of an entry without its checksum: enough to reject one quickly.
func peek(entry []byte, now time.Time) (Kind, Rank, bool) {
	if len(entry) < headerLength || entry[0] != version {
		return 0, 0, false
	}
	inserted := time.Unix(int64(binary.BigEndian.Uint64(entry[8:])), 0)
	_, fresh := remaining(inserted, binary.BigEndian.Uint32(entry[16:]), now)
	return Kind(entry[1]), Rank(entry[2]), fresh
}

// Append appends the stored form of e.
func (e *Entry) Append(dst []byte) []byte {
	start := len(dst)
	h := header{kind: e.Kind, rank: e.Rank, inserted: e.Inserted.Unix(), ttl: e.TTL, ede: e.EDE, reason: e.Reason}
	if e.OptOut {
		h.flags |= flagOptOut
	}
	if e.Cut {
		h.flags |= flagCut
	}
	dst = h.append(dst)
	if e.Kind == Positive {
		dst = appendSet(dst, 0, &e.Answer)
	}
	for i := range e.Authority {
		dst = appendSet(dst, 1, &e.Authority[i])
	}
	seal(dst[start:])
	return dst
}

func appendSet(dst []byte, section byte, set *dns.RRset) []byte {
	dst = append(dst, section)
	dst = append(dst, set.Owner...)
	dst = binary.BigEndian.AppendUint16(dst, uint16(set.Type))
	dst = binary.BigEndian.AppendUint32(dst, set.TTL)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(set.RDatas)))
	dst = append(dst, set.RDatas...)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(set.Sigs)))
	return append(dst, set.Sigs...)
}

// ParseEntry reads a stored entry. Its RRsets are views of the bytes.
func ParseEntry(b []byte) (Entry, bool) { return parseEntry(b, "", nil) }

// parseEntry reads an entry found for a name: owners that are the name or an ancestor need no memory of their own, and
// nothing does when the entry lives in an arena.
func parseEntry(b []byte, near dns.Name, a *Arena) (Entry, bool) {
	h, body, ok := parseHeader(b)
	if !ok || h.kind < Positive || h.kind > Failure {
		return Entry{}, false
	}
	e := Entry{Kind: h.kind, Rank: h.rank, OptOut: h.flags&flagOptOut != 0, Cut: h.flags&flagCut != 0, TTL: h.ttl,
		Inserted: time.Unix(h.inserted, 0), EDE: h.ede, Reason: h.reason}
	borrow := a != nil
	if !borrow {
		a = new(Arena)
	}
	from := len(a.sets)
	for len(body) > 0 {
		section := body[0]
		var set dns.RRset
		if set, body, ok = parseSet(body[1:], near, borrow); !ok {
			return Entry{}, false
		}
		if section == 0 {
			e.Answer = set
		} else {
			a.sets = append(a.sets, set)
		}
	}
	e.Authority = a.sets[from:len(a.sets):len(a.sets)]
	return e, e.Kind != Positive || len(e.Answer.RDatas) > 0
}

func parseSet(b []byte, near dns.Name, borrow bool) (set dns.RRset, rest []byte, ok bool) {
	n := dns.WireNameLength(b)
	if n < 0 || len(b) < n+10 {
		return set, nil, false
	}
	owner := ownerIn(b[:n], near, borrow)
	b = b[n:]
	set = dns.RRset{Owner: owner, Type: dns.Type(binary.BigEndian.Uint16(b)), TTL: binary.BigEndian.Uint32(b[2:])}
	rdatas, b, ok1 := counted(b[6:])
	sigs, b, ok2 := counted(b)
	set.RDatas, set.Sigs = dns.RDatas(rdatas), dns.RDatas(sigs)
	return set, b, ok1 && ok2 && set.RDatas.Valid() && set.Sigs.Valid()
}

// ownerIn makes a name of its wire form, as a part of near if near ends with it, or as a view.
func ownerIn(wire []byte, near dns.Name, borrow bool) dns.Name {
	if at := len(near) - len(wire); at >= 0 && string(near[at:]) == string(wire) {
		return near[at:]
	}
	if borrow {
		return dns.Borrow(wire)
	}
	return dns.Name(wire)
}

// counted splits off octets that begin with their 32-bit length.
func counted(b []byte) (data, rest []byte, ok bool) {
	if len(b) < 4 {
		return nil, nil, false
	}
	n := binary.BigEndian.Uint32(b)
	if uint64(n) > uint64(len(b)-4) {
		return nil, nil, false
	}
	return b[4 : 4+n : 4+n], b[4+n:], true
}

// Replaces is the [Merge] rule: next overwrites old when it is secure or of better rank, when old is
// damaged, or when old is [Expiring]. What is over already overwrites nothing. A delegation may be made to end sooner
// at any time, if nothing else about it changes.
func Replaces(old, next []byte) bool {
	_, oldRank, fresh := peek(old, time.Now())
	_, nextRank, ok := peek(next, time.Now())
	if !ok {
		return !fresh
	}
	if !fresh || nextRank == Secure || nextRank > oldRank {
		return true
	}
	h, body, valid := parseHeader(old)
	if !valid || h.kind == Failure {
		return true
	}
	if h.kind == delegation && h.shortened(body, next) {
		return true
	}
	left, _ := remaining(time.Unix(h.inserted, 0), h.ttl, time.Now())
	return Expiring(left, h.ttl)
}

// shortened says whether next is the same delegation with an earlier end.
func (h *header) shortened(body, next []byte) bool {
	n, nextBody, ok := parseHeader(next)
	return ok && n.kind == h.kind && n.rank == h.rank && n.ede == h.ede && n.reason == h.reason &&
		n.inserted+int64(n.ttl) < h.inserted+int64(h.ttl) && bytes.Equal(body, nextBody)
}

// Expiring says whether an entry has no more than a tenth of its life, or 5 seconds, left: time enough for a name in use to be
// asked again, and for its servers to answer.
func Expiring(left, ttl uint32) bool { return 10*(int64(left)-5) < int64(ttl) }
