package server

import (
	"fmt"
	"net/netip"
	"time"

	"knot-resolver/internal/limits"
	"knot-resolver/internal/server/batch"
	"knot-resolver/internal/server/journal"
)

// Keep makes a UDP socket leave to the next process what this one has taken from it and not answered when it dies, in the
// journal made by [journal.Create], and takes up what the last one has left. It is for sockets that are not served yet, and neither
// the descriptor nor any other of the journal may be closed before the process ends.
func (s *Socket) Keep(fd int) error {
	j, left, dropped, err := journal.Open(fd, time.Now())
	if err != nil {
		return fmt.Errorf("udp socket %s: %w", s.Addr(), err)
	}
	s.journal, s.left, s.dropped = j, left, dropped
	return nil
}

// replay takes up what a process that died has left, as if it had just been received.
func (l *udpLoop) replay() {
	l.server.counters.UDPReplayDrops.Add(uint64(l.sock.dropped))
	if len(l.sock.left) > 0 || l.sock.dropped > 0 {
		l.log.Info("queries of a worker that died", "replayed", len(l.sock.left), "dropped", l.sock.dropped)
	}
	for i := range l.sock.left {
		l.server.counters.UDPReplayed.Add(1)
		l.again(&l.sock.left[i])
	}
	l.sock.left = nil
}

// again takes up one datagram.
func (l *udpLoop) again(e *journal.Entry) {
	s := l.server
	peer := e.From.Peer()
	m := s.take(&Request{Raw: e.Raw, Client: peer.Client(), Local: l.local(&peer), Transport: UDP}, datagrams)
	m.loop, m.peer, m.slot = l, peer, e.Begin()
	if m.request.Client.Port() < limits.MinClientPort {
		s.counters.UDPBadPort.Add(1)
		s.release(m)
		return
	}
	answer, done := s.opts.Handler.Inline(m.answer[:0], &m.request)
	switch {
	case !done:
		if refused := s.dispatch.submit(m); refused != nil {
			s.do(func() { s.dispatch.deliver(refused) })
		}
	case len(answer) > 0:
		m.ready = answer
		l.late.send(m)
	default:
		s.release(m)
	}
}

// local returns the address a datagram of the peer was sent to.
func (l *udpLoop) local(p *batch.Peer) netip.AddrPort {
	if ip := p.Local(); ip.IsValid() {
		return netip.AddrPortFrom(ip, l.bound.Port())
	}
	return l.bound
}
