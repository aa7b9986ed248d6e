package server

import (
	"runtime"
	"sync"
	"syscall"

	"knot-resolver/internal/limits"
	"knot-resolver/internal/server/batch"
)

// lateAnswers sends the answers of a UDP socket that did not come inline. Those that get ready at about
// the same time share a system call, and the wake-ups that come with it on the way to the clients.
type lateAnswers struct {
	server *Server

	mu    sync.Mutex
	ready []*miss

	sending sync.Mutex // guards what follows
	out     *batch.Out
	going   []*miss
}

func newLateAnswers(s *Server, raw syscall.RawConn) *lateAnswers {
	return &lateAnswers{server: s, out: batch.NewOut(raw, limits.UDPBatch)}
}

// send sends the answer of m and ends its lease. Whoever comes first lets the other goroutines have
// their turn and then sends what they have added, too.
func (l *lateAnswers) send(m *miss) {
	l.mu.Lock()
	l.ready = append(l.ready, m)
	first := len(l.ready) == 1
	l.mu.Unlock()
	if !first {
		return
	}
	runtime.Gosched()
	l.sending.Lock()
	defer l.sending.Unlock()
	l.mu.Lock()
	l.ready, l.going = l.going[:0], l.ready
	l.mu.Unlock()
	for rest := l.going; len(rest) > 0; {
		n := min(len(rest), limits.UDPBatch)
		l.flush(rest[:n])
		rest = rest[n:]
	}
	clear(l.going)
}

// shed answers misses that are turned away, together.
func (l *lateAnswers) shed(misses []*miss) {
	kept := misses[:0]
	for _, m := range misses {
		if m.ready = l.server.shed(m.answer[:0], m); len(m.ready) > 0 {
			kept = append(kept, m)
		} else {
			l.server.release(m)
		}
	}
	l.sending.Lock()
	defer l.sending.Unlock()
	for ; len(kept) > 0; kept = kept[min(len(kept), limits.UDPBatch):] {
		l.flush(kept[:min(len(kept), limits.UDPBatch)])
	}
	l.server.work.Add(-len(misses))
}

// flush sends one batch.
func (l *lateAnswers) flush(misses []*miss) {
	for _, m := range misses {
		l.out.Add(&m.peer, m.ready)
	}
	sent, _, _ := l.out.Flush() // an error means that the socket is closed: none of the rest was sent
	l.server.counters.UDPAnswers.Add(uint64(sent))
	l.server.counters.UDPSendErrors.Add(uint64(len(misses) - sent))
	for _, m := range misses {
		l.server.release(m)
	}
}
