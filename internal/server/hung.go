package server

import (
	"fmt"
	"slices"
	"time"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/limits"
)

// hung is a request that is told of: the miss itself may be over by then.
type hung struct {
	raw     []byte
	request Request
	age     time.Duration
}

// hanging counts the requests that are worked on for longer than any resolution takes, and returns those of which nobody
// has been told.
func (q *queue) hanging(now time.Time) (count int, fresh []hung) {
	for l := range q.active {
		for c := range q.active[l].chains {
			for m := q.active[l].chains[c].first; m != nil && now.Sub(m.since) > limits.ResolvingHung; m = m.after {
				if count++; !m.told {
					m.told = true
					fresh = append(fresh, hung{slices.Clone(m.raw), m.request, now.Sub(m.since)})
				}
			}
		}
	}
	return count, fresh
}

// lookForHung reports requests that do not end though their time is over: a dead-lock, a fault of ours. Who asked has given
// up; what matters is that somebody looks at it (the goroutines of the process say where they wait) before places run out.
func (s *Server) lookForHung(now time.Time) {
	s.dispatch.mu.Lock()
	count, fresh := s.dispatch.queue.hanging(now)
	s.dispatch.mu.Unlock()
	s.counters.Hung.Store(int64(count))
	for _, h := range fresh {
		s.opts.Log.Error("a request does not end", "client", h.request.Client, "transport", h.request.Transport,
			"question", question(h.raw), "age", h.age.Round(time.Second))
	}
}

// question says what a message asks for.
func question(raw []byte) string {
	var m dns.Message
	if err := m.Parse(raw); err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%v %v", m.Question.Name, m.Question.Type)
}

// clogged is the error of a server of whose places so many are held by requests that do not end that it has to be replaced.
func (s *Server) clogged() error {
	if n := s.counters.Hung.Load(); n >= int64(max(1, s.opts.Resolving/limits.HungShare)) {
		return fmt.Errorf("server: %d requests do not end", n)
	}
	return nil
}
