package compile

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/limits"
	"knot-resolver/internal/policy"
)

// rpz adds the rules of a response policy zone (draft-ietf-dnsop-dns-rpz). A rule for a name is about that
// name alone; a rule for a wildcard is about everything below.
func (b *builder) rpz(z RPZ, in Input, list int) []error {
	if z.Text != "" {
		return b.zone(strings.NewReader(z.Text), z, in, list)
	}
	f, err := openRegular(z.File)
	if z.Absent && errors.Is(err, fs.ErrNotExist) {
		b.warn("%s: there is no copy of the zone yet, it has no rules until then", z.Pointer)
		return b.zone(strings.NewReader(""), z, in, list) // it keeps its place among the lists
	}
	if err != nil {
		return []error{&Error{Pointer: z.Pointer, File: z.File, Reason: plainReason(err)}}
	}
	defer f.Close()
	return b.zone(f, z, in, list)
}

// zone adds the rules in the text of a zone.
func (b *builder) zone(r io.Reader, z RPZ, in Input, list int) []error {
	tags, err := b.tags(z.Tags)
	if err != nil {
		return []error{&Error{Pointer: z.Pointer, Reason: err.Error()}}
	}
	text := bufio.NewReaderSize(r, 1<<16)
	p := &policyZone{b: b, RPZ: z, apex: originOf(text), noData: in.NoData, skip: skipped{}}
	p.file = newZoneFile(text, z.File, in.ttl(0))
	b.meta.Lists = append(b.meta.Lists, policy.List{DryRun: z.DryRun, LogIP: z.LogIP, LogQ: z.LogName})
	p.list = &b.meta.Lists[list-1]
	if z.Override.CNAME != "" {
		if p.target, err = ruleName(z.Override.CNAME); err != nil {
			return []error{&Error{Pointer: z.Pointer, Name: z.Override.CNAME, Reason: err.Error()}}
		}
	}
	b.meta.Origins = append(b.meta.Origins, policy.Origin{Text: z.Pointer, Tags: tags, List: list, EDE: z.EDE})
	p.origin = uint16(len(b.meta.Origins) - 1)
	if faults := p.read(); len(faults) > 0 {
		return faults
	}
	// Clients see this text, so it does not tell where files are.
	b.meta.Origins[p.origin].Text = "response policy zone " + p.apex.String() + " (" + filepath.Base(z.File) + ")"
	p.list.Name = b.listName(p.apex, z.File, list)
	p.skip.warn(b, z.File)
	return nil
}

// listName is the name of a zone in statistics: its apex or, when it has none, its file, and its number if others are called so, too.
func (b *builder) listName(apex dns.Name, file string, list int) string {
	name := strings.TrimSuffix(apex.String(), ".")
	if name == "" {
		name = filepath.Base(file)
	}
	for i := range b.meta.Lists[:list-1] {
		if b.meta.Lists[i].Name == name {
			return name + "#" + strconv.Itoa(list)
		}
	}
	return name
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
	RPZ
	b      *builder
	file   *zoneFile
	list   *policy.List
	apex   dns.Name
	soa    bool // was read
	rules  bool // so was a rule
	noData bool
	target dns.Name // of the override
	origin uint16
	skip   skipped
	faults []error // bad records, the first ones
}

// read adds everything. A bad record is skipped; in a strict zone, and when the zone as a whole makes no sense, that is an error.
func (p *policyZone) read() []error {
	for {
		rec, ok, fault := p.file.next()
		if ok {
			if rec.typ == dns.TypeSOA {
				if fault := p.start(rec); fault != nil {
					return []error{p.placed(fault)}
				}
				continue
			}
			fault = p.record(rec)
		}
		if fault != nil {
			p.bad(fault)
		}
		if !ok && (fault == nil || !p.file.resume(fault)) {
			break
		}
	}
	if p.Strict {
		return p.faults
	}
	for _, fault := range p.faults {
		p.b.warn("%v", fault)
	}
	if more := p.list.Bad - len(p.faults); more > 0 {
		p.b.warn("%s: %d more bad records", p.File, more)
	}
	return nil
}

func (p *policyZone) placed(fault *Error) error {
	fault.Pointer = p.Pointer
	return fault
}

