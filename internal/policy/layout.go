package policy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"knot-resolver/internal/dns"
)

// Layout of the rule database, integers big-endian. The spaces of keys and what their values are:
//
//	'm' ""            JSON of [Meta]
//	'q' name          groups of rules for a name that is asked, and for what is below it
//	's' name          groups of rules for the name of a server (NSDNAME), and for what is below it
//	'c' prefix        groups of rules for addresses of clients
//	'a' prefix        groups of rules for addresses in answers (RPZ-IP)
//	'n' prefix        groups of rules for addresses of servers (NSIP)
//	'c' 'a' 'n' ""    all prefixes of the space, one after another
//
// Names are in wire form and lower case, so that the keys of a name's ancestors are parts of its own. A
// prefix is 4 or 6, its length in bits, and 4 or 16 octets of address.
//
//	group   place (1 octet), number of rules (1 octet), rules
//	rule    what (1), origin (2), TTL in seconds (4), type or kind (2), length (4) and octets of packed RDATA
//
// The rules of a group belong together: they are of one list, or of local data with the same tags. The place
// says whether it is for the key itself or stands for what is below. Groups are in the order in which they are
// tried: local data with tags, local data without, lists in their order, special-use names.
//
// Invariants, checked by [Check]: lengths add up; groups are not empty; what, place and kind are known;
// RDATA is there exactly for records; origins exist and are all of the list of the group's first rule.
// Spaces of the database besides those of addresses.
const (
	MetaSpace   = 'm'
	NameSpace   = 'q'
	ServerSpace = 's'
)

// GroupRules is how many rules a group has at most.
const GroupRules = 255

const (
	groupHeader = 1 + 1
	ruleHeader  = 1 + 2 + 4 + 2 + 4
)

// Addresses says whose addresses a rule is about, if it is not about a name.
type Addresses byte

// The kinds of addresses, which are spaces of the database.
const (
	ClientAddress Addresses = 'c'
	AnswerAddress Addresses = 'a'
	ServerAddress Addresses = 'n'
	serverName    Addresses = ServerSpace // not an address, but what a rule can be about as well
)

// Place says which names a group of rules is for.
type Place uint8

// The places.
const (
	At    Place = iota // the name itself; subtree rules are also for what is below
	Under              // everything below: a wildcard
	placeEnd
)

// What a rule says.
type What uint8

// What rules say.
const (
	Records    What = iota // there are these records
	Substitute             // CNAME to the name asked in front of a suffix: RPZ's CNAME *.suffix
	Marked                 // types without records are treated by a mark
	Tree                   // everything below is treated by a kind of subtree
	whatEnd
)

// Subtree says what a rule does to a name and everything below it (resolver.md 6.3).
type Subtree uint16

// The kinds of subtree rules.
const (
	SubtreeNone        Subtree = iota
	SubtreeEmpty               // an empty zone: SOA and NS at its apex, NXDOMAIN below
	SubtreeNXDomain            // NXDOMAIN for the name and below
	SubtreeRedirect            // the records of the apex for every name below
	SubtreeEmptyNoData         // an empty zone whose names below exist without data
	SubtreeDNAME               // names below are renamed by the DNAME record of the apex (RFC 6672)
	SubtreeResolve             // resolved as if there were no local data at or above the name
	SubtreeRefused             // not answered for the name and below: REFUSED
	subtreeEnd
)

// Mark says what happens to types that a name has no records of.
type Mark uint16

// The marks.
const (
	MarkNone     Mark = iota
	MarkNoData        // they do not exist
	MarkNXDomain      // nor does the name
	MarkPass          // they are resolved, whatever rules there are besides
	MarkDrop          // the query stays without an answer
	MarkTCP           // the client is to come back over TCP, where the query passes
	markEnd
)

// Rule is one thing that is said.
type Rule struct {
	What   What
	Origin uint16 // number of an origin
	TTL    uint32 // seconds
	Kind   uint16 // the type of Records, the Mark or the Subtree
	RDatas dns.RDatas
}

// AppendGroup appends rules that belong together, at most 255.
func AppendGroup(dst []byte, place Place, rules []Rule) []byte {
	dst = append(dst, byte(place), byte(len(rules)))
	for i := range rules {
		r := &rules[i]
		dst = append(dst, byte(r.What))
		dst = binary.BigEndian.AppendUint16(dst, r.Origin)
		dst = binary.BigEndian.AppendUint32(dst, r.TTL)
		dst = binary.BigEndian.AppendUint16(dst, r.Kind)
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(r.RDatas)))
		dst = append(dst, r.RDatas...)
	}
	return dst
}

// AppendPrefix appends the key of a prefix.
func AppendPrefix(dst []byte, p netip.Prefix) []byte {
	family := byte(4)
	if p.Addr().Is6() {
		family = 6
	}
	return append(append(dst, family, byte(p.Bits())), p.Addr().AsSlice()...)
}

