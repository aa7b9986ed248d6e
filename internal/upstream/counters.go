package upstream

import (
	"errors"
	"sync/atomic"
	"time"
)

// answerTimes are the upper bounds of the classes of round-trip times; longer ones are "slow".
var answerTimes = [...]struct {
	bound time.Duration
	name  string
}{
	{time.Millisecond, "1ms"}, {10 * time.Millisecond, "10ms"}, {50 * time.Millisecond, "50ms"}, {100 * time.Millisecond, "100ms"},
	{250 * time.Millisecond, "250ms"}, {500 * time.Millisecond, "500ms"}, {time.Second, "1000ms"}, {1500 * time.Millisecond, "1500ms"},
}

// failures are the kinds of errors that are counted by name.
var failures = [...]struct {
	kind error
	name string
}{
	{ErrTimeout, "timeouts"}, {ErrUnreachable, "unreachable"}, {ErrNoRoute, "no_route"}, {ErrMalformed, "malformed"},
	{ErrClosed, "closed"}, {ErrHandshake, "handshake"}, {ErrUntrusted, "untrusted"}, {ErrBusy, "busy"}, {ErrForbidden, "forbidden"}, {ErrCanceled, "canceled"},
}

// counters are the statistics of a Client: every exchange is counted once, when it has ended.
type counters struct {
	exchanges       atomic.Uint64
	answered        [TLS + 1]atomic.Uint64       // by transport
	after           [4]atomic.Uint64             // by Degraded: those that went on over TCP
	nearMisses      atomic.Uint64                // packets that did not match
	failed          [len(failures)]atomic.Uint64 // by kind
	failedOtherwise atomic.Uint64                // budgets among them
	times           [len(answerTimes) + 1]atomic.Uint64
	sum             atomic.Uint64 // of round-trip times, microseconds
}

func (c *counters) count(reply *Reply, err error) {
	c.exchanges.Add(1)
	if err != nil {
		c.countError(err)
		return
	}
	c.answered[reply.Transport].Add(1)
	c.after[reply.Degraded].Add(1)
	c.nearMisses.Add(uint64(reply.NearMisses))
	i := 0
	for i < len(answerTimes) && reply.RTT > answerTimes[i].bound {
		i++
	}
	c.times[i].Add(1)
	c.sum.Add(uint64(max(reply.RTT, 0).Microseconds()))
}

func (c *counters) countError(err error) {
	var e *Error
	if !errors.As(err, &e) {
		c.failedOtherwise.Add(1)
		return
	}
	c.after[e.After].Add(1)
	c.nearMisses.Add(uint64(e.NearMisses))
	for i := range failures {
		if errors.Is(e.Kind, failures[i].kind) {
			c.failed[i].Add(1)
			return
		}
	}
	c.failedOtherwise.Add(1)
}

// Metrics returns the counters by their names.
func (c *Client) Metrics() map[string]any {
	n := &c.counters
	m := map[string]any{
		"exchanges": n.exchanges.Load(), "near_misses": n.nearMisses.Load(),
		"udp_answers": n.answered[UDP].Load(), "tcp_answers": n.answered[TCP].Load(), "tls_answers": n.answered[TLS].Load(),
		"tcp_after_truncation": n.after[AfterTruncation].Load(), "tcp_after_other_case": n.after[AfterOtherCase].Load(),
		"tcp_after_near_misses": n.after[AfterNearMisses].Load(), "failed_otherwise": n.failedOtherwise.Load(),
		"sum_ms": n.sum.Load() / 1000, "slow": n.times[len(answerTimes)].Load(),
	}
	for i, f := range failures {
		m[f.name] = n.failed[i].Load()
	}
	for i, class := range answerTimes {
		m[class.name] = n.times[i].Load()
	}
	return m
}
