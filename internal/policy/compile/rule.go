package compile

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/limits"
	"knot-resolver/internal/policy"
)

// originAddresses is the origin that all entries of Input.Addresses share.
const originAddresses = "/local-data/addresses"

// source is a rule ready to be added.
type source struct {
	Rule
	origin uint16
}

// at is where the rule's words about a name stand.
func (s *source) at(name dns.Name) spot { return spot{string(name), policy.At, s.origin} }

// rules returns all local data in order, TTLs filled in.
func (in *Input) rules() []Rule {
	all := make([]Rule, 0, len(in.Addresses)+len(in.Rules))
	for _, a := range in.Addresses {
		all = append(all, Rule{Names: []string{a.Name}, Addrs: a.Addrs, TTL: a.TTL, NoData: in.NoData, Pointer: a.Pointer, origin: originAddresses})
	}
	all = append(all, in.Rules...)
	for i := range all {
		all[i].TTL = in.ttl(all[i].TTL)
	}
	return all
}

// rule adds one rule.
func (b *builder) rule(r Rule) (faults []error) {
	tags, err := b.tags(r.Tags)
	if err != nil {
		return []error{&Error{Pointer: r.Pointer, Reason: err.Error()}}
	}
	s := source{Rule: r, origin: b.origin(r.from(tags))}
	for _, text := range r.Names {
		faults = append(faults, b.name(s, text)...)
	}
	for _, file := range r.Files {
		faults = append(faults, b.hostsFile(s, file)...)
	}
	if err := b.records(s); err != nil {
		faults = append(faults, err)
	}
	return faults
}

// from is the origin of a rule. Addresses come first and share one.
func (r *Rule) from(tags policy.Tags) policy.Origin {
	o := policy.Origin{Text: r.Pointer, Tags: tags, EDE: dns.NoEDE, Hint: r.Records == "" && r.Subtree == policy.SubtreeNone}
	if r.origin != "" {
		o.Text = r.origin
	}
	switch r.Subtree {
	case policy.SubtreeNXDomain:
		o.EDE = dns.EDEFiltered
	case policy.SubtreeRefused:
		o.EDE = dns.EDEProhibited
	}
	return o
}

// name adds a name with its addresses and what happens below it.
func (b *builder) name(s source, text string) (faults []error) {
	name, err := ruleName(text)
	if err != nil {
		return []error{&Error{Pointer: s.Pointer, Name: text, Reason: err.Error()}}
	}
	if s.Subtree != policy.SubtreeNone {
		b.subtree(s.at(name), s.Subtree, s.TTL)
	}
	for _, ip := range s.Addrs {
		if err := b.address(s, name, ip, s.Subtree == policy.SubtreeNone); err != nil {
			err.Pointer = s.Pointer
			faults = append(faults, err)
		}
	}
	return faults
}

// address gives a name an address and, if wanted, the address the name.
func (b *builder) address(s source, name dns.Name, ip netip.Addr, reverse bool) *Error {
	if !ip.IsValid() || ip.Zone() != "" {
		return &Error{Name: ip.String(), Reason: "not a plain IP address"}
	}
	t := dns.TypeA
	if ip.Is6() {
		t = dns.TypeAAAA
	}
	if b.record(b.names, s.at(name), t, s.TTL, ip.AsSlice()) != nil {
		return &Error{Name: name.String(), Reason: fmt.Sprintf("more than %d records of type %v", limits.RRsetRecords, t)}
	}
	if s.NoData && s.Subtree == policy.SubtreeNone { // a subtree rule knows what its apex has
		b.noData(b.names, s.at(name), s.TTL)
	}
	if reverse {
		at := s.at(dns.ReverseName(ip))
		b.record(b.names, at, dns.TypePTR, s.TTL, []byte(name)) // all names of 0.0.0.0 need not fit: the report warns
		if s.NoData {
			b.noData(b.names, at, s.TTL)
		}
	}
	return nil
}

// ruleName reads the name of a rule: in lower case and, as the original demands, without zero octets.
func ruleName(text string) (dns.Name, error) {
	name, err := dns.ParseName(text)
	if err != nil {
		return "", err
	}
	if strings.ContainsRune(string(name[:len(name)-1]), 0) {
		return "", errors.New("name contains a zero octet")
	}
	return name.Lower(), nil
}
