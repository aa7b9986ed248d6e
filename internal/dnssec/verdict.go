package dnssec

import (
	"fmt"

	"knot-resolver/internal/dns"
)

// State is the outcome of validation (RFC 4035 section 4.3).
type State uint8

// States. The zero value means that nothing has been checked.
const (
	Indeterminate State = iota
	Insecure            // proven or decided to be outside of DNSSEC: usable, never with AD
	Secure              // authentic
	Bogus               // must not be used
)

func (s State) String() string {
	switch s {
	case Insecure:
		return "insecure"
	case Secure:
		return "secure"
	case Bogus:
		return "bogus"
	}
	return "indeterminate"
}

// Verdict is the outcome of one validation step with its explanation.
type Verdict struct {
	State  State
	EDE    dns.EDECode // dns.NoEDE when there is nothing to tell
	Reason string      // why it is not secure, in words; may be empty when Secure
}

func secure() Verdict { return Verdict{State: Secure, EDE: dns.NoEDE} }

func insecure(code dns.EDECode, format string, args ...any) Verdict {
	return Verdict{Insecure, code, fmt.Sprintf(format, args...)}
}

func bogus(code dns.EDECode, format string, args ...any) Verdict {
	return Verdict{Bogus, code, fmt.Sprintf(format, args...)}
}

// overBudget is the verdict when work had to stop.
func overBudget(what any, err error) Verdict {
	return bogus(dns.EDEBogus, "validation of %v stopped: %v", what, err)
}

// specific says whether an EDE code names one definite fault; only these say more than "bogus".
func specific(code dns.EDECode) bool {
	switch code {
	case dns.EDESignatureExpired, dns.EDESignatureNotYetValid, dns.EDEExpiredBeforeValid,
		dns.EDEDNSKEYMissing, dns.EDERRSIGsMissing, dns.EDENoZoneKeyBit, dns.EDENSECMissing:
		return true
	}
	return false
}

// worse keeps the more telling of two failures: the first one, unless only the second names a definite fault.
func worse(first, second Verdict) Verdict {
	if first.State != Bogus || second.State == Bogus && specific(second.EDE) && !specific(first.EDE) {
		return second
	}
	return first
}
