package upstream

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"knot-resolver/internal/limits"
)

// askStreams asks over TCP or TLS. When a stream that had been in use before breaks off, which
// servers do to idle ones at any time, the question is put once more on a new one (RFC 7766
// section 6.2.4).
func (c *Client) askStreams(ctx context.Context, server netip.AddrPort, q *Query, b *limits.Budget) (*Reply, error) {
	reply, reused, err := c.askStream(ctx, server, q, b, false)
	if reused && errors.Is(err, ErrClosed) {
		reply, _, err = c.askStream(ctx, server, q, b, true)
	}
	return reply, err
}

func (c *Client) askStream(ctx context.Context, server netip.AddrPort, q *Query, b *limits.Budget, fresh bool) (_ *Reply, reused bool, _ error) {
	to := endpoint{server: server, auth: q.TLS}
	asking, err := c.streams.enrol(to, b, fresh)
	if err != nil {
		return nil, false, to.blame(err)
	}
	select {
	case <-asking.stream.ready: // connecting has its own time limit
	case <-ctx.Done():
		asking.withdraw(false)
		return nil, false, to.blame(&Error{Kind: ErrCanceled, Cause: ctx.Err()})
	}
	sent, err := asking.send(ctx, q, b)
	if err != nil {
		asking.withdraw(false)
		return nil, asking.reused, to.blame(err)
	}
	timer := time.NewTimer(max(q.timeout(), limits.StreamAnswer))
	defer timer.Stop()
	select {
	case r := <-asking.done:
		reply, err := r.charged(b, to.transport(), sent)
		return reply, asking.reused, to.blame(err)
	case <-timer.C:
		asking.withdraw(true)
		return nil, false, to.blame(&Error{Kind: ErrTimeout})
	case <-ctx.Done():
		asking.withdraw(ctx.Err() == context.DeadlineExceeded)
		return nil, false, to.blame(&Error{Kind: ErrCanceled, Cause: ctx.Err()})
	}
}

// send writes the query. Letter case is not flipped: nobody off the path can answer on a
// connection, and some servers do not keep it.
func (c *call) send(ctx context.Context, q *Query, b *limits.Budget) (sent time.Time, err error) {
	s := c.stream
	frame := appendFrame(make([]byte, 0, 2+maxQuery), func(dst []byte) []byte { return q.append(dst, c.id) })
	s.pool.mu.Lock()
	conn, err := s.conn, s.err
	c.asked, c.name = questionOf(frame[2:], q.Name, false), q.Name
	s.pool.mu.Unlock()
	if err != nil {
		return sent, err
	}
	if err := b.Charge(limits.KindUpstreamQueries, 1); err != nil {
		return sent, err
	}
	select {
	case s.writes <- struct{}{}:
		defer func() { <-s.writes }()
	case <-ctx.Done():
		return sent, &Error{Kind: ErrCanceled, Cause: ctx.Err()}
	}
	sent = time.Now()
	conn.SetReadDeadline(sent.Add(limits.StreamInactive))
	conn.SetWriteDeadline(sent.Add(limits.StreamAnswer))
	if _, err := conn.Write(frame); err != nil {
		s.pool.mu.Lock()
		defer s.pool.mu.Unlock()
		s.pool.fail(s, streamError(err)) // half a message may be out
		return sent, s.err
	}
	return sent, nil
}

func (r *result) charged(b *limits.Budget, transport Transport, sent time.Time) (*Reply, error) {
	if err := b.Charge(limits.KindBytesIn, r.size); err != nil {
		return nil, err
	}
	if r.err != nil {
		return nil, r.err
	}
	r.reply.Transport, r.reply.RTT = transport, r.at.Sub(sent)
	return r.reply, nil
}

// blame puts the server into the error of a stream. That of the stream itself may be
// shared by several calls and stays as it is; that of a budget is the caller's own.
func (to endpoint) blame(err error) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	return &Error{Server: to.server, Transport: to.transport(), Kind: e.Kind, Cause: e.Cause}
}
