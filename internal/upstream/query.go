package upstream

import (
	"crypto/rand"
	"encoding/binary"
	"time"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/limits"
)

// Query is what to ask and how.
type Query struct {
	Name dns.Name // lower case
	Type dns.Type
	RD   bool
	CD   bool
	EDNS bool // send an OPT record
	DO   bool // with the DNSSEC OK bit; only with EDNS
	// Case0x20 flips letter case at random over UDP and demands it back exactly.
	Case0x20 bool
	// TCP asks over TCP at once.
	TCP bool
	// TLS, when set, asks over TLS and nothing else, with the question padded (RFC 8467).
	TLS *Auth
	// UDPSize is the EDNS size offered, in octets; 0 means limits.UDPPayload.
	UDPSize int
	// Timeout is how long an answer over UDP is waited for; over TCP at least
	// limits.StreamAnswer. 0 means limits.InitialRTO. The context's deadline ends both.
	Timeout time.Duration
}

// Degraded says why an exchange did not end on the transport it began on.
type Degraded uint8

// Reasons for the step from UDP to TCP.
const (
	NotDegraded     Degraded = iota
	AfterTruncation          // the UDP answer was truncated, or longer than offered
	AfterOtherCase           // the UDP answer did not keep the letter case of the question
	AfterNearMisses          // packets with a wrong id, question or form came instead
)

func (d Degraded) String() string {
	return [...]string{"", "truncated", "case mismatch", "spoofing suspected"}[d]
}

// Reply is a matched answer.
type Reply struct {
	// Msg is a view over bytes of its own. Its question is in lower case as asked.
	Msg dns.Message
	// RTT is the time from sending the last message to its answer, without connecting.
	RTT time.Duration
	// Transport is what the answer came over, Degraded why if it was not the one asked for.
	Transport Transport
	Degraded  Degraded
	// Bare says that the answer is an error without a question section. Over UDP only its
	// id vouches for it, so it must not be remembered about the server (SP-11).
	Bare bool
	// NearMisses is the number of packets passed over before the answer.
	NearMisses int
}

// question is the wire of a question: the name as sent, type and class.
type question struct {
	id     uint16
	wire   []byte
	length int // of the name within wire
	// exact demands the same letter case back.
	exact bool
}

const (
	maxQuestion = dns.MaxNameLength + 4
	maxQuery    = dns.HeaderLength + maxQuestion + 11 + 4 + limits.QueryPadding
)

func (q *Query) transport() Transport {
	switch {
	case q.TLS != nil:
		return TLS
	case q.TCP:
		return TCP
	}
	return UDP
}

func (q *Query) offered() int {
	switch {
	case !q.EDNS:
		return limits.MinUDPPayload
	case q.UDPSize == 0:
		return limits.UDPPayload
	}
	return min(max(q.UDPSize, limits.MinUDPPayload), 65535)
}

func (q *Query) timeout() time.Duration {
	if q.Timeout <= 0 {
		return limits.InitialRTO
	}
	return q.Timeout
}

// append writes the query. The encoder of package dns is not used, because a query has
// nothing to compress and its name must keep its case.
func (q *Query) append(dst []byte, id uint16) []byte {
	flags := dns.Flags(0)
	if q.RD {
		flags |= dns.FlagRD
	}
	if q.CD {
		flags |= dns.FlagCD
	}
	additional := byte(0)
	if q.EDNS {
		additional = 1
	}
	dst = binary.BigEndian.AppendUint16(dst, id)
	dst = binary.BigEndian.AppendUint16(dst, uint16(flags))
	dst = append(dst, 0, 1, 0, 0, 0, 0, 0, additional)
	dst = append(dst, q.Name...)
	dst = binary.BigEndian.AppendUint16(dst, uint16(q.Type))
	dst = binary.BigEndian.AppendUint16(dst, uint16(dns.ClassIN))
	if q.EDNS {
		dst = q.appendOPT(dst)
	}
	return dst
}

func (q *Query) appendOPT(dst []byte) []byte {
	dst = append(dst, 0)
	dst = binary.BigEndian.AppendUint16(dst, uint16(dns.TypeOPT))
	dst = binary.BigEndian.AppendUint16(dst, uint16(q.offered()))
	do := byte(0)
	if q.DO {
		do = 0x80
	}
	dst = append(dst, 0, 0, do, 0, 0, 0)
	if q.TLS != nil {
		dst = appendPadding(dst)
	}
	return dst
}

// appendPadding fills up a message that ends with an empty OPT record, so that its length tells little about the
// name asked for (RFC 8467 section 4.1).
func appendPadding(dst []byte) []byte {
	const option = 4 // code and length
	length := len(dst) + option
	padding := (length+limits.QueryPadding-1)/limits.QueryPadding*limits.QueryPadding - length
	binary.BigEndian.PutUint16(dst[len(dst)-2:], uint16(option+padding))
	dst = binary.BigEndian.AppendUint16(dst, uint16(dns.OptionPadding))
	dst = binary.BigEndian.AppendUint16(dst, uint16(padding))
	return append(dst, make([]byte, padding)...)
}

// questionOf returns the view of the question section of a query just written.
func questionOf(query []byte, name dns.Name, exact bool) question {
	return question{
		id:     binary.BigEndian.Uint16(query),
		wire:   query[dns.HeaderLength : dns.HeaderLength+len(name)+4],
		length: len(name),
		exact:  exact,
	}
}

// unpredictable is the randomness of one query: its id and a bit for each letter.
type unpredictable [2 + (dns.MaxNameLength+7)/8]byte

func (u *unpredictable) draw()      { rand.Read(u[:]) }
func (u *unpredictable) id() uint16 { return binary.NativeEndian.Uint16(u[:]) }

// flipCase gives each letter of a lower-case name upper case where its bit says so. Length
// octets are below 64 and hence no letters.
func (u *unpredictable) flipCase(name []byte) {
	bits := u[2:]
	for i, c := range name {
		if 'a' <= c && c <= 'z' && bits[i/8]>>(i%8)&1 == 1 {
			name[i] = c - ('a' - 'A')
		}
	}
}
