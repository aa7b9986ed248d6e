package upstream

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

// Every exchange is counted once, in one class of its outcome.
func TestCounters(t *testing.T) {
	var c Client
	n := &c.counters
	n.count(&Reply{RTT: 300 * time.Microsecond}, nil)
	n.count(&Reply{RTT: 5 * time.Second, Transport: TCP, Degraded: AfterTruncation, NearMisses: 2}, nil)
	n.count(nil, &Error{Kind: ErrTimeout, NearMisses: 1})
	n.count(nil, fmt.Errorf("ask: %w", &Error{Kind: ErrUnreachable, After: AfterOtherCase}))
	n.count(nil, errors.New("budget"))
	got := c.Metrics()
	for name, want := range map[string]uint64{
		"exchanges": 5, "udp_answers": 1, "tcp_answers": 1, "tls_answers": 0, "near_misses": 3, "tcp_after_truncation": 1, "tcp_after_other_case": 1,
		"tcp_after_near_misses": 0, "timeouts": 1, "unreachable": 1, "malformed": 0, "failed_otherwise": 1, "1ms": 1, "10ms": 0, "slow": 1, "sum_ms": 5000,
	} {
		if got[name] != want {
			t.Errorf("%s: %v, expected %d", name, got[name], want)
		}
	}
}
