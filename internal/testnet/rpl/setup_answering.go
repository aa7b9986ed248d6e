package rpl

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/dns64"
	"knot-resolver/internal/rebind"
	"knot-resolver/internal/renumber"
)

// answering is the part of a Setup about what is done to answers.
type answering struct {
	DNS64 *dns64.Options // makes AAAA records
	Never []netip.Prefix // servers that are not asked
	NAT64 netip.Prefix   // through which IPv4 servers are reached

	Workarounds bool // for zones known to be broken

	Renumber  renumber.Rules  // rewrite addresses in answers
	Rebinding *rebind.Options // keeps private addresses out of them
}

// synthesise switches DNS64 on. An address without length is a prefix of 96 bits.
func (up *answering) synthesise(prefix string) error {
	if !strings.Contains(prefix, "/") {
		prefix += "/96"
	}
	p, err := netip.ParsePrefix(prefix)
	up.DNS64 = &dns64.Options{Prefixes: []netip.Prefix{p}, Exclude: []netip.Prefix{dns64.Mapped()}, ReverseTTL: 60}
	return err
}

// synthesis is what the worker gets of it.
func (up *answering) synthesis() *dns64.Synthesis {
	if up.DNS64 == nil {
		return nil
	}
	return dns64.New(*up.DNS64)
}

// unboundDNS64 reads the options of the module dns64, if it is in use.
func (up *answering) unboundDNS64(s *Scenario) error {
	prefix, used := "64:ff9b::/96", false
	var ignored []dns.Name
	for _, o := range s.Options {
		switch o.Key {
		case "module-config":
			used = slices.Contains(strings.Fields(o.Value), "dns64")
		case "dns64-prefix":
			prefix = o.Value
		case "dns64-ignore-aaaa":
			name, err := dns.ParseName(o.Value)
			if err != nil {
				return fmt.Errorf("line %d: %s: %w", o.Line, o.Key, err)
			}
			ignored = append(ignored, name.Lower())
		}
	}
	if !used {
		return nil
	}
	err := up.synthesise(prefix)
	up.DNS64.Ignore = ignored
	return err
}

// unboundAnswering reads one option of the clause `server`; mine says that it is one of these.
func (up *answering) unboundAnswering(o Option) (mine bool, err error) {
	switch o.Key {
	case "dns64-prefix", "dns64-ignore-aaaa": // read by unboundDNS64
	case "do-not-query-address":
		var never netip.Prefix
		never, err = netip.ParsePrefix(o.Value)
		up.Never = append(up.Never, never)
	case "private-address":
		var private netip.Prefix
		private, err = netip.ParsePrefix(o.Value)
		up.rebinding().Private = append(up.rebinding().Private, private)
	case "private-domain":
		var name dns.Name
		name, err = dns.ParseName(o.Value)
		up.rebinding().Names = append(up.rebinding().Names, name.Lower())
	case "do-nat64":
		if isTrue(o.Value) && !up.NAT64.IsValid() {
			up.NAT64 = dns64.WellKnown()
		}
	case "nat64-prefix":
		up.NAT64, err = netip.ParsePrefix(o.Value)
	default:
		return false, nil
	}
	return true, err
}

// rebinding is the protection of Unbound: it has no ranges of its own, and leaves addresses out.
func (up *answering) rebinding() *rebind.Options {
	if up.Rebinding == nil {
		up.Rebinding = &rebind.Options{Private: []netip.Prefix{}, Strip: true}
	}
	return up.Rebinding
}

// guard is what the engine gets of it.
func (up *answering) guard() *rebind.Guard {
	if up.Rebinding == nil {
		return nil
	}
	return rebind.New(*up.Rebinding)
}