// parsePrefixes reads prefixes, one after another.
func parsePrefixes(b []byte) (all []netip.Prefix, ok bool) {
	for len(b) > 0 {
		size := map[byte]int{4: 4, 6: 16}[b[0]]
		if size == 0 || len(b) < 2+size || int(b[1]) > 8*size {
			return nil, false
		}
		a, _ := netip.AddrFromSlice(b[2 : 2+size])
		p := netip.PrefixFrom(a, int(b[1]))
		if p != p.Masked() {
			return nil, false
		}
		all, b = append(all, p), b[2+size:]
	}
	return all, true
}

// group is a group of rules as a view of its octets.
type group struct {
	place Place
	count int
	rules []byte // and what follows
}

// nextGroup takes the first group off a value; ok is false at its end, and when it is malformed.
func nextGroup(value []byte) (g group, rest []byte, ok bool) {
	if len(value) < groupHeader || value[1] == 0 {
		return group{}, nil, false
	}
	g = group{Place(value[0]), int(value[1]), value[groupHeader:]}
	rest = g.rules
	for range g.count {
		if _, rest, ok = nextRule(rest); !ok {
			return group{}, nil, false
		}
	}
	g.rules = g.rules[:len(g.rules)-len(rest)]
	return g, rest, true
}

func nextRule(b []byte) (r Rule, rest []byte, ok bool) {
	if len(b) < ruleHeader {
		return Rule{}, nil, false
	}
	r = Rule{What(b[0]), binary.BigEndian.Uint16(b[1:]), binary.BigEndian.Uint32(b[3:]), binary.BigEndian.Uint16(b[7:]), nil}
	end := ruleHeader + uint64(binary.BigEndian.Uint32(b[9:]))
	if end > uint64(len(b)) {
		return Rule{}, nil, false
	}
	r.RDatas = dns.RDatas(b[ruleHeader:end])
	return r, b[end:], true
}

// find returns the rule that says something of a kind; for marks and subtrees of whatever kind.
func (g *group) find(what What, kind uint16) (Rule, bool) {
	rest := g.rules
	for range g.count {
		var r Rule
		r, rest, _ = nextRule(rest)
		if r.What == what && (r.Kind == kind || what == Marked || what == Tree) {
			return r, true
		}
	}
	return Rule{}, false
}

// origin is the number of the origin of the first rule.
func (g *group) origin() uint16 { return binary.BigEndian.Uint16(g.rules[1:]) }

// ErrLayout is wrapped by every error about a pair that breaks the layout.
var ErrLayout = errors.New("rule database breaks its layout")

// check reports whether a pair of the database keeps the invariants.
func (m *Meta) check(space byte, name, value []byte) error {
	bad := func(what string) error { return fmt.Errorf("%w: key %q %q: %s", ErrLayout, space, name, what) }
	switch space {
	case MetaSpace:
		if len(name) != 0 {
			return bad("a name")
		}
		return nil // was parsed
	case NameSpace, ServerSpace:
		if !isName(name) {
			return bad("not a name in lower case")
		}
	case byte(ClientAddress), byte(AnswerAddress), byte(ServerAddress):
		if len(name) == 0 {
			if _, ok := parsePrefixes(value); !ok {
				return bad("malformed prefixes")
			}
			return nil
		}
		if all, ok := parsePrefixes(name); !ok || len(all) != 1 {
			return bad("malformed prefix")
		}
	default:
		return bad("unknown space")
	}
	if err := m.checkGroups(value); err != "" {
		return bad(err)
	}
	return nil
}

func (m *Meta) checkGroups(value []byte) string {
	for rest := value; ; {
		g, next, ok := nextGroup(rest)
		if !ok || g.place >= placeEnd {
			return "malformed group"
		}
		rules := g.rules
		for range g.count {
			var r Rule
			r, rules, _ = nextRule(rules)
			if !r.valid() {
				return "malformed rule"
			}
			if int(r.Origin) >= len(m.Origins) || m.Origins[r.Origin].List != m.Origins[g.origin()].List {
				return "unknown origin, or of another list"
			}
		}
		if rest = next; len(rest) == 0 {
			return ""
		}
	}
}

func (r *Rule) valid() bool {
	switch r.What {
	case Records:
		return len(r.RDatas) > 0 && r.RDatas.Valid()
	case Substitute:
		return r.RDatas.Count() == 1 && r.RDatas.Valid() && isName(r.RDatas.First())
	case Marked:
		return len(r.RDatas) == 0 && r.Kind > uint16(MarkNone) && r.Kind < uint16(markEnd)
	case Tree:
		return len(r.RDatas) == 0 && r.Kind > uint16(SubtreeNone) && r.Kind < uint16(subtreeEnd)
	}
	return false
}

// isName says whether b is a name in wire form and lower case.
func isName(b []byte) bool {
	if len(b) == 0 || len(b) > dns.MaxNameLength {
		return false
	}
	at := 0
	for at < len(b) && b[at] != 0 {
		if b[at] > dns.MaxLabelLength {
			return false
		}
		at += int(b[at]) + 1
	}
	return at == len(b)-1 && dns.Name(b).Lower() == dns.Name(b)
}
