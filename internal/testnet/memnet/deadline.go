package memnet

import (
	"sync"
	"time"
)

// deadline is a point in time to wait for, which may be moved meanwhile.
type deadline struct {
	mu    sync.Mutex
	timer *time.Timer
	done  chan struct{} // closed when the deadline has passed
	next  chan struct{} // closed when the deadline was set anew
}

func newDeadline() *deadline {
	return &deadline{done: make(chan struct{}), next: make(chan struct{})}
}

// set moves the deadline; the zero time is never.
func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	done := make(chan struct{})
	close(d.next)
	d.done, d.next = done, make(chan struct{})
	if t.IsZero() {
		return
	}
	wait := time.Until(t)
	if wait <= 0 {
		close(done)
		return
	}
	d.timer = time.AfterFunc(wait, func() { close(done) })
}

// passed is closed once the present deadline is over.
func (d *deadline) passed() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.done
}

// moved is closed once the present deadline is replaced.
func (d *deadline) moved() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.next
}
