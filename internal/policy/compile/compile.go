// Package compile turns configured rules into the pairs that package policy reads.
//
// Nothing is written before everything is known to be good, and then in key order. Configured rules
// replace the special-use names of the same name and type.
package compile

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/policy"
	"knot-resolver/internal/policy/ruledb"
)

// DefaultTTL is the TTL of configured rules without one, in seconds (resolver.md 6.2).
const DefaultTTL = 300

// Input is everything a generation is made of.
type Input struct {
	TTL       uint32 // of rules without their own, in seconds; 0 means DefaultTTL
	NoData    bool   // types a configured name has no records of are NODATA, not resolved
	Addresses []Address
}

// Address gives a name its addresses, and the addresses the name (PTR).
type Address struct {
	Name    string // presentation format
	Addrs   []netip.Addr
	TTL     uint32 // in seconds; 0 means Input.TTL
	Pointer string // the place in the configuration, for errors: a JSON pointer
}

// Error is a rule that cannot be compiled.
type Error struct {
	Pointer string // the place in the configuration
	Name    string // the name or address at fault
	Reason  string
}

// Error says where and why.
func (e *Error) Error() string { return fmt.Sprintf("%s: %q: %s", e.Pointer, e.Name, e.Reason) }

// Report tells what a compilation produced.
type Report struct {
	Records  int      // resource records, the special-use names' included
	Names    int      // names with records of their own
	Subtrees int      // subtree rules
	Warnings []string // what was left out, for the log
}

// Compile writes all rules of the input and the special-use names to the sink and commits it. All
// faults of the input are reported at once, each as an [*Error], and nothing is put then. The
// caller disposes of the sink when there is an error.
func Compile(in Input, sink ruledb.Sink) (Report, error) {
	b := newBuilder()
	var faults []error
	origin := b.origin("/local-data/addresses")
	for _, a := range in.Addresses {
		faults = append(faults, b.address(a, in, origin)...)
	}
	if len(faults) > 0 {
		return Report{}, errors.Join(faults...)
	}
	specialUse(b)
	if err := b.write(sink); err != nil {
		return Report{}, err
	}
	return b.report(), sink.Commit()
}

// Rules compiles the input in memory and opens the result, for a resolver without a loader.
func Rules(in Input) (*policy.Rules, Report, error) {
	db := new(ruledb.Memory)
	report, err := Compile(in, db)
	if err != nil {
		return nil, Report{}, err
	}
	rules, err := policy.Open(db)
	return rules, report, err
}

// address adds the records of one entry.
func (b *builder) address(a Address, in Input, origin uint16) (faults []error) {
	fault := func(name, reason string) { faults = append(faults, &Error{a.Pointer, name, reason}) }
	name, err := ruleName(a.Name)
	if err != nil {
		fault(a.Name, err.Error())
		return faults
	}
	h := policy.Header{Origin: origin, TTL: firstNonZero(a.TTL, in.TTL, DefaultTTL)}
	for _, ip := range a.Addrs {
		if !ip.IsValid() || ip.Zone() != "" {
			fault(ip.String(), "not a plain IP address")
			continue
		}
		t := dns.TypeA
		if ip.Is6() {
			t = dns.TypeAAAA
		}
		if !b.add(name, t, h, ip.AsSlice()) {
			fault(a.Name, fmt.Sprintf("too many records of type %v", t))
			return faults
		}
		reverse := ReverseName(ip)
		b.add(reverse, dns.TypePTR, h, []byte(name)) // all names of 0.0.0.0 need not fit: the report warns
		b.noData(reverse, h, in.NoData)
	}
	b.noData(name, h, in.NoData)
	return faults
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

func firstNonZero(list ...uint32) uint32 {
	i := slices.IndexFunc(list, func(v uint32) bool { return v != 0 })
	return list[i]
}
