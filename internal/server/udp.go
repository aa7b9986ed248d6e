package server

import (
	"fmt"
	"log/slog"
	"net/netip"
	"sync/atomic"
	"time"

	"knot-resolver/internal/limits"
	"knot-resolver/internal/server/batch"
	"knot-resolver/internal/server/journal"
)

// udpLoop serves one UDP socket. Its fields belong to its goroutine, except late.
type udpLoop struct {
	server  *Server
	log     *slog.Logger
	sock    *Socket
	conn    *batch.Conn
	journal *journal.Journal
	bound   netip.AddrPort
	answers [][]byte // one buffer per datagram of a batch
	late    *lateAnswers
	// displaced are misses of earlier batches that had to make room for one of this batch.
	displaced []*miss
	request   Request // reused: a new one per datagram would escape to the heap

	standsIn bool // for a reader that is held

	turn    atomic.Uint64 // odd while a batch is in work
	seen    uint64        // turn, as attend saw it
	leaving atomic.Bool   // a stand-in is not needed any more
	ended   atomic.Bool   // it has left
}

func newUDPLoop(s *Server, sock *Socket) (*udpLoop, error) {
	if sock.journal == nil {
		sock.journal = journal.None()
	}
	return loopOn(s, sock, sock.journal)
}

// loopOn makes a loop that keeps what it has in work in a journal.
func loopOn(s *Server, sock *Socket, j *journal.Journal) (*udpLoop, error) {
	raw, err := sock.udp.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("serve udp %s: %w", sock.Addr(), err)
	}
	l := &udpLoop{
		server:  s,
		sock:    sock,
		journal: j,
		late:    newLateAnswers(s, raw),
		log:     s.opts.Log.With("listen", sock.Addr(), "transport", UDP),
		conn:    batch.New(raw, j.Area()),
		bound:   netip.AddrPortFrom(sock.Addr().Addr().Unmap(), sock.Addr().Port()),
		answers: make([][]byte, limits.UDPBatch),
	}
	for i := range l.answers {
		l.answers[i] = make([]byte, 0, limits.UDPAnswerBytes)
	}
	return l, nil
}

func (l *udpLoop) run() {
	l.replay()
	l.serve()
}

// serve takes batches until the end of the server, or of the need for this loop.
func (l *udpLoop) serve() {
	for !l.leaving.Load() {
		if !l.standsIn && l.server.standing.Load() > 0 {
			time.Sleep(limits.ReaderYield)
		}
		n, err := l.conn.Read()
		if err != nil {
			if stopping(err) {
				if l.server.goOn(l.sock) {
					continue
				}
				return
			}
			l.log.Warn("receiving failed", "error", err)
			time.Sleep(limits.AcceptPause)
			continue
		}
		l.turn.Add(1)
		l.took(n)
		for i := range n {
			l.datagram(i)
		}
		l.flush()
		l.turn.Add(1)
	}
}

// datagram handles datagram i of the batch.
func (l *udpLoop) datagram(i int) {
	c := &l.server.counters
	raw, whole := l.conn.Datagram(i)
	if !whole {
		c.UDPTooLong.Add(1)
		return
	}
	l.request = Request{Raw: raw, Client: l.conn.Client(i), Local: l.local(l.conn.Peer(i)), Transport: UDP}
	if l.request.Client.Port() < limits.MinClientPort {
		c.UDPBadPort.Add(1)
		return
	}
	answer, done := l.server.opts.Handler.Inline(l.answers[i][:0], &l.request)
	switch {
	case !done:
		l.miss(i)
	case len(answer) > 0:
		l.conn.Reply(i, answer)
	}
}

// took counts a batch before anything of it is answered: who has an answer finds its query counted.
func (l *udpLoop) took(received int) {
	c := &l.server.counters
	c.UDPBatches.Add(1)
	c.UDPQueries.Add(uint64(received))
}

func (l *udpLoop) flush() {
	if len(l.displaced) > 0 {
		l.late.shed(l.displaced)
		l.displaced = l.displaced[:0]
	}
	sent, failed, err := l.conn.Flush()
	c := &l.server.counters
	c.UDPAnswers.Add(uint64(sent))
	if failed > 0 {
		c.UDPSendErrors.Add(uint64(failed))
	}
	if err != nil && !stopping(err) {
		l.log.Warn("sending failed", "error", err)
	}
}

// miss has datagram i resolved, or turns one away when there are too many.
func (l *udpLoop) miss(i int) {
	s := l.server
	m := s.take(&l.request, datagrams)
	m.loop, m.peer = l, *l.conn.Peer(i)
	m.slot = l.journal.Hold(m.raw, &m.peer.Origin)
	held := m.slot != nil
	refused := s.dispatch.submit(m)
	if refused == m { // its answer goes with the batch
		if answer := s.shed(l.answers[i][:0], m); len(answer) > 0 {
			l.conn.Reply(i, answer)
		}
		s.release(m)
		s.work.Done()
		return
	}
	if held {
		l.conn.Forget(i)
	}
	if refused != nil {
		l.displace(refused)
	}
}

// displace turns away a miss that had to make room.
func (l *udpLoop) displace(m *miss) {
	if m.loop == l {
		l.displaced = append(l.displaced, m)
		return
	}
	l.server.do(func() { l.server.dispatch.deliver(m) })
}
