package testnet

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"

	"knot-resolver/internal/testnet/memnet"
	"knot-resolver/internal/testnet/zone"
)

// Server is one authoritative server of the world. It keeps a log of the
// queries it received, and is a memnet.SourceServer.
type Server struct {
	host   string
	ip     netip.Addr
	closed bool
	zones  []*zone.Zone

	mu    sync.Mutex
	quirk Quirk
	log   []Query
}

// Query is one received query.
type Query struct {
	Time      time.Time
	Transport string         // memnet.UDP or memnet.TCP
	From      netip.AddrPort // invalid if not known
	ID        uint16
	Name      string // with the letter case as received
	Type      uint16
	RD        bool
	EDNS      bool
	UDPSize   uint16 // of EDNS
	DO        bool
}

func newServer(spec serverSpec, zones []*zone.Zone) *Server {
	return &Server{host: spec.host, ip: netip.MustParseAddr(spec.ip), closed: spec.closed, zones: zones, quirk: spec.quirk}
}

// Host is the absolute name of the server.
func (s *Server) Host() string { return s.host }

// IP is the address of the server.
func (s *Server) IP() netip.Addr { return s.ip }

// SetQuirk changes how the server misbehaves from now on; nil makes it behave.
func (s *Server) SetQuirk(q Quirk) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.quirk = q
}

// Queries is a copy of the log, oldest first.
func (s *Server) Queries() []Query {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.log)
}

// ForgetQueries empties the log.
func (s *Server) ForgetQueries() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = nil
}

// Answer implements memnet.Server.
func (s *Server) Answer(transport string, query []byte) [][]byte {
	return s.AnswerFrom(transport, netip.AddrPort{}, query)
}

// AnswerFrom logs a query and answers it. What is not a DNS query gets silence.
func (s *Server) AnswerFrom(transport string, from netip.AddrPort, query []byte) [][]byte {
	q := new(dns.Msg)
	if err := q.Unpack(query); err != nil || q.Response || len(q.Question) != 1 {
		return nil
	}
	quirk := s.record(transport, from, q)
	m := zone.Reply(s.zones, q)
	if quirk != nil {
		m = quirk(transport, q, m)
	}
	if m == nil {
		return nil
	}
	limit := dns.MaxMsgSize
	if transport == memnet.UDP {
		limit = zone.UDPLimit(q)
	}
	raw, err := zone.Fit(m, limit)
	if err != nil {
		return nil
	}
	return [][]byte{raw}
}

// record logs the query and gives the present quirk.
func (s *Server) record(transport string, from netip.AddrPort, q *dns.Msg) Quirk {
	entry := Query{
		Time: time.Now(), Transport: transport, From: from,
		ID: q.Id, Name: q.Question[0].Name, Type: q.Question[0].Qtype, RD: q.RecursionDesired,
	}
	if opt := q.IsEdns0(); opt != nil {
		entry.EDNS, entry.UDPSize, entry.DO = true, opt.UDPSize(), opt.Do()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = append(s.log, entry)
	return s.quirk
}
