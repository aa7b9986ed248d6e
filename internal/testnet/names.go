package testnet

import (
	"slices"

	"github.com/miekg/dns"
)

// Expectation is one documented name of the world and the answer that a
// validating resolver gives when it is asked with the DO bit.
type Expectation struct {
	Name  string
	Type  uint16
	RCode int
	AD    bool
	// EDE is the extended error (RFC 8914) to expect; 0 demands nothing.
	EDE uint16
	// Want are the beginnings of the RDATA texts of all records in the answer
	// section but RRSIGs, in any order. With none that section is empty.
	Want []string
	// Why names the feature that the name is there for.
	Why string
}

// Names is the table of all documented names, grouped by zone, root first.
func Names() []Expectation {
	var all []Expectation
	for _, spec := range world() {
		all = append(all, spec.expect...)
	}
	return all
}

// world is every zone, parents before children.
func world() []zoneSpec {
	return slices.Concat(tops(), secure(), signingKinds(), insecure(), broken(), aliases(), delegations(), servers())
}

func secureAnswer(name string, qtype uint16, why string, want ...string) Expectation {
	return Expectation{Name: name, Type: qtype, AD: true, Want: want, Why: why}
}

func insecureAnswer(name string, qtype uint16, why string, want ...string) Expectation {
	return Expectation{Name: name, Type: qtype, Want: want, Why: why}
}

func nxdomain(name string, ad bool, why string, aliases ...string) Expectation {
	return Expectation{Name: name, Type: dns.TypeA, RCode: dns.RcodeNameError, AD: ad, Want: aliases, Why: why}
}

// noData is an answer without records.
func noData(name string, qtype uint16, ad bool, why string) Expectation {
	return Expectation{Name: name, Type: qtype, AD: ad, Why: why}
}

func failure(name string, ede uint16, why string) Expectation {
	return Expectation{Name: name, Type: dns.TypeA, RCode: dns.RcodeServerFailure, EDE: ede, Why: why}
}
