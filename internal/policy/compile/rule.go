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
	header policy.Header
}

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
	s := source{Rule: r, header: policy.Header{Origin: b.ruleOrigin(r), TTL: r.TTL}}
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

// ruleOrigin makes the origin of a rule. Addresses come first and share one.
func (b *builder) ruleOrigin(r Rule) uint16 {
	text, code := r.Pointer, dns.NoEDE
	if r.origin != "" {
		text = r.origin
	}
	if r.Subtree == policy.SubtreeNXDomain {
		code = dns.EDEFiltered
	}
	o := policy.Origin{Text: text, EDE: code}
	if last := len(b.origins) - 1; last >= 0 && b.origins[last] == o {
		return uint16(last)
	}
	return b.origin(text, code)
}

// name adds a name with its addresses and what happens below it.
func (b *builder) name(s source, text string) (faults []error) {
	name, err := ruleName(text)
	if err != nil {
		return []error{&Error{Pointer: s.Pointer, Name: text, Reason: err.Error()}}
	}
	if s.Subtree != policy.SubtreeNone {
		b.subtree(name, s.Subtree, s.header, 0)
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
	n := b.node(name, 0)
	if b.add(n, t, s.header, ip.AsSlice()) != nil {
		return &Error{Name: name.String(), Reason: fmt.Sprintf("more than %d records of type %v", limits.RRsetRecords, t)}
	}
	if s.Subtree == policy.SubtreeNone { // a subtree rule knows what its apex has
		n.noData(s.header, s.NoData)
	}
	if reverse {
		n := b.node(ReverseName(ip), 0)
		b.add(n, dns.TypePTR, s.header, []byte(name)) // all names of 0.0.0.0 need not fit: the report warns
		n.noData(s.header, s.NoData)
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
