package server

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"knot-resolver/internal/limits"
)

// stream is one client connection. It is served by one goroutine at a time, from run or watch, to which belongs what is
// not guarded by mu; queries that are not answered inline each have a goroutine that ends in finish.
type stream struct {
	server  *Server
	conn    *net.TCPConn
	client  netip.Prefix // what it counts for
	request Request
	timely  atomic.Bool // the client wants to know how long it may be idle

	desk   *desk       // what follows works on it; nil while the stream is watched
	in     frameReader // queries
	out    answerWriter
	seated bool      // it may wait at its desk
	begun  time.Time // when the rest of a message that has partly arrived began to be waited for; zero when none is

	mu          sync.Mutex
	ctx         context.Context // ends when answers cannot be delivered any more; nil before the first miss
	cancel      context.CancelFunc
	changed     sync.Cond // signalled when outstanding falls or the stream is aborted
	outstanding int       // queries handed to Resolve and not yet written
	waits       time.Time // the deadline of reads
	idleSince   time.Time // when outstanding last became 0; first, the time of accept
	draining    time.Time // since when the end is near; zero when it is not
	aborted     bool
}

func newStream(s *Server, conn *net.TCPConn, transport Transport) *stream {
	st := &stream{server: s, conn: conn, in: frameReader{from: conn}, idleSince: time.Now()}
	st.out.init(st.write)
	st.changed.L = &st.mu
	st.request = Request{Client: addrPort(conn.RemoteAddr()), Local: addrPort(conn.LocalAddr()), Transport: transport, Keepalive: &st.timely, RTT: st.rtt}
	st.client = clientOf(st.request.Client.Addr())
	return st
}

// run serves a new connection.
func (st *stream) run() { st.serve(nil) }

// serve serves the connection until it is closed, or has nothing to do: then it is watched. It was woken because there is
// something to read, or by an error.
func (st *stream) serve(woken error) {
	if st.rouse(woken) {
		st.park()
		return
	}
	st.abort()
	st.server.streams.remove(st)
	st.server.work.Done()
}

// rouse does what there is to do for a stream and reports whether it lives on.
func (st *stream) rouse(woken error) bool {
	if errors.Is(woken, os.ErrDeadlineExceeded) && !st.expired() {
		return true
	}
	st.sit()
	defer st.rise()
	for err := woken; st.awaitRoom(); {
		var raw []byte
		if err == nil {
			raw, err = st.next()
		}
		switch {
		case err == nil:
			st.query(raw)
			continue
		case err == errQuiet:
			return true
		case st.lastWords(err):
			st.linger()
		}
		return false
	}
	return false
}

// awaitRoom waits, once the pipeline is full, until it is half empty. It reports false when the
// stream is dead.
func (st *stream) awaitRoom() bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	limit := st.server.opts.Pipeline
	if st.outstanding >= limit {
		st.mu.Unlock()
		st.out.flush() // its failure aborts the stream
		st.mu.Lock()
		for st.outstanding > limit/2 && !st.aborted {
			st.changed.Wait()
		}
	}
	return !st.aborted
}

// next waits for a query.
func (st *stream) next() ([]byte, error) {
	for !st.in.ready() {
		if err := st.out.flush(); err != nil {
			return nil, err
		}
		if err := st.fill(); err != nil {
			return nil, err
		}
	}
	st.begun = time.Time{}
	return st.in.next()
}

// lastWords judges the error that ended reading: it reports whether outstanding answers are still
// to be delivered.
func (st *stream) lastWords(err error) bool {
	c := &st.server.counters
	switch {
	case errors.Is(err, errFrame):
		c.TCPBadFrames.Add(1)
		return false
	case errors.Is(err, os.ErrDeadlineExceeded):
		if !st.isDraining() {
			c.TCPTimeouts.Add(1)
		}
		return true
	}
	return errors.Is(err, io.EOF)
}

// linger waits for the outstanding answers and closes gently.
func (st *stream) linger() {
	timer := time.AfterFunc(limits.StreamLinger, st.abort)
	defer timer.Stop()
	st.out.flush()
	st.mu.Lock()
	for st.outstanding > 0 && !st.aborted {
		st.changed.Wait()
	}
	st.mu.Unlock()
	if !st.isDraining() {
		return
	}
	st.conn.CloseWrite()
	st.conn.SetReadDeadline(time.Now().Add(limits.StreamCloseWait))
	io.Copy(io.Discard, io.LimitReader(st.conn, limits.QueryBytes*limits.StreamPipeline))
}

// query answers one message, now or later.
func (st *stream) query(raw []byte) {
	s := st.server
	s.counters.TCPQueries.Add(1)
	st.request.Raw = raw
	answer, done := st.inline()
	if !done {
		st.miss()
		return
	}
	st.touch()
	st.reply(answer, true)
	if cap(answer) <= limits.UDPAnswerBytes {
		st.desk.answer = answer[:0]
	}
}

// inline answers the current request if it can. Clients that cost much are answered one at a time, so that however many
// connections they have, others wait for one of them at most.
func (st *stream) inline() (answer []byte, done bool) {
	o := &st.server.opts
	if o.Heavy > 0 && o.Priority != nil && o.Priority(&st.request) >= o.Heavy {
		st.server.heavy.Lock()
		defer st.server.heavy.Unlock()
	}
	return o.Handler.Inline(st.desk.answer[:0], &st.request)
}

// context ends when answers cannot be delivered any more.
func (st *stream) context() context.Context {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.ctx == nil {
		st.ctx, st.cancel = context.WithCancel(st.server.ctx)
		if st.aborted {
			st.cancel()
		}
	}
	return st.ctx
}

// miss has the current request resolved, or turns one away when there are too many.
func (st *stream) miss() {
	s := st.server
	st.mu.Lock()
	st.outstanding++
	st.mu.Unlock()
	m := s.take(&st.request, messages)
	m.stream = st
	if refused := s.dispatch.submit(m); refused != nil {
		s.do(func() { s.dispatch.deliver(refused) })
	}
}

// late sends the answer of a miss and ends its lease.
func (st *stream) late(m *miss) {
	st.reply(m.ready, false)
	st.server.release(m)
	st.finish()
}

// finish ends one query handed to Resolve.
func (st *stream) finish() {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.outstanding--; st.outstanding == 0 {
		st.idleSince = time.Now()
	}
	st.changed.Broadcast()
}

// touch notes that the client used the connection.
func (st *stream) touch() {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.idleSince = time.Now()
}

// reply writes one answer, if there is one. With hold it may wait for the next.
func (st *stream) reply(answer []byte, hold bool) {
	if len(answer) == 0 {
		return
	}
	if len(answer) > maxMessage {
		panic("BUG: answer longer than a DNS message can be")
	}
	if st.out.add(answer, hold) == nil {
		st.server.counters.TCPAnswers.Add(1)
	}
}

// write is the writer of out.
func (st *stream) write(b []byte) error {
	st.conn.SetWriteDeadline(time.Now().Add(st.server.opts.StreamWrite))
	_, err := st.conn.Write(b)
	if err == nil {
		return nil
	}
	if !errors.Is(err, net.ErrClosed) { // closed by ourselves meanwhile
		st.server.counters.TCPWriteFails.Add(1)
	}
	st.abort()
	return err
}
