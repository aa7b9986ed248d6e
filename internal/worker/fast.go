package worker

import (
	"encoding/binary"
	"time"

	"knot-resolver/internal/cache/packet"
	"knot-resolver/internal/dns"
	"knot-resolver/internal/limits"
	"knot-resolver/internal/server"
)

// plain is a query of the usual shape, read from the raw bytes without building anything:
// one question in class IN, recursion desired, at most an OPT record behind it.
type plain struct {
	key      [dns.MaxNameLength + 5]byte // name in lower case, type, variant, variant of the view
	length   int
	question []byte // view
	limit    int    // octets the answer may have
	variant  byte
}

// Variants of an answer to one question.
const (
	variantEDNS = 1 << iota
	variantDO
	variantCD
	variantAD        // the client can tell what AD means
	variantKeepalive // the connection is one on which keepalive is told
)

// read fills q from a request; false means that the query needs a closer look.
func (q *plain) read(req *server.Request, udpSize int) bool {
	raw, stream := req.Raw, !req.Transport.Datagram()
	if len(raw) < dns.HeaderLength+5 || binary.BigEndian.Uint32(raw[4:]) != 1<<16 || binary.BigEndian.Uint16(raw[8:]) != 0 {
		return false
	}
	const allowed = dns.FlagRD | dns.FlagCD | dns.FlagAD
	flags := dns.Flags(binary.BigEndian.Uint16(raw[2:]))
	if flags&^allowed != 0 || !flags.Has(dns.FlagRD) {
		return false
	}
	at := q.readName(raw)
	if at == 0 || at+4 > len(raw) || dns.Class(binary.BigEndian.Uint16(raw[at+2:])) != dns.ClassIN {
		return false
	}
	q.length += copy(q.key[q.length:], raw[at:at+2])
	q.question = raw[dns.HeaderLength : at+4]
	variant := byte(0)
	q.limit = limits.MinUDPPayload
	switch rest := raw[at+4:]; binary.BigEndian.Uint16(raw[10:]) {
	case 0:
		if len(rest) != 0 {
			return false
		}
	case 1:
		// OPT of version 0; options of a datagram change nothing here, those of streams may (keepalive).
		if len(rest) < 11 || rest[0] != 0 || dns.Type(binary.BigEndian.Uint16(rest[1:])) != dns.TypeOPT || rest[6] != 0 ||
			!validOptions(rest[11:], int(binary.BigEndian.Uint16(rest[9:]))) || len(rest) > 11 && stream {
			return false
		}
		variant = variantEDNS
		if rest[7]&0x80 != 0 {
			variant |= variantDO
		}
		if req.Keepalive != nil && req.Keepalive.Load() {
			variant |= variantKeepalive
		}
		q.limit = max(q.limit, min(int(binary.BigEndian.Uint16(rest[3:])), udpSize))
	default:
		return false
	}
	if flags.Has(dns.FlagCD) {
		variant |= variantCD
	}
	if flags.Has(dns.FlagAD) {
		variant |= variantAD
	}
	if stream {
		q.limit = 65535
	}
	q.variant = variant
	q.key[q.length] = variant
	q.length++
	return true
}

// vary makes the key that of clients who may get other answers than others.
func (q *plain) vary(view uint16) {
	q.length += copy(q.key[q.length:], []byte{byte(view >> 8), byte(view)})
}

// asked returns the question: a view of the name in lower case, and the type.
func (q *plain) asked() (name []byte, t dns.Type) {
	end := len(q.question) - 4 // before type and class
	return q.key[:end], dns.Type(binary.BigEndian.Uint16(q.key[end:]))
}

// readName copies the name in lower case and returns the offset behind it, 0 if there is no plain name.
func (q *plain) readName(raw []byte) (at int) {
	for at = dns.HeaderLength; at < len(raw); {
		c := int(raw[at])
		if c > dns.MaxLabelLength || at+c+1 > len(raw) || q.length+c+1 > dns.MaxNameLength {
			return 0
		}
		q.length += copy(q.key[q.length:], raw[at:at+c+1])
		at += c + 1
		if c == 0 {
			dns.LowerBytes(q.key[:q.length])
			return at
		}
	}
	return 0
}

// validOptions says whether b is exactly length octets of well-formed EDNS options that change no answer.
func validOptions(b []byte, length int) bool {
	if len(b) != length {
		return false
	}
	for len(b) > 0 {
		if len(b) < 4 {
			return false
		}
		n := 4 + int(binary.BigEndian.Uint16(b[2:]))
		if n > len(b) || answersDiffer(dns.OptionCode(binary.BigEndian.Uint16(b))) {
			return false
		}
		b = b[n:]
	}
	return true
}

// answersDiffer says whether an option changes the answer: by what is to be told, or by what only one client gets.
func answersDiffer(o dns.OptionCode) bool { return o == dns.OptionNSID || o == dns.OptionCookie }

// repeat answers a plain query with an answer given before.
func (w *Worker) repeat(dst []byte, req *server.Request, q *plain, now time.Time) ([]byte, bool) {
	id := binary.BigEndian.Uint16(req.Raw)
	rotate := 0
	if w.options.Reorder {
		rotate = int(id)
	}
	answer, ok := w.packets.Append(dst, q.key[:q.length], rotate, now)
	if !ok || len(answer)-len(dst) > q.limit {
		return dst, false
	}
	message := answer[len(dst):]
	binary.BigEndian.PutUint16(message, id)
	copy(message[dns.HeaderLength:], q.question)
	if n := w.counters.repeated(req, message, q); n%limits.UsageSample == 0 {
		name, t := q.asked()
		w.cache.Used(name, t) // may allocate: one in so many
	}
	return answer, true
}

// keep stores the answer to a plain query for repetition.
func (w *Worker) keep(q *plain, answer []byte, epoch uint32, now time.Time) {
	var ttls [limits.PacketTTLs + 1]uint16
	a, ok := packet.Scan(answer, ttls[:0])
	if ok && w.prefetch {
		// The last hits before the end must reach the engine, which refreshes then.
		a.Life -= min(a.Life, 5+a.Life/10)
	}
	if ok && a.Life > 0 {
		w.packets.Put(q.key[:q.length], &a, epoch, now)
	}
}
