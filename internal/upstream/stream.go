package upstream

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/limits"
)

// stream is one TCP or TLS connection, or the attempt at one. Several calls share it; answers
// come in any order and are told apart by id and question (SP-13).
type stream struct {
	pool   *pool
	to     endpoint
	peer   *peer
	ready  chan struct{} // closed when conn is set or the attempt has failed
	writes chan struct{} // holds a token while a message is written
	strays int           // messages that answered no call; the reader's own

	// Guarded by the pool's mutex.
	conn     net.Conn // nil until connected
	calls    map[uint16]*call
	answered int   // messages that answered a call
	suspect  bool  // a call timed out with nothing arriving: no new calls
	err      error // why it ended; set once
}

// call is one query waiting on a stream.
type call struct {
	stream   *stream
	id       uint16
	asked    question
	name     dns.Name
	reused   bool        // the stream had been in use before
	answered int         // of the stream when the call was made
	done     chan result // gets exactly one result, unless the call is withdrawn
}

type result struct {
	reply *Reply
	size  int
	err   error
	at    time.Time
}

// enrol adds a call with a random id that no other call of the stream has. The caller
// holds the pool's mutex; a pipeline far below 65 536 keeps the search short.
func (s *stream) enrol() *call {
	c := &call{stream: s, done: make(chan result, 1), reused: s.conn != nil, answered: s.answered}
	for {
		var random [2]byte
		rand.Read(random[:])
		c.id = binary.NativeEndian.Uint16(random[:])
		if _, taken := s.calls[c.id]; !taken {
			s.calls[c.id] = c
			return c
		}
	}
}

// run connects, then reads until the connection ends.
func (s *stream) run() {
	conn, err := s.connect()
	s.pool.mu.Lock()
	s.peer.failed = err
	switch {
	case err != nil:
		s.pool.fail(s, err)
	case s.err != nil: // closed while connecting
		hangUp(conn)
	default:
		s.conn = conn
	}
	ended := s.err != nil
	s.pool.mu.Unlock()
	close(s.ready)
	if !ended {
		s.read(conn)
	}
}

func (s *stream) connect() (net.Conn, error) {
	ctx, cancel := context.WithTimeout(s.pool.ctx, limits.StreamConnect)
	defer cancel()
	conn, err := s.pool.network.DialTCP(ctx, s.to.server)
	if err == nil && s.to.auth != nil {
		conn, err = s.secure(conn)
	}
	var sorted *Error
	switch {
	case err == nil:
		return conn, nil
	case s.pool.ctx.Err() != nil:
		return nil, &Error{Kind: ErrShutdown}
	case errors.As(err, &sorted):
		return nil, sorted
	}
	return nil, dialError(context.Background(), s.to.server, s.to.transport(), err)
}

// secure starts TLS on a connection and makes sure who is at the other end.
func (s *stream) secure(conn net.Conn) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(s.pool.ctx, limits.StreamHandshake)
	defer cancel()
	secured := tls.Client(conn, s.to.auth.config)
	err := secured.HandshakeContext(ctx)
	if err == nil {
		return secured, nil
	}
	conn.Close()
	if ctx.Err() != nil {
		return nil, &Error{Kind: ErrTimeout, Cause: errors.New("in the TLS handshake")}
	}
	return nil, distrust(err, s.to.auth.config.ServerName)
}

// hangUp closes a connection without saying goodbye, which over TLS may wait for the server.
func hangUp(conn net.Conn) {
	if secured, ok := conn.(*tls.Conn); ok {
		conn = secured.NetConn()
	}
	conn.Close()
}

func (s *stream) read(conn net.Conn) {
	in := frames{in: bufio.NewReaderSize(conn, frameStep)}
	for {
		conn.SetReadDeadline(time.Now().Add(limits.StreamInactive))
		message, err := in.next()
		if err == nil {
			err = s.deliver(message)
		}
		if err != nil {
			s.pool.mu.Lock()
			s.pool.fail(s, streamError(err))
			s.pool.mu.Unlock()
			return
		}
	}
}

// streamError is what an error of reading or writing means to the calls.
func streamError(err error) *Error {
	kind := ErrClosed
	switch {
	case errors.Is(err, ErrMalformed):
		kind = ErrMalformed
	case errors.Is(err, os.ErrDeadlineExceeded):
		kind = ErrTimeout
	}
	return &Error{Kind: kind, Cause: err}
}

// deliver gives a message to the call it answers. One that answers none is passed over,
// as are answers to calls given up; too many of them end the stream.
func (s *stream) deliver(message []byte) error {
	at := time.Now()
	c, v := s.claim(message)
	r := result{size: len(message), at: at}
	switch v {
	case answers, bareError:
		if r.reply, r.err = newReply(message, c.name, v); r.err != nil {
			r.err = &Error{Kind: ErrMalformed, Cause: r.err}
		}
	case truncated:
		r.err = &Error{Kind: ErrTruncated}
	default:
		if s.strays++; s.strays > limits.StreamStrays {
			return fmt.Errorf("%w: more than %d messages answer no question", ErrMalformed, limits.StreamStrays)
		}
		return nil
	}
	c.done <- r
	return nil
}

// claim takes the call that a message answers off the list.
func (s *stream) claim(message []byte) (*call, verdict) {
	s.pool.mu.Lock()
	defer s.pool.mu.Unlock()
	c := s.calls[binary.BigEndian.Uint16(message)]
	if c == nil || c.asked.wire == nil { // nothing sent yet under that id
		return nil, foreign
	}
	v := match(message, &c.asked)
	if v == answers || v == truncated || v == bareError {
		s.answered++
		s.suspect = false
		delete(s.calls, c.id)
	}
	return c, v
}

// withdraw ends a call whose caller no longer waits. A stream that answered nothing since
// the call takes no new ones, and is closed when nobody waits on it.
func (c *call) withdraw(timedOut bool) {
	s := c.stream
	s.pool.mu.Lock()
	defer s.pool.mu.Unlock()
	delete(s.calls, c.id)
	if timedOut && s.answered == c.answered {
		s.suspect = true
	}
	if s.suspect && len(s.calls) == 0 {
		s.pool.fail(s, &Error{Kind: ErrTimeout})
	}
}
