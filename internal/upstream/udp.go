package upstream

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"knot-resolver/internal/limits"
)

// outcome is how the UDP part of an exchange ended: with a reply, with an error, or with
// the step to TCP.
type outcome struct {
	reply      *Reply
	err        error
	next       Degraded
	nearMisses int
}

// exchange is the state of the UDP part of one exchange. It is pooled for its buffers.
type exchange struct {
	random unpredictable
	query  [maxQuery]byte
	in     []byte

	ctx      context.Context
	conn     net.Conn
	server   netip.AddrPort
	q        *Query
	budget   *limits.Budget
	asked    question
	deadline time.Time
	byCaller bool // the deadline is the context's

	sent       time.Time
	nearMisses int
	guesses    int    // near misses that could have been attempts to forge
	refused    error  // the ICMP error that came, which may be forged
	bare       *Reply // the error without a question that came, which may be forged
	fallback   Degraded
}

func (c *Client) askUDP(ctx context.Context, server netip.AddrPort, q *Query, b *limits.Budget) outcome {
	conn, err := c.network.DialUDP(ctx, server)
	if err != nil {
		return outcome{err: dialError(ctx, server, UDP, err)}
	}
	defer conn.Close()
	if err := b.Charge(limits.KindUpstreamQueries, 1); err != nil {
		return outcome{err: err}
	}
	x := c.scratch.Get().(*exchange)
	defer c.release(x)
	x.ctx, x.conn, x.server, x.q, x.budget = ctx, conn, server, q, b

	stop := context.AfterFunc(ctx, func() { conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	if err := x.send(); err != nil {
		return outcome{err: x.failure(ErrUnreachable, err)}
	}
	return x.receive()
}

// release returns an exchange to the pool with nothing but its buffer.
func (c *Client) release(x *exchange) {
	*x = exchange{in: x.in}
	c.scratch.Put(x)
}

func (x *exchange) send() error {
	x.random.draw()
	query := x.q.append(x.query[:0], x.random.id())
	x.asked = questionOf(query, x.q.Name, x.q.Case0x20)
	if x.q.Case0x20 {
		x.random.flipCase(x.asked.wire[:x.asked.length])
	}
	x.sent = time.Now()
	x.deadline = x.sent.Add(x.q.timeout())
	if d, ok := x.ctx.Deadline(); ok && d.Before(x.deadline) {
		x.deadline, x.byCaller = d, true
	}
	if err := x.wait(); err != nil {
		return err
	}
	_, err := x.conn.Write(query)
	return err
}

// wait arms the timer. A context that ended meanwhile must not be lost under it.
func (x *exchange) wait() error {
	if err := x.conn.SetReadDeadline(x.deadline); err != nil {
		return err
	}
	if x.ctx.Err() != nil {
		return x.conn.SetReadDeadline(time.Unix(1, 0))
	}
	return nil
}

// receive reads until the answer has come, the timer has ended, or TCP is the better way.
func (x *exchange) receive() outcome {
	offered := x.q.offered()
	if len(x.in) <= offered {
		x.in = make([]byte, offered+1) // the extra octet tells what is longer than offered
	}
	for {
		n, err := x.conn.Read(x.in[:offered+1])
		if err != nil {
			if x.refused == nil && errors.Is(err, syscall.ECONNREFUSED) {
				x.refused = err
				x.hurry()
				continue
			}
			return x.ended(err)
		}
		if o, done := x.packet(x.in[:n], n > offered); done {
			o.nearMisses = x.nearMisses
			return o
		}
	}
}

// packet deals with one datagram and says whether it ends the UDP part.
func (x *exchange) packet(packet []byte, oversize bool) (outcome, bool) {
	v := match(packet, &x.asked)
	if oversize && (v == answers || v == truncated) {
		return outcome{next: AfterTruncation}, true
	}
	if v == foreign {
		x.guesses++
	}
	if v == foreign || v == garbage {
		return x.miss()
	}
	reply, err := newReply(packet, x.q.Name, v)
	switch {
	case err != nil && v == truncated: // some servers cut records in two
		x.weak(AfterTruncation)
	case err != nil:
		return x.miss()
	case v == truncated:
		return outcome{next: AfterTruncation}, true
	case v == otherCase:
		x.weak(AfterOtherCase)
	default:
		reply.RTT = time.Since(x.sent)
		if v == answers {
			return x.accept(reply), true
		}
		x.bare = reply
		x.hurry()
	}
	return outcome{}, false
}

// miss passes over a packet, unless that many look like somebody guessing.
func (x *exchange) miss() (outcome, bool) {
	x.nearMisses++
	return outcome{next: AfterNearMisses}, x.guesses >= limits.SpoofGuesses
}

// weak notes a reason to go to TCP, when the true answer does not come first.
func (x *exchange) weak(reason Degraded) {
	if x.fallback == NotDegraded {
		x.fallback = reason
		x.hurry()
	}
}

func (x *exchange) accept(reply *Reply) outcome {
	if err := x.budget.Charge(limits.KindBytesIn, len(reply.Msg.Raw())); err != nil {
		return outcome{err: err}
	}
	reply.NearMisses = x.nearMisses
	return outcome{reply: reply}
}

// hurry brings the end nearer after a sign that may be forged: the true answer still gets
// a chance. Only the first such sign counts, or a forger could put off the end.
func (x *exchange) hurry() {
	if d := time.Now().Add(x.q.timeout() / limits.WeakGrace); d.Before(x.deadline) {
		x.deadline, x.byCaller = d, false
		x.wait()
	}
}

// ended decides what it means that reading ended without an answer.
func (x *exchange) ended(err error) outcome {
	switch {
	case x.ctx.Err() != nil:
		return outcome{err: x.failure(ErrCanceled, x.ctx.Err())}
	case x.fallback != NotDegraded:
		return outcome{next: x.fallback, nearMisses: x.nearMisses}
	case x.bare != nil:
		return x.accept(x.bare)
	case x.refused != nil:
		return outcome{err: x.failure(ErrUnreachable, x.refused)}
	case !errors.Is(err, os.ErrDeadlineExceeded):
		return outcome{err: x.failure(ErrUnreachable, err)}
	case x.byCaller:
		return outcome{err: x.failure(ErrCanceled, context.DeadlineExceeded)}
	case x.nearMisses > 0:
		return outcome{next: AfterNearMisses, nearMisses: x.nearMisses}
	}
	return outcome{err: x.failure(ErrTimeout, nil)}
}

func (x *exchange) failure(kind, cause error) *Error {
	return &Error{Server: x.server, Kind: kind, Cause: cause, NearMisses: x.nearMisses}
}

// dialError sorts the errors of opening a socket or connection by what they say about the server.
func dialError(ctx context.Context, server netip.AddrPort, transport Transport, err error) *Error {
	kind := ErrUnreachable
	switch {
	case ctx.Err() != nil:
		kind = ErrCanceled
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded), errors.Is(err, syscall.ETIMEDOUT):
		kind = ErrTimeout
	case isAny(err, syscall.ENETUNREACH, syscall.EADDRNOTAVAIL, syscall.EAFNOSUPPORT):
		kind = ErrNoRoute
	case isAny(err, syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM):
		kind = ErrBusy
	}
	return &Error{Server: server, Transport: transport, Kind: kind, Cause: err}
}

func isAny(err error, kinds ...error) bool {
	for _, kind := range kinds {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}
