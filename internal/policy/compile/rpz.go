package compile

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/policy"
)

// rpz adds the rules of a response policy zone (draft-vixie-dnsop-dns-rpz): those whose trigger is
// the name asked. A rule for a name is about that name alone; a rule for a wildcard is about
// everything below. Within a zone the closest rule counts, among zones the first that has one.
func (b *builder) rpz(z RPZ, in Input, l layer) error {
	f, err := os.Open(z.File)
	if err != nil {
		return &Error{Pointer: z.Pointer, File: z.File, Reason: plainReason(err)}
	}
	defer f.Close()
	return b.zone(f, z, in, l)
}

// zone adds the rules in the text of a zone.
func (b *builder) zone(r io.Reader, z RPZ, in Input, l layer) error {
	text := bufio.NewReaderSize(r, 1<<16)
	p := &policyZone{
		b: b, layer: l, noData: in.NoData,
		apex: originOf(text),
		file: newZoneFile(text, z.File, in.ttl(0)),
		skip: skipped{}, origin: b.origin(z.Pointer, dns.EDEBlocked),
	}
	if fault := p.read(); fault != nil {
		fault.Pointer = z.Pointer
		return fault
	}
	// Clients see this text, so it does not tell where files are.
	b.origins[p.origin].Text = "response policy zone " + p.apex.String() + " (" + filepath.Base(z.File) + ")"
	p.skip.warn(b, z.File)
	return nil
}

// originOf returns the origin in force at the first record of a zone file, the root by default.
func originOf(text *bufio.Reader) dns.Name {
	head, _ := text.Peek(1 << 12)
	origin := dns.Root
	for line := range bytes.Lines(head) {
		fields := strings.Fields(string(line))
		switch {
		case len(fields) == 0 || fields[0][0] == ';':
		case fields[0][0] != '$':
			return origin
		case strings.EqualFold(fields[0], "$ORIGIN") && len(fields) > 1:
			if name, err := ruleName(fields[1]); err == nil {
				origin = name
			}
		}
	}
	return origin
}

// policyZone is a response policy zone being read.
type policyZone struct {
	b      *builder
	file   *zoneFile
	layer  layer
	apex   dns.Name
	soa    bool // was read
	rules  bool // so was a rule
	noData bool
	origin uint16
	skip   skipped
}

func (p *policyZone) read() *Error {
	for {
		rec, ok, fault := p.file.next()
		if fault != nil || !ok {
			return fault
		}
		if rec.typ == dns.TypeSOA {
			if fault := p.start(rec); fault != nil {
				return fault
			}
			continue
		}
		p.rules = true
		if rec.typ == dns.TypeNS || rec.owner == p.apex || p.skip.unusable(rec) {
			continue
		}
		if !rec.owner.Below(p.apex) {
			p.skip["they are outside of the zone"]++
			continue
		}
		owner := rec.owner[:len(rec.owner)-len(p.apex)] + dns.Root
		if p.skip.trigger(owner) {
			continue
		}
		if fault := p.rule(owner, rec); fault != nil {
			return fault
		}
	}
}

// start takes the apex from the SOA record. What was read before it must have been of the same zone.
func (p *policyZone) start(rec record) *Error {
	if (p.soa || p.rules) && rec.owner != p.apex {
		return p.file.fault(rec.owner.String(), "SOA record of another zone than "+p.apex.String())
	}
	p.apex, p.soa = rec.owner, true
	return nil
}

// rule adds one rule.
func (p *policyZone) rule(owner dns.Name, rec record) *Error {
	mark, reason := p.action(owner, rec)
	if reason != "" {
		p.skip[reason]++
		return nil
	}
	n := p.claim(owner)
	if n == nil {
		p.skip["rules before them decide about their names"]++
		return nil
	}
	h := policy.Header{Origin: p.origin, TTL: rec.ttl}
	if mark != policy.MarkNone {
		return p.mark(n, owner, h, mark)
	}
	if len(n.sets) == 0 && n.mark != policy.MarkNone {
		return p.file.fault(owner.String(), "records beside an action")
	}
	if err := p.b.add(n, rec.typ, h, rec.rdata); err != nil {
		return p.file.fault(owner.String(), err.Error())
	}
	n.noData(h, p.noData)
	return nil
}

// mark gives a name the action of its CNAME record.
func (p *policyZone) mark(n *node, owner dns.Name, h policy.Header, mark policy.Mark) *Error {
	if len(n.sets) > 0 || n.mark != policy.MarkNone && n.mark != mark {
		return p.file.fault(owner.String(), "another action or records for the same name")
	}
	n.mark, n.header = mark, h
	p.b.drops = p.b.drops || mark == policy.MarkDrop
	return nil
}

// action reads what a record asks for: a mark, or MarkNone for local data. reason says why it cannot
// be had.
func (p *policyZone) action(owner dns.Name, rec record) (m policy.Mark, reason string) {
	if rec.typ != dns.TypeCNAME {
		return policy.MarkNone, ""
	}
	target := dns.Name(rec.rdata).Lower()
	switch first := target.FirstLabel(); {
	case target == dns.Root:
		return policy.MarkNXDomain, ""
	case target == "\x01*\x00":
		return policy.MarkNoData, ""
	case target == owner || target == "\x0crpz-passthru\x00":
		return policy.MarkPass, ""
	case target == "\x08rpz-drop\x00":
		return policy.MarkDrop, ""
	case target.Labels() == 1 && strings.HasPrefix(first, "rpz-"):
		return 0, "the action " + first + " is not supported yet"
	case target.IsWildcard():
		return 0, "CNAME to a wildcard is not supported yet"
	}
	return policy.MarkNone, ""
}

// claim returns the node of an owner, nil when rules of a lower layer decide about it.
func (p *policyZone) claim(owner dns.Name) *node {
	n := p.b.names[owner]
	if n != nil {
		if n.layer != p.layer {
			return nil
		}
		return n
	}
	above := owner
	if owner.IsWildcard() {
		above = owner.Parent()
	}
	if s, ok := p.b.subtrees[above]; ok && s.kind != policy.SubtreeNone {
		return nil
	}
	if p.covered(owner) {
		return nil
	}
	if owner.IsWildcard() {
		s := p.b.subtrees[above]
		s.wildcard, s.wild = true, p.layer
		if s.kind == policy.SubtreeNone {
			s.header = policy.Header{Origin: p.origin}
		}
		p.b.subtrees[above] = s
	}
	return p.b.node(owner, p.layer)
}

// covered says whether a wildcard of a zone before this one covers the owner.
func (p *policyZone) covered(owner dns.Name) bool {
	if p.layer == 1 {
		return false
	}
	for name := owner; name != dns.Root; {
		name = name.Parent()
		if s, ok := p.b.subtrees[name]; ok && s.wildcard && s.wild < p.layer {
			return true
		}
	}
	return false
}
