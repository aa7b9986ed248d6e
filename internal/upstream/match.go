package upstream

import (
	"bytes"
	"encoding/binary"

	"knot-resolver/internal/dns"
)

// verdict is what a received packet is, judged by its header and question alone.
type verdict uint8

const (
	answers   verdict = iota // the question asked, to be parsed
	truncated                // answers it, but says it is incomplete
	otherCase                // answers it but for letter case, which was demanded
	bareError                // right id and an error, but no question
	foreign                  // wrong id or question: a guess, or a late answer to something else
	garbage                  // no response at all
)

// match judges a packet. What it lets through is still to be parsed as a whole.
func match(packet []byte, asked *question) verdict {
	if len(packet) < dns.HeaderLength {
		return garbage
	}
	if binary.BigEndian.Uint16(packet) != asked.id {
		return foreign
	}
	flags := dns.Flags(binary.BigEndian.Uint16(packet[2:]))
	if !flags.Has(dns.FlagQR) || flags.Opcode() != dns.OpcodeQuery {
		return garbage
	}
	switch binary.BigEndian.Uint16(packet[4:]) {
	case 1:
		return matchQuestion(packet[dns.HeaderLength:], flags, asked)
	case 0:
		if isFault(flags.RCode()) && len(packet) == dns.HeaderLength {
			return bareError
		}
	}
	return garbage
}

func matchQuestion(rest []byte, flags dns.Flags, asked *question) verdict {
	if len(rest) < len(asked.wire) {
		return garbage
	}
	got := rest[:len(asked.wire)]
	switch {
	case !bytes.Equal(got, asked.wire):
		if !equalFold(got, asked) {
			return foreign
		}
		if asked.exact {
			return otherCase
		}
	}
	if flags.Has(dns.FlagTC) {
		return truncated
	}
	return answers
}

// equalFold compares questions without regard to the case of letters in the name.
func equalFold(got []byte, asked *question) bool {
	for i, c := range got {
		a := asked.wire[i]
		if c != a && (i >= asked.length || lower(c) != lower(a)) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + ('a' - 'A')
	}
	return c
}

// isFault tells the response codes with which a server may refuse what it could not read.
func isFault(r dns.RCode) bool {
	return r == dns.RCodeFormErr || r == dns.RCodeServFail || r == dns.RCodeNotImp || r == dns.RCodeRefused
}

// newReply makes a reply of a matched packet, whose bytes are copied. The question gets
// the lower case it was asked in, so that no letter case reaches the caller.
func newReply(packet []byte, name dns.Name, v verdict) (*Reply, error) {
	raw := bytes.Clone(packet)
	if v != bareError {
		copy(raw[dns.HeaderLength:], name)
	}
	r := &Reply{Bare: v == bareError}
	if err := r.Msg.Parse(raw); err != nil {
		return nil, err
	}
	return r, nil
}
