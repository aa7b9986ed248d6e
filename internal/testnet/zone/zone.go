package zone

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// Denial is how a signed zone proves what it does not have.
type Denial int

// The kinds of denial.
const (
	NSEC        Denial = iota // RFC 4034 section 4
	NSEC3                     // RFC 5155
	NSEC3OptOut               // RFC 5155 section 6: insecure delegations are left out of the chain
)

// Config describes a zone.
type Config struct {
	Origin string // absolute and lower case
	// Text is the zone in zone-file format, relative to Origin, with a default
	// TTL of one hour. It must have the SOA.
	Text string
	// Foreign are zone-file lines of names that do not belong into the zone but
	// are handed out as addresses of its delegations: misconfigured or
	// malicious glue.
	Foreign string
	// Extra are records besides those of Text: delegations, glue, DS.
	Extra []dns.RR
	// Keys sign the zone; without any the zone is unsigned. KSKs sign the DNSKEY
	// set and ZSKs everything else; if one kind is missing the other does both.
	Keys   []*Key
	Denial Denial
	// Iterations are the extra NSEC3 hash iterations.
	Iterations uint16
	// Inception and Expiration bound the validity of all signatures.
	Inception, Expiration time.Time
}

// Zone is a zone ready to be served. It is safe for concurrent use as long as
// nobody breaks it any more.
type Zone struct {
	cfg     Config
	nodes   map[string]*node // every existing name, with empty non-terminals and glue
	foreign map[string][]dns.RR
	denial  denial // nil: unsigned or dropped
}

// node is everything at one name.
type node struct {
	sets map[uint16][]dns.RR
	sigs map[uint16][]dns.RR // by type covered
	glue bool                // below a zone cut
}

// New builds, signs and chains a zone.
func New(cfg Config) (*Zone, error) {
	z := &Zone{cfg: cfg, nodes: map[string]*node{}, foreign: map[string][]dns.RR{}}
	if err := z.load(); err != nil {
		return nil, fmt.Errorf("zone %s: %w", cfg.Origin, err)
	}
	if z.soa() == nil {
		return nil, fmt.Errorf("zone %s: no SOA", cfg.Origin)
	}
	z.addEmptyNonTerminals()
	z.markGlue()
	if len(cfg.Keys) > 0 {
		z.sign()
	}
	return z, nil
}

// Origin is the apex of the zone.
func (z *Zone) Origin() string { return z.cfg.Origin }

// Keys are the keys that sign the zone.
func (z *Zone) Keys() []*Key { return z.cfg.Keys }

// Names are all names with authoritative data or below which there is some,
// in canonical order.
func (z *Zone) Names() []string {
	var names []string
	for name, n := range z.nodes {
		if !n.glue {
			names = append(names, name)
		}
	}
	sortNames(names)
	return names
}

func (z *Zone) load() error {
	records, err := parseText(z.cfg.Text, z.cfg.Origin)
	if err != nil {
		return err
	}
	for _, rr := range slices.Concat(records, z.cfg.Extra) {
		if !dns.IsSubDomain(z.cfg.Origin, rr.Header().Name) {
			return fmt.Errorf("%s is outside", rr.Header().Name)
		}
		z.add(rr)
	}
	for _, k := range z.cfg.Keys {
		z.add(k.Public)
	}
	foreign, err := parseText(z.cfg.Foreign, z.cfg.Origin)
	for _, rr := range foreign {
		name := rr.Header().Name
		z.foreign[name] = append(z.foreign[name], rr)
	}
	return err
}

func parseText(text, origin string) ([]dns.RR, error) {
	p := dns.NewZoneParser(strings.NewReader(text), origin, "")
	p.SetDefaultTTL(3600)
	var records []dns.RR
	for rr, ok := p.Next(); ok; rr, ok = p.Next() {
		rr.Header().Name = dns.CanonicalName(rr.Header().Name)
		records = append(records, rr)
	}
	return records, p.Err()
}

func (z *Zone) add(rr dns.RR) {
	h := rr.Header()
	n := z.node(h.Name)
	isSame := func(other dns.RR) bool { return dns.IsDuplicate(rr, other) }
	if !slices.ContainsFunc(n.sets[h.Rrtype], isSame) {
		n.sets[h.Rrtype] = append(n.sets[h.Rrtype], rr)
	}
}

// node is the node of a name, made if there is none.
func (z *Zone) node(name string) *node {
	n := z.nodes[name]
	if n == nil {
		n = &node{sets: map[uint16][]dns.RR{}, sigs: map[uint16][]dns.RR{}}
		z.nodes[name] = n
	}
	return n
}

func (z *Zone) addEmptyNonTerminals() {
	for _, name := range z.Names() {
		for name != z.cfg.Origin {
			name = parent(name)
			z.node(name)
		}
	}
}

func (z *Zone) markGlue() {
	for name, n := range z.nodes {
		cut := z.cutAt(name, dns.TypeNone)
		n.glue = cut != "" && cut != name
	}
}

// cutAt is the highest delegation point at or above name, or "". The DS set
// belongs to the parent, so a question for it does not cross its own cut.
func (z *Zone) cutAt(name string, qtype uint16) string {
	cut := ""
	for ; name != z.cfg.Origin; name, qtype = parent(name), dns.TypeNone {
		if n := z.nodes[name]; n != nil && n.isCut() && qtype != dns.TypeDS {
			cut = name
		}
	}
	return cut
}

// isCut tells whether a node that is not the apex is a delegation.
func (n *node) isCut() bool {
	return len(n.sets[dns.TypeNS]) > 0 && len(n.sets[dns.TypeSOA]) == 0
}

func (z *Zone) soa() *dns.SOA {
	n := z.nodes[z.cfg.Origin]
	if n == nil || len(n.sets[dns.TypeSOA]) == 0 {
		return nil
	}
	return n.sets[dns.TypeSOA][0].(*dns.SOA)
}

// negativeTTL is the TTL of denials (RFC 9077 section 3).
func (z *Zone) negativeTTL() uint32 {
	soa := z.soa()
	return min(soa.Minttl, soa.Hdr.Ttl)
}
