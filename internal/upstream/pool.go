package upstream

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"

	"knot-resolver/internal/limits"
)

// pool holds the connections to servers. One mutex guards it, its streams and their
// calls: UDP is the rule, and nothing blocks while holding it.
type pool struct {
	network  Network
	pipeline int
	most     int             // streams
	ctx      context.Context // ends when the pool is closed
	cancel   context.CancelFunc
	running  sync.WaitGroup

	mu    sync.Mutex
	peers map[peerKey]*peer
	open  int // streams of all peers
}

// endpoint is where a connection leads, and who has to be there.
type endpoint struct {
	server netip.AddrPort
	auth   *Auth // nil for TCP
}

// peerKey tells connections apart: two endpoints share them only when the server proves the same to both (SP-13).
type peerKey struct {
	server   netip.AddrPort
	identity string
}

func (to endpoint) transport() Transport {
	if to.auth == nil {
		return TCP
	}
	return TLS
}

func (to endpoint) key() peerKey {
	key := peerKey{server: to.server}
	if to.auth != nil {
		key.identity = to.auth.identity
	}
	return key
}

// peer is what the pool knows of one server.
type peer struct {
	streams  []*stream
	second   time.Time // when the count of connects began
	connects int
	failed   error // of the last attempt to connect, if it failed
}

func newPool(network Network, o Options) *pool {
	p := &pool{network: network, pipeline: o.Pipeline, most: o.Streams, peers: make(map[peerKey]*peer)}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	return p
}

func (p *pool) close() {
	p.mu.Lock()
	p.cancel()
	for _, peer := range p.peers {
		for _, s := range slices.Clone(peer.streams) {
			p.fail(s, &Error{Kind: ErrShutdown})
		}
	}
	p.mu.Unlock()
	p.running.Wait()
}

// enrol finds or starts a stream to a server and makes a call on it. With fresh it does not
// use one that is already open. The budget is charged for a new connection.
func (p *pool) enrol(at endpoint, b *limits.Budget, fresh bool) (*call, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ctx.Err() != nil {
		return nil, &Error{Kind: ErrShutdown}
	}
	to := p.peer(at.key())
	s := to.pick(p.pipeline, fresh)
	if s == nil {
		if !to.mayConnect() || !p.room() {
			return nil, to.busy()
		}
		if err := b.Charge(limits.KindConnects, 1); err != nil {
			return nil, err
		}
		s = p.start(at, to)
	}
	return s.enrol(), nil
}

// peer returns the entry of a server. Entries that hold nothing any more are swept when there are many.
func (p *pool) peer(key peerKey) *peer {
	if to := p.peers[key]; to != nil {
		return to
	}
	if len(p.peers) >= limits.UpstreamStreams {
		for other, to := range p.peers {
			if len(to.streams) == 0 && time.Since(to.second) > time.Second {
				delete(p.peers, other)
			}
		}
	}
	to := new(peer)
	p.peers[key] = to
	return to
}

// pick returns the least busy stream that takes another call.
func (to *peer) pick(pipeline int, fresh bool) *stream {
	var best *stream
	for _, s := range to.streams {
		if s.suspect || len(s.calls) >= pipeline || fresh && s.conn != nil {
			continue
		}
		if best == nil || len(s.calls) < len(best.calls) {
			best = s
		}
	}
	return best
}

// mayConnect says whether the rate and number of connections to one server allow another.
func (to *peer) mayConnect() bool {
	if now := time.Now(); now.Sub(to.second) >= time.Second {
		to.second, to.connects = now, 0
	}
	return to.connects < limits.StreamConnectRate && len(to.streams) < limits.StreamsPerServer
}

// busy is the error of not connecting again. When connecting did not help a moment ago, the reason is that.
func (to *peer) busy() error {
	if to.failed != nil {
		return to.failed
	}
	return &Error{Kind: ErrBusy}
}

// room makes sure that one more stream fits, at the expense of one that is idle.
func (p *pool) room() bool {
	if p.open < p.most {
		return true
	}
	for _, to := range p.peers {
		for _, s := range to.streams {
			if len(s.calls) == 0 {
				p.fail(s, &Error{Kind: ErrClosed})
				return true
			}
		}
	}
	return false
}

// start adds a stream whose goroutine connects and then reads.
func (p *pool) start(at endpoint, to *peer) *stream {
	s := &stream{
		pool: p, to: at, peer: to, calls: make(map[uint16]*call),
		ready: make(chan struct{}), writes: make(chan struct{}, 1),
	}
	to.streams = append(to.streams, s)
	to.connects++
	p.open++
	p.running.Go(s.run)
	return s
}

// fail takes a stream out of the pool and ends its calls; the caller holds the mutex.
// Further calls do nothing, so the first error counts.
func (p *pool) fail(s *stream, err error) {
	if s.err != nil {
		return
	}
	s.err = err
	to := s.peer
	to.streams = slices.DeleteFunc(to.streams, func(other *stream) bool { return other == s })
	p.open--
	if s.conn != nil {
		hangUp(s.conn)
	}
	for _, c := range s.calls {
		c.done <- result{err: err}
	}
	clear(s.calls)
}
