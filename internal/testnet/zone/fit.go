package zone

import "github.com/miekg/dns"

// serverUDPSize is the EDNS size the servers offer for themselves.
const serverUDPSize = 1232

// UDPLimit is the largest UDP reply the sender of a query can take: 512 bytes
// or what its EDNS says (RFC 6891 section 6.2.3).
func UDPLimit(q *dns.Msg) int {
	limit := dns.MinMsgSize
	if opt := q.IsEdns0(); opt != nil {
		limit = max(limit, int(opt.UDPSize()))
	}
	return limit
}

// Fit is the wire form of the message if it has at most limit bytes, and else
// of an empty one with the TC bit (RFC 2181 section 9).
func Fit(m *dns.Msg, limit int) ([]byte, error) {
	wire, err := m.Pack()
	if err != nil || len(wire) <= limit {
		return wire, err
	}
	return Truncated(m).Pack()
}

// Truncated is the message without records, but with the TC bit and its OPT.
func Truncated(m *dns.Msg) *dns.Msg {
	t := *m
	t.Truncated = true
	t.Answer, t.Ns, t.Extra = nil, nil, nil
	if opt := m.IsEdns0(); opt != nil {
		t.Extra = []dns.RR{opt}
	}
	return &t
}
