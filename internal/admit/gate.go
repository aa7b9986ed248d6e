// Package admit decides whether a client's message is worked on at all.
//
// The decisions are pure: bytes or a parsed message in, [Verdict] out. They come in two steps
// because the first, [Header], is what keeps everything after it from touching a hostile message.
package admit

import (
	"encoding/binary"

	"knot-resolver/internal/dns"
)

// Action is what to do with a message.
type Action uint8

// The actions.
const (
	Continue Action = iota // go on with it
	Drop                   // say nothing
	Answer                 // answer at once, with the RCode and EDE of the verdict
	Truncate               // answer at once that the client should come over TCP
)

// Verdict is a decision about one message. The zero value lets it pass.
type Verdict struct {
	Action Action
	RCode  dns.RCode   // for Answer
	EDE    dns.EDECode // for Answer, when Text is not empty
	Text   string      // the EDE's text: an identifier and an explanation
}

// OK reports whether the message goes on.
func (v Verdict) OK() bool { return v.Action == Continue }

// Sizes and counts of a query (security.md PX-02).
const (
	minimum = dns.HeaderLength // a message without even a header has no id to answer to
	// additionals is OPT plus one TSIG or SIG(0) record.
	additionals = 2
)

// Header judges a message by its first 12 bytes, before anything is parsed. Responses are dropped:
// answering them would let two servers talk to each other forever.
func Header(raw []byte) Verdict {
	if len(raw) < minimum {
		return Verdict{Action: Drop}
	}
	flags := dns.Flags(binary.BigEndian.Uint16(raw[2:]))
	if flags.Has(dns.FlagQR) {
		return Verdict{Action: Drop}
	}
	if flags.Opcode() != dns.OpcodeQuery {
		return Verdict{Answer, dns.RCodeNotImp, dns.EDENotSupported, "57CK: opcode not supported"}
	}
	count := func(i int) uint16 { return binary.BigEndian.Uint16(raw[4+2*i:]) }
	if count(0) != 1 || count(1) != 0 || count(2) != 0 || count(3) > additionals {
		return Verdict{Action: Answer, RCode: dns.RCodeFormErr}
	}
	return Verdict{}
}

// Rules are the options of the second step.
type Rules struct {
	RefuseNoRD bool // refuse queries that do not ask for recursion
}

// Message judges a parsed message that passed [Header].
func (r Rules) Message(m *dns.Message) Verdict {
	if r.RefuseNoRD && !m.Flags().Has(dns.FlagRD) {
		return Verdict{Answer, dns.RCodeRefused, dns.EDENotAuthoritative, "ABC4: recursion not desired"}
	}
	if m.HasEDNS && m.EDNS.Version > 0 {
		return Verdict{Action: Answer, RCode: dns.RCodeBadVers}
	}
	return question(m.Question)
}

func question(q dns.Question) Verdict {
	switch {
	case q.Class != dns.ClassIN:
		return Verdict{Answer, dns.RCodeNotImp, dns.EDENotSupported, "57CK: class not supported"}
	case q.Type.IsMeta() || q.Type == dns.TypeSIG:
		return Verdict{Answer, dns.RCodeNotImp, dns.EDENotSupported, "57CK: query type not supported"}
	}
	return Verdict{}
}
