package dns

import (
	"encoding/binary"
	"iter"
)

// Keys of service parameters that hold addresses (RFC 9460 section 14.3.2).
const (
	svcIPv4Hint = 4
	svcIPv6Hint = 6
)

// AddressHints yields the addresses in the hints of SVCB or HTTPS RDATA, each as a view of its 4 or 16 octets. Malformed RDATA ends it early.
func AddressHints(rdata []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		const priority = 2 // octets
		if len(rdata) < priority {
			return
		}
		n := wireNameLength(rdata[priority:])
		if n < 0 {
			return
		}
		for rest := rdata[priority+n:]; len(rest) >= 4; {
			key, end := binary.BigEndian.Uint16(rest), 4+int(binary.BigEndian.Uint16(rest[2:]))
			if end > len(rest) || !hintsOf(key, rest[4:end], yield) {
				return
			}
			rest = rest[end:]
		}
	}
}

// hintsOf yields the addresses in the value of one parameter.
func hintsOf(key uint16, value []byte, yield func([]byte) bool) bool {
	size := 0
	switch key {
	case svcIPv4Hint:
		size = 4
	case svcIPv6Hint:
		size = 16
	default:
		return true
	}
	for ; len(value) >= size; value = value[size:] {
		if !yield(value[:size:size]) {
			return false
		}
	}
	return true
}
