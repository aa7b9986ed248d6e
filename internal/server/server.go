package server

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"knot-resolver/internal/limits"
)

// ErrStopped is returned for a socket given to a server that has been shut down.
var ErrStopped = errors.New("server: stopped")

// Options configures a [Server]. Only Handler is required; a zero number stands for the constant
// of package limits named beside it.
type Options struct {
	Handler Handler
	Log     *slog.Logger // nil: nothing is logged

	Pipeline         int // queries in work per stream connection: limits.StreamPipeline
	Resolving        int // requests in Handler.Resolve at once, at most: limits.Resolving
	Streams          int // stream connections: limits.Streams
	StreamsPerClient int // stream connections of one client: a quarter of Streams

	StreamIdle  time.Duration // limits.StreamIdle
	StreamWrite time.Duration // limits.StreamWrite

	// Priority says when a request that Inline could not answer is worked on when there are too many: 0 first,
	// 31 last. nil: all are equal.
	Priority func(req *Request) uint8
	// Heavy is the priority from which on a stream shares one processor with all others like it. 0: none does.
	Heavy uint8
	// Shed answers a request that is turned away, in the way of [Handler.Inline]. nil: nothing is said.
	Shed func(dst []byte, req *Request) []byte
}

func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.Pipeline = orDefault(o.Pipeline, limits.StreamPipeline)
	o.Resolving = orDefault(o.Resolving, limits.Resolving)
	o.Streams = orDefault(o.Streams, limits.Streams)
	o.StreamsPerClient = orDefault(o.StreamsPerClient, max(1, o.Streams/(limits.Streams/limits.StreamsPerClient)))
	o.StreamIdle = orDefault(o.StreamIdle, limits.StreamIdle)
	o.StreamWrite = orDefault(o.StreamWrite, limits.StreamWrite)
	return o
}

func orDefault[T int | time.Duration](value, fallback T) T {
	if value == 0 {
		return fallback
	}
	return value
}

// Server serves any number of sockets with one [Handler]. Make it with [New].
type Server struct {
	opts     Options
	counters Counters
	dispatch dispatcher
	heavy    sync.Mutex // held by the stream with Priority from Options.Heavy on whose turn it is
	streams  *streamTable
	desks    sync.Pool    // *desk
	seats    atomic.Int32 // taken, of limits.StreamSeats
	misses   sync.Pool    // *miss
	buffers  sync.Pool    // for their answers
	tasks    chan func()  // for goroutines that are idle
	idle     atomic.Int32

	ctx    context.Context // ends when answers are no longer wanted
	cancel context.CancelFunc

	readers sync.WaitGroup // goroutines that take requests from the kernel
	work    sync.WaitGroup // requests and connections in work

	mu      sync.Mutex
	stopped bool
	sockets []*Socket

	attended []*attended // one for each UDP socket; only appended to
	standing atomic.Int32
}

// New returns a server without sockets.
func New(opts Options) *Server {
	s := &Server{opts: opts.withDefaults()}
	s.dispatch = dispatcher{server: s, queue: newQueue(s.opts.Resolving, s.opts.Priority, time.Now())}
	s.tasks = make(chan func())
	s.streams = newStreamTable(s.opts.Streams, s.opts.StreamsPerClient)
	s.desks.New = func() any { return new(desk) }
	s.misses.New = func() any {
		return &miss{raw: make([]byte, 0, limits.UsualQueryBytes)}
	}
	s.buffers.New = func() any { return new([limits.UDPAnswerBytes]byte) }
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// Counters returns the live counters of the server.
func (s *Server) Counters() *Counters { return &s.counters }

// Serve starts serving the socket and returns. The server owns the socket from now on, also when
// it returns [ErrStopped].
func (s *Server) Serve(sock *Socket) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		sock.Close()
		return ErrStopped
	}
	if sock.udp == nil {
		s.add(sock)
		s.readers.Go(func() { s.accept(sock) })
		return nil
	}
	loop, err := newUDPLoop(s, sock)
	if err != nil {
		sock.Close()
		return err
	}
	s.add(sock)
	s.readers.Go(loop.run)
	s.attended = append(s.attended, &attended{reader: loop})
	return nil
}

// add takes a socket in; the first brings who looks after the server.
func (s *Server) add(sock *Socket) {
	if s.sockets = append(s.sockets, sock); len(s.sockets) == 1 {
		go s.attend()
	}
}

// Sockets returns the sockets being served.
func (s *Server) Sockets() []*Socket {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*Socket(nil), s.sockets...)
}

// Shutdown stops taking requests, so that new ones wait in the kernel for whoever else holds the
// sockets, and waits for the answers of those already taken. When ctx ends first, the rest is
// dropped and its error returned. Either way the server's sockets and connections are closed and
// none of its goroutines left, except for those in calls of the Handler that do not return.
func (s *Server) Shutdown(ctx context.Context) error {
	s.stopReading()
	err := await(ctx, &s.readers)
	s.streams.drain()
	if err == nil { // otherwise work may still come
		err = await(ctx, &s.work)
	}
	s.cancel()
	s.streams.closeAll()
	for _, sock := range s.Sockets() {
		if sock.journal != nil {
			sock.journal.Clear()
		}
		sock.Close()
	}
	return err
}

// await waits for a group, or for the end of ctx, whose error it returns.
func await(ctx context.Context, group *sync.WaitGroup) error {
	done := make(chan struct{})
	go func() { group.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *Server) stopReading() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
	for _, sock := range s.sockets {
		sock.wake()
	}
}

// wake makes pending and future reads of the socket return, while it can still be written to.
func (s *Socket) wake() { s.setWake(time.Unix(1, 0)) }

// setWake sets when reads of the socket return without a request; the zero time is never.
func (s *Socket) setWake(t time.Time) {
	if s.udp != nil {
		s.udp.SetReadDeadline(t)
		return
	}
	s.tcp.SetDeadline(t)
}

// stopping reports whether an error of a read or accept means that the reader was woken.
func stopping(err error) bool {
	return errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, net.ErrClosed)
}
