package testnet

import (
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// Check compares a resolver's answer, asked for with the DO bit, with the
// expected RCODE, AD bit and records. The error tells the first difference.
func (e Expectation) Check(m *dns.Msg) error {
	if m.Rcode != e.RCode {
		return e.differs("rcode", dns.RcodeToString[m.Rcode], dns.RcodeToString[e.RCode])
	}
	if m.AuthenticatedData != e.AD {
		return e.differs("AD", m.AuthenticatedData, e.AD)
	}
	if e.RCode == dns.RcodeServerFailure {
		return nil // how much of a chain goes with a failure is the resolver's choice
	}
	var got []string
	for _, rr := range m.Answer {
		if rr.Header().Rrtype != dns.TypeRRSIG {
			got = append(got, strings.TrimPrefix(rr.String(), rr.Header().String()))
		}
	}
	for _, want := range e.Want {
		isWanted := func(rdata string) bool { return strings.HasPrefix(rdata, want) }
		if !slices.ContainsFunc(got, isWanted) {
			return e.differs("answer", got, e.Want)
		}
	}
	if len(got) != len(e.Want) {
		return e.differs("answer", got, e.Want)
	}
	return nil
}

// CheckEDE compares the extended error of the answer with the expected one, if
// there is one. It is apart from Check because good resolvers choose
// differently where several codes fit.
func (e Expectation) CheckEDE(m *dns.Msg) error {
	got := ExtendedErrors(m)
	if e.EDE == 0 || slices.Contains(got, e.EDE) {
		return nil
	}
	return e.differs("EDE", got, e.EDE)
}

// ExtendedErrors are the codes of all extended errors of a message.
func ExtendedErrors(m *dns.Msg) []uint16 {
	var codes []uint16
	if opt := m.IsEdns0(); opt != nil {
		for _, o := range opt.Option {
			if ede, ok := o.(*dns.EDNS0_EDE); ok {
				codes = append(codes, ede.InfoCode)
			}
		}
	}
	return codes
}

func (e Expectation) differs(what string, got, want any) error {
	return fmt.Errorf("%s %s (%s): %s is %v, want %v", e.Name, dns.TypeToString[e.Type], e.Why, what, got, want)
}