// bad counts a bad record, and tells the first ones.
func (p *policyZone) bad(fault *Error) {
	if p.list.Bad++; p.list.Bad <= limits.PolicyZoneFaults {
		p.faults = append(p.faults, p.placed(fault))
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

// record adds the rule of a record, if it is one.
func (p *policyZone) record(rec record) *Error {
	p.rules = true
	if rec.typ == dns.TypeNS || rec.owner == p.apex || p.skip.unusable(rec) {
		return nil
	}
	if !rec.owner.Below(p.apex) {
		p.skip["they are outside of the zone"]++
		return nil
	}
	owner := rec.owner[:len(rec.owner)-len(p.apex)] + dns.Root
	all, at, err := p.spot(owner)
	if err == nil {
		err = p.rule(all, at, owner, rec)
	}
	if err != nil {
		return p.file.fault(owner.String(), err.Error())
	}
	p.list.Rules++
	return nil
}

// spot says what the owner of a rule is about.
func (p *policyZone) spot(owner dns.Name) (nodes, spot, error) {
	at := spot{origin: p.origin}
	last := owner.Suffix(1).FirstLabel()
	name := owner[:len(owner)-len(owner.Suffix(1))] + dns.Root
	addresses := policy.ClientAddress
	switch last {
	case "rpz-client-ip":
	case "rpz-ip":
		addresses, p.list.Response = policy.AnswerAddress, true
	case "rpz-nsip":
		addresses, p.list.Servers = policy.ServerAddress, true
	case "rpz-nsdname":
		p.list.Servers = true
		at.name(name)
		return p.b.servers, at, nil
	default:
		at.name(owner)
		return p.b.names, at, nil
	}
	prefix, err := parsePrefix(name)
	at.key = prefixKey(prefix)
	return p.b.addresses[addresses], at, err
}

// name is where rules for a name, or for what is below it, stand.
func (s *spot) name(owner dns.Name) {
	s.key = string(owner)
	if owner.IsWildcard() {
		s.key, s.place = string(owner.Parent()), policy.Under
	}
}

// rule adds what a record says.
func (p *policyZone) rule(all nodes, at spot, owner dns.Name, rec record) error {
	mark, suffix := p.action(owner, rec)
	old, records := p.b.find(all[at.key], at, policy.Marked, 0), p.anyRecords(all[at.key], at)
	switch {
	case mark != policy.MarkNone:
		if records || old != nil && old.Kind != uint16(mark) {
			return errAction
		}
		if old == nil {
			all.put(at, policy.Rule{What: policy.Marked, TTL: rec.ttl, Kind: uint16(mark)})
		}
		return nil
	case old != nil && !records:
		return errRecords
	case suffix != "":
		if records {
			return errAction
		}
		all.put(at, policy.Rule{What: policy.Substitute, TTL: rec.ttl, Kind: uint16(dns.TypeCNAME), RDatas: dns.RDatas(nil).Append([]byte(suffix))})
		return nil
	case p.target != "" && records:
		return nil // all records of the name lead there already
	}
	t, rdata := rec.typ, rec.rdata
	if p.target != "" {
		t, rdata = dns.TypeCNAME, []byte(p.target)
	}
	if err := p.b.record(all, at, t, rec.ttl, rdata); err != nil {
		return err
	}
	if p.noData {
		p.b.noData(all, at, rec.ttl)
	}
	return nil
}

var (
	errAction  = errors.New("another action or records for the same name")
	errRecords = errors.New("records beside an action")
)

// anyRecords says whether the zone has records at a place already.
func (p *policyZone) anyRecords(n []item, at spot) bool {
	for i := range n {
		if x := &n[i]; x.Origin == p.origin && x.place == at.place && (x.What == policy.Records || x.What == policy.Substitute) {
			return true
		}
	}
	return false
}

// action reads what a record asks for: a mark; or a suffix for the name asked; or local data, when there is neither.
func (p *policyZone) action(owner dns.Name, rec record) (m policy.Mark, suffix dns.Name) {
	if p.Override.Mark != policy.MarkNone || p.target != "" {
		return p.Override.Mark, ""
	}
	if rec.typ != dns.TypeCNAME {
		return policy.MarkNone, ""
	}
	target := dns.Name(rec.rdata).Lower()
	switch target {
	case dns.Root:
		return policy.MarkNXDomain, ""
	case "\x01*\x00":
		return policy.MarkNoData, ""
	case owner, "\x0crpz-passthru\x00":
		return policy.MarkPass, ""
	case "\x08rpz-drop\x00":
		return policy.MarkDrop, ""
	case "\x0crpz-tcp-only\x00":
		return policy.MarkTCP, ""
	}
	if target.IsWildcard() {
		return policy.MarkNone, target.Parent()
	}
	return policy.MarkNone, ""
}
