package manager

import (
	"context"
	"fmt"

	"knot-resolver/internal/config"
	"knot-resolver/internal/control"
)

// Opening is one socket that a configuration asks for, and how to open it.
// Open returns a descriptor that belongs to the caller.
type Opening struct {
	Socket control.Socket // without Slot
	Open   func() (fd int, err error)
}

// ListenFunc lists the sockets each worker needs.
type ListenFunc func(*config.Config) ([]Opening, error)

// socket is an open listening socket, lent to the worker of its slot.
type socket struct {
	control.Socket
	fd int
}

// openSockets returns the sockets for all workers of a configuration. Those
// that are open already are taken over; the fresh ones are listed once more.
func (m *Manager) openSockets(cfg *config.Config) (all map[int][]socket, fresh []int, err error) {
	openings, err := m.Listen(cfg)
	if err != nil {
		return nil, nil, err
	}
	open := map[control.Socket]int{}
	for _, list := range m.sockets {
		for _, s := range list {
			open[s.Socket] = s.fd
		}
	}
	all = make(map[int][]socket, cfg.Workers)
	for slot := range cfg.Workers {
		for _, o := range openings {
			o.Socket.Slot = slot
			fd, ok := open[o.Socket]
			if !ok {
				if fd, err = o.Open(); err != nil {
					control.CloseAll(fresh)
					return nil, nil, err
				}
				fresh = append(fresh, fd)
			}
			all[slot] = append(all[slot], socket{o.Socket, fd})
		}
	}
	return all, fresh, nil
}

// useSockets makes next the sockets in use and closes the others.
func (m *Manager) useSockets(next map[int][]socket) {
	keep := descriptors(next)
	for _, list := range m.sockets {
		for _, s := range list {
			if !keep[s.fd] {
				control.CloseAll([]int{s.fd})
			}
		}
	}
	m.sockets = next
}

// descriptors is the set of the descriptors of sockets.
func descriptors(sockets map[int][]socket) map[int]bool {
	all := map[int]bool{}
	for _, list := range sockets {
		for _, s := range list {
			all[s.fd] = true
		}
	}
	return all
}

// assignment is what a worker serves clients with.
func assignment(v control.Version, list []socket) (a control.Assignment, files []int) {
	a.Version = v
	for _, s := range list {
		a.Sockets = append(a.Sockets, s.Socket)
		files = append(files, s.fd)
	}
	return a, files
}

// startWorkers starts the workers from..to-1 at once and returns the first failure.
func (m *Manager) startWorkers(ctx context.Context, v control.Version, sockets map[int][]socket, from, to int) error {
	results := make(chan error)
	for n := from; n < to; n++ {
		go func() {
			a, files := assignment(v, sockets[n])
			_, err := m.launch(ctx, worker(n), a, files)
			results <- err
		}()
	}
	var first error
	for n := from; n < to; n++ {
		if err := <-results; err != nil && first == nil {
			first = err
		}
	}
	return first
}

// stopWorkers stops the workers from..to-1.
func (m *Manager) stopWorkers(ctx context.Context, from, to int) error {
	for n := from; n < to; n++ {
		if err := m.halt(ctx, worker(n)); err != nil {
			return fmt.Errorf("fewer workers: %w", err)
		}
	}
	return nil
}
