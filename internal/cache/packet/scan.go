package packet

import (
	"encoding/binary"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/limits"
)

// Scan makes an Answer of an encoded message: it finds the TTLs and the last run of addresses. It is
// false for messages that must not be repeated: truncated, failed, without records, or not to be kept. ttls is
// scratch space for the result.
func Scan(message []byte, ttls []uint16) (a Answer, ok bool) {
	if len(message) < dns.HeaderLength {
		return a, false
	}
	flags := dns.Flags(binary.BigEndian.Uint16(message[2:]))
	if flags.Has(dns.FlagTC) || flags.RCode() != dns.RCodeNoError && flags.RCode() != dns.RCodeNXDomain {
		return a, false
	}
	a = Answer{Message: message, TTLs: ttls[:0], Life: limits.PacketLife}
	at := skipName(message, dns.HeaderLength) + 4
	answers := int(binary.BigEndian.Uint16(message[6:]))
	total := answers + int(binary.BigEndian.Uint16(message[8:])) + int(binary.BigEndian.Uint16(message[10:]))
	for i := range total {
		fixed := skipName(message, at)
		if fixed+10 > len(message) {
			return a, false
		}
		t := dns.Type(binary.BigEndian.Uint16(message[fixed:]))
		end := fixed + 10 + int(binary.BigEndian.Uint16(message[fixed+8:]))
		if t != dns.TypeOPT {
			a.TTLs = append(a.TTLs, uint16(fixed+4))
			a.Life = min(a.Life, binary.BigEndian.Uint32(message[fixed+4:]))
		}
		if i < answers {
			a.Rotate.extend(t, at, end)
		}
		at = end
	}
	return a, at == len(message) && len(a.TTLs) > 0 && len(a.TTLs) <= limits.PacketTTLs && a.Life > 0
}

// extend adds an answer record to the run of addresses, or starts another.
func (r *Rotation) extend(t dns.Type, at, end int) {
	if t != dns.TypeA && t != dns.TypeAAAA {
		if t != dns.TypeRRSIG {
			*r = Rotation{}
		}
		return
	}
	size := uint16(end - at)
	if r.Count > 0 && r.Size == size && int(r.Offset)+int(r.Size)*int(r.Count) == at {
		r.Count++
		return
	}
	*r = Rotation{Offset: uint16(at), Size: size, Count: 1}
}

// skipName returns the offset behind a name, beyond the message when it is cut short.
func skipName(message []byte, at int) int {
	for at < len(message) {
		switch c := int(message[at]); {
		case c == 0:
			return at + 1
		case c >= 0xc0:
			return at + 2
		default:
			at += c + 1
		}
	}
	return len(message) + dns.MaxNameLength
}
