package server

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Probe makes every goroutine that takes requests from a socket come round once, and returns an
// error that names the sockets whose goroutine has not when ctx ends: it is stuck in a request, and
// nobody who asks there gets an answer. Requests that do not end are an error when there are many. No query is touched and nothing is counted.
func (s *Server) Probe(ctx context.Context) error {
	sockets, rounds := s.callReaders()
	var errs []error
	for i, round := range rounds {
		select {
		case <-round:
			continue
		case <-ctx.Done():
		}
		select {
		case <-round: // before it was waited for
		default:
			errs = append(errs, fmt.Errorf("server: nothing is taken from %s %s: %w", sockets[i].Transport(), sockets[i].Addr(), ctx.Err()))
		}
	}
	return errors.Join(append(errs, s.clogged())...)
}

// callReaders wakes all readers; the channel of each closes when it is between two requests.
func (s *Server) callReaders() (sockets []*Socket, rounds []<-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return nil, nil
	}
	for _, sock := range s.sockets {
		if sock.round == nil {
			sock.round = make(chan struct{})
			sock.wake()
		}
		rounds = append(rounds, sock.round)
	}
	return s.sockets, rounds
}

// goOn is asked by the reader of sock when it was woken: whether it was for [Server.Probe], and so
// it has to go on, or for the end.
func (s *Server) goOn(sock *Socket) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sock.round != nil {
		close(sock.round)
		sock.round = nil
	}
	if s.stopped {
		return false
	}
	sock.setWake(time.Time{})
	return true
}
