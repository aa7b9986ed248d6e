package dns

import (
	"encoding/binary"
	"iter"
	"slices"

	"knot-resolver/internal/limits"
)

// OptionCode is an EDNS option code.
type OptionCode uint16

// EDNS options the resolver knows.
const (
	OptionNSID      OptionCode = 3
	OptionECS       OptionCode = 8
	OptionCookie    OptionCode = 10
	OptionKeepalive OptionCode = 11
	OptionPadding   OptionCode = 12
	OptionEDE       OptionCode = 15
)

// EDNS is the content of an OPT record (RFC 6891).
type EDNS struct {
	UDPSize  uint16
	ExtRCode uint8
	Version  uint8
	DO       bool
	Options  []byte // wire of the options; in a parsed message a view
}

const flagDO = 1 << 15

func (e *EDNS) parse(class Class, ttl uint32, options []byte) error {
	*e = EDNS{UDPSize: uint16(class), ExtRCode: uint8(ttl >> 24), Version: uint8(ttl >> 16), DO: ttl&flagDO != 0, Options: options}
	for rest := options; len(rest) > 0; {
		if len(rest) < 4 || 4+int(binary.BigEndian.Uint16(rest[2:])) > len(rest) {
			return ErrOPT
		}
		rest = rest[4+int(binary.BigEndian.Uint16(rest[2:])):]
	}
	return nil
}

func (e *EDNS) ttl() uint32 {
	ttl := uint32(e.ExtRCode)<<24 | uint32(e.Version)<<16
	if e.DO {
		ttl |= flagDO
	}
	return ttl
}

// All yields the options in order, at most limits.EDNSOptions of them.
func (e *EDNS) All() iter.Seq2[OptionCode, []byte] {
	return func(yield func(OptionCode, []byte) bool) {
		rest := e.Options
		for range limits.EDNSOptions {
			if len(rest) < 4 {
				return
			}
			n := 4 + int(binary.BigEndian.Uint16(rest[2:]))
			if n > len(rest) || !yield(OptionCode(binary.BigEndian.Uint16(rest)), rest[4:n:n]) {
				return
			}
			rest = rest[n:]
		}
	}
}

// Option returns the first option with the code.
func (e *EDNS) Option(code OptionCode) ([]byte, bool) {
	for c, data := range e.All() {
		if c == code {
			return data, true
		}
	}
	return nil, false
}

// AppendOption appends one option in wire form.
func AppendOption(dst []byte, code OptionCode, data []byte) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(code))
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(data)))
	return append(dst, data...)
}

// AppendEDE appends an Extended DNS Error option (RFC 8914 section 2).
func AppendEDE(dst []byte, code EDECode, text string) []byte {
	dst = slices.Grow(dst, 6+len(text))
	dst = binary.BigEndian.AppendUint16(dst, uint16(OptionEDE))
	dst = binary.BigEndian.AppendUint16(dst, uint16(2+len(text)))
	dst = binary.BigEndian.AppendUint16(dst, uint16(code))
	return append(dst, text...)
}
