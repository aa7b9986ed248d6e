package server

import (
	"context"
	"net/netip"
	"runtime"
	"sync"
	"time"

	"knot-resolver/internal/limits"
	"knot-resolver/internal/server/batch"
	"knot-resolver/internal/server/journal"
)

// miss is a request that could not be answered inline: its private copy, and where it is in the queue. It is
// leased from Server.misses until its answer is on its way.
type miss struct {
	raw     []byte
	answer  []byte // where it may be written: leased while it is worked on
	buffer  *[limits.UDPAnswerBytes]byte
	ready   []byte // the answer
	request Request

	loop   *udpLoop // where it came from: this
	peer   batch.Peer
	slot   *journal.Slot       // where it is kept if the process dies; nil: nowhere
	stream *stream             // or this
	reply  func(answer []byte) // or this

	// The rest belongs to the queue, under the dispatcher's lock.
	key           clientKey
	lane          lane
	class         uint8
	exempt        bool          // of a client without bounds
	since         time.Time     // when it began to wait or to be worked on
	waited        time.Duration // before it was worked on
	told          bool          // that it does not end
	refused       refusal
	cancel        context.CancelFunc // ends the work on it
	before, after *miss              // in a chain
}

// dispatcher brings misses to Handler.Resolve, or turns them away, as its queue decides.
type dispatcher struct {
	server *Server

	mu    sync.Mutex
	queue *queue
	armed bool // check will be called
}

// take makes a miss of the request; the caller says where it came from.
func (s *Server) take(req *Request, l lane) *miss {
	m := s.misses.Get().(*miss)
	*m = miss{raw: append(m.raw[:0], req.Raw...), request: *req, lane: l}
	m.request.Raw = m.raw
	return m
}

// release ends the lease of a miss.
func (s *Server) release(m *miss) {
	if m.slot != nil {
		m.loop.journal.Release(m.slot)
	}
	if m.buffer != nil {
		s.buffers.Put(m.buffer)
	}
	*m = miss{raw: m.raw}
	s.misses.Put(m)
}

// Answer takes a request that came otherwise than over a socket of the server through the same way. It calls reply once,
// perhaps later, with the answer or with nothing; the answer is valid during the call.
func (s *Server) Answer(req *Request, reply func(answer []byte)) {
	if answer, done := s.opts.Handler.Inline(nil, req); done {
		reply(answer)
		return
	}
	l := messages
	if req.Transport.Datagram() {
		l = datagrams
	}
	m := s.take(req, l)
	m.reply = reply
	if refused := s.dispatch.submit(m); refused != nil {
		s.dispatch.deliver(refused)
	}
}

// submit has a miss worked on now or later. It returns one that has to be turned away, if any: this one or another.
func (d *dispatcher) submit(m *miss) (refused *miss) {
	d.server.work.Add(1) // until deliver
	d.mu.Lock()
	start, refused := d.queue.arrive(m, time.Now())
	d.arm()
	d.mu.Unlock()
	if start != nil {
		d.launch(start)
	}
	return refused
}

func (d *dispatcher) launch(m *miss) { d.server.do(func() { d.work(m) }) }

// work resolves a miss and starts the next.
func (d *dispatcher) work(m *miss) {
	parent := d.server.ctx
	if m.stream != nil {
		parent = m.stream.context()
	}
	ctx, cancel := context.WithCancel(parent)
	defer cancel()
	ready := time.Now()
	runtime.Gosched() // behind everything that is ready to run: this is how long others wait for a processor
	d.mu.Lock()
	m.cancel = cancel
	wanted := m.refused == accepted
	now := time.Now()
	d.queue.started(now.Sub(ready), now)
	d.mu.Unlock()
	if wanted && ctx.Err() == nil {
		m.buffer = d.server.buffers.Get().(*[limits.UDPAnswerBytes]byte)
		m.answer = m.buffer[:0]
		m.ready = d.server.resolve(ctx, m)
	}
	d.finish(m)
	d.deliver(m)
}

// finish takes a miss that was worked on out of the queue and starts the next.
func (d *dispatcher) finish(m *miss) {
	now := time.Now()
	d.mu.Lock()
	outlived := d.queue.outlived(m, now)
	d.queue.finish(m)
	next := d.queue.next(now)
	d.mu.Unlock()
	if next != nil {
		d.launch(next)
	}
	if outlived {
		m.ready = nil
	}
}

// deliver sends the answer of a miss, or what says that there is none, and ends its lease.
func (d *dispatcher) deliver(m *miss) {
	s := d.server
	defer s.work.Done()
	if m.refused != accepted {
		m.ready = s.shed(m.answer[:0], m)
	}
	switch {
	case m.reply != nil:
		m.reply(m.ready)
		s.release(m)
	case m.stream != nil:
		m.stream.late(m)
	case len(m.ready) > 0 && s.ctx.Err() == nil:
		m.loop.late.send(m)
	default:
		s.release(m)
	}
}

// shed counts a miss that is turned away and returns what is said about it.
func (s *Server) shed(dst []byte, m *miss) []byte {
	s.counters.refused(m.refused)
	if s.opts.Shed == nil {
		return nil
	}
	return s.opts.Shed(dst, &m.request)
}

// arm has check called soon when somebody waits. It is called with mu held.
func (d *dispatcher) arm() {
	if !d.armed && d.queue.waitingCount() > 0 {
		d.armed = true
		time.AfterFunc(limits.WaitingCheck, d.check)
	}
}

// check turns away who has waited too long, starts what there is room for, and makes room.
func (d *dispatcher) check() {
	now := time.Now()
	var refused, starting []*miss
	d.mu.Lock()
	d.queue.adapt(now)
	for m := d.queue.stale(now); m != nil; m = d.queue.stale(now) {
		refused = append(refused, m)
	}
	for m := d.queue.next(now); m != nil; m = d.queue.next(now) {
		starting = append(starting, m)
	}
	d.evict(now)
	d.armed = false
	d.arm()
	d.mu.Unlock()
	for _, m := range starting {
		d.launch(m)
	}
	for _, m := range refused {
		d.deliver(m)
	}
}

// evict ends work that is in the way of those who wait, until each of them has a place or will have one.
func (d *dispatcher) evict(now time.Time) {
	q := d.queue
	leaving := q.running - q.active[datagrams].count - q.active[messages].count
	for l := range lanes {
		for range q.waiting[l].count {
			if leaving >= q.waitingCount() {
				return
			}
			m := q.evict(l, now)
			if m == nil {
				break
			}
			leaving++
			if m.cancel != nil {
				m.cancel()
			}
		}
	}
}

// outlived says whether an answer comes so late that it does more harm than good: datagrams that were asked for in the
// name of one client are not collected to be sent at once (CM-08).
func (q *queue) outlived(m *miss, now time.Time) bool {
	return m.lane == datagrams && now.Sub(m.since)+m.waited > limits.DatagramAge && q.clients[m.key].flooding
}

// clientOf returns what counts as one client: an IPv4 address or an IPv6 network.
func clientOf(ip netip.Addr) netip.Prefix {
	ip = ip.Unmap().WithZone("")
	bits := ip.BitLen()
	if ip.Is6() {
		bits = limits.StreamClientBitsV6
	}
	prefix, _ := ip.Prefix(bits) // fails only for an invalid address, which is then one client
	return prefix
}
