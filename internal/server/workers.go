package server

import "knot-resolver/internal/limits"

// do runs f on a goroutine that has worked before, if one is idle: its stack has grown to what a resolution needs,
// which costs more than the goroutine itself.
func (s *Server) do(f func()) {
	s.work.Add(1)
	select {
	case s.tasks <- f:
	default:
		go s.labour(f)
	}
}

// labour does one task, and while not too many others are idle those that come after.
func (s *Server) labour(f func()) {
	for {
		f()
		s.work.Done()
		if s.idle.Add(1) > limits.IdleGoroutines {
			s.idle.Add(-1)
			return
		}
		select {
		case f = <-s.tasks:
			s.idle.Add(-1)
		case <-s.ctx.Done():
			return
		}
	}
}
