package server

import (
	"log/slog"
	"time"

	"knot-resolver/internal/limits"
	"knot-resolver/internal/server/journal"
)

// attended is a UDP socket with the loops that serve it. Inline never blocks on purpose, but it reads a mapped file, and a
// disk that stalls holds whoever touches a page it does not have. Then a stand-in takes what comes in, until the
// reader is back. It belongs to the goroutine of attend.
type attended struct {
	reader   *udpLoop
	standIns []*udpLoop
}

// attend looks after the readers of all UDP sockets, and after what is in work, until the server ends.
func (s *Server) attend() {
	tick := time.NewTicker(limits.ReaderWatch)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			s.lookForHung(now)
		case <-s.ctx.Done():
			return
		}
		s.mu.Lock()
		all := s.attended
		s.mu.Unlock()
		for _, a := range all {
			switch wanting := a.wanting(); {
			case wanting:
				s.standIn(a)
			case len(a.standIns) > 0 && a.standIns[0].leaving.Load():
				a.reader.sock.wake() // one of them may wait for a datagram
			}
		}
	}
}

// wanting says whether nobody serves the socket. Stand-ins leave when they are not needed any more.
func (a *attended) wanting() bool {
	stuck := a.reader.stuck()
	serving := !stuck
	left := a.standIns[:0]
	for _, l := range a.standIns {
		if l.ended.Load() {
			continue
		}
		left = append(left, l)
		if !l.stuck() {
			serving = true
		}
		l.leaving.Store(!stuck)
	}
	a.standIns = left
	return !serving && len(left) < limits.StandIns
}

// stuck says whether the loop is in the same batch as when it was last asked.
func (l *udpLoop) stuck() bool {
	now := l.turn.Load()
	stuck := now%2 == 1 && now == l.seen
	l.seen = now
	return stuck
}

// standIn starts one more loop on the socket. What it has in work is not in the journal, which belongs to the reader.
func (s *Server) standIn(a *attended) {
	l, err := loopOn(s, a.reader.sock, journal.None())
	if err != nil {
		return // the socket is closed
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return
	}
	s.counters.UDPStandIns.Add(1)
	l.log.Warn("a request holds the reader of a socket, another takes its place", slog.Int("stand-ins", len(a.standIns)+1))
	a.standIns = append(a.standIns, l)
	l.standsIn = true
	s.standing.Add(1)
	s.readers.Go(func() {
		l.serve()
		s.standing.Add(-1)
		l.ended.Store(true)
	})
}
