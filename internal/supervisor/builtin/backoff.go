package builtin

import (
	"time"

	"knot-resolver/internal/limits"
)

// backoff spaces the restarts of one program. Its value is the number of
// failures not yet forgiven.
type backoff int

// failed counts a failure after the given uptime and returns how long to wait
// before the next start. What doubles with each failure is the time between two
// starts, so a process that ran for a while is started again at once: queries wait
// for it, and it does not eat a core. Each SupervisorBackoffDecay of uptime forgives
// one failure.
func (b *backoff) failed(uptime time.Duration) time.Duration {
	return max(0, b.spacing(uptime)-uptime)
}

// spacing is the least time between the last start and the next.
func (b *backoff) spacing(uptime time.Duration) time.Duration {
	forgiven := backoff(uptime / limits.SupervisorBackoffDecay)
	*b = max(0, *b-forgiven) + 1
	if *b == 1 {
		return 0
	}
	delay := limits.SupervisorBackoffStep
	for range *b - 2 {
		if delay *= 2; delay >= limits.SupervisorBackoffMax {
			*b-- // no need to count further than the longest delay
			return limits.SupervisorBackoffMax
		}
	}
	return delay
}
