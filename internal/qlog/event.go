package qlog

import (
	"net/netip"
	"strconv"
	"time"

	dnstap "github.com/dnstap/golang-dnstap"
	"google.golang.org/protobuf/proto"

	"knot-resolver/internal/server"
)

// event is a query that came, or an answer that went out when answered is set.
type event struct {
	client, local netip.AddrPort
	transport     server.Transport
	asked         time.Time
	answered      time.Time
	query, answer []byte // empty when they are not to be told
	rtt           time.Duration
	hasRTT        bool
}

// size returns how many bytes of messages an event holds.
func (e *event) size() int64 { return int64(len(e.query) + len(e.answer)) }

// encode makes the frame of an event.
func (e *event) encode(version string) ([]byte, error) {
	family, protocol := dnstap.SocketFamily_INET, protocolOf(e.transport)
	if e.client.Addr().Is6() {
		family = dnstap.SocketFamily_INET6
	}
	kind := dnstap.Message_CLIENT_QUERY
	m := &dnstap.Message{
		SocketFamily: &family, SocketProtocol: &protocol,
		QueryAddress: e.client.Addr().AsSlice(), QueryPort: proto.Uint32(uint32(e.client.Port())),
		ResponseAddress: e.local.Addr().AsSlice(), ResponsePort: proto.Uint32(uint32(e.local.Port())),
		QueryTimeSec: proto.Uint64(uint64(e.asked.Unix())), QueryTimeNsec: proto.Uint32(uint32(e.asked.Nanosecond())),
		QueryMessage: e.query,
	}
	if !e.answered.IsZero() {
		kind = dnstap.Message_CLIENT_RESPONSE
		m.ResponseTimeSec, m.ResponseTimeNsec = proto.Uint64(uint64(e.answered.Unix())), proto.Uint32(uint32(e.answered.Nanosecond()))
		m.ResponseMessage = e.answer
	}
	m.Type = &kind
	frame := &dnstap.Dnstap{Type: dnstap.Dnstap_MESSAGE.Enum(), Version: []byte("knot-resolver " + version), Message: m}
	if e.hasRTT {
		frame.Extra = []byte("rtt=" + strconv.FormatInt(e.rtt.Microseconds(), 10) + "\n")
	}
	return proto.Marshal(frame)
}

// protocolOf has no name for QUIC, as the format had none when receivers were written.
func protocolOf(t server.Transport) dnstap.SocketProtocol {
	switch t {
	case server.TCP:
		return dnstap.SocketProtocol_TCP
	case server.DoT:
		return dnstap.SocketProtocol_DOT
	case server.DoH:
		return dnstap.SocketProtocol_DOH
	}
	return dnstap.SocketProtocol_UDP
}
