package server

import (
	"context"
	"net"
	"time"

	"knot-resolver/internal/limits"
)

// accept takes connections from one listening socket until it is closed or told to stop.
func (s *Server) accept(sock *Socket) {
	log := s.opts.Log.With("listen", sock.Addr(), "transport", TCP)
	for {
		conn, err := sock.tcp.AcceptTCP()
		if err == nil {
			s.begin(conn)
			continue
		}
		if stopping(err) {
			if s.goOn(sock) {
				continue
			}
			return
		}
		s.counters.AcceptErrors.Add(1)
		log.Warn("accepting failed", "error", err)
		time.Sleep(limits.AcceptPause)
	}
}

// begin serves a new connection, or closes it when there are too many.
func (s *Server) begin(conn *net.TCPConn) {
	st := newStream(s, conn, TCP)
	evicted, ok := s.streams.add(st)
	if !ok {
		s.counters.TCPRefused.Add(1)
		conn.Close()
		return
	}
	if evicted != nil {
		s.counters.TCPEvicted.Add(1)
		evicted.abort()
	}
	s.counters.TCPAccepted.Add(1)
	s.counters.TCPOpen.Add(1)
	s.work.Add(1) // until the end of serve
	s.do(st.run)
}

// resolve calls the handler for a leased request.
func (s *Server) resolve(ctx context.Context, m *miss) []byte {
	s.counters.Resolving.Add(1)
	defer s.counters.Resolving.Add(-1)
	return s.opts.Handler.Resolve(ctx, m.answer[:0], &m.request)
}
