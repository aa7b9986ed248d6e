package memnet

import (
	"container/heap"
	"sync"
	"time"
)

// schedule runs functions later: in the order of their times, and at the same
// time in the order they came. Timers alone would run those in any order.
type schedule struct {
	running sync.Mutex // held while events run
	mu      sync.Mutex
	events  eventHeap
	seq     uint64
}

type event struct {
	at  time.Time
	seq uint64
	run func()
}

// after runs f when d has passed. f must not block.
func (s *schedule) after(d time.Duration, f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seq++
	heap.Push(&s.events, event{time.Now().Add(d), s.seq, f})
	time.AfterFunc(d, s.runDue)
}

func (s *schedule) runDue() {
	s.running.Lock()
	defer s.running.Unlock()
	for {
		e, ok := s.nextDue()
		if !ok {
			return
		}
		e.run()
	}
}

func (s *schedule) nextDue() (event, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.events) == 0 || s.events[0].at.After(time.Now()) {
		return event{}, false
	}
	return heap.Pop(&s.events).(event), true
}

// eventHeap implements heap.Interface.
type eventHeap []event

func (h eventHeap) Len() int      { return len(h) }
func (h eventHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *eventHeap) Push(e any)   { *h = append(*h, e.(event)) }

func (h eventHeap) Less(i, j int) bool {
	if h[i].at.Equal(h[j].at) {
		return h[i].seq < h[j].seq
	}
	return h[i].at.Before(h[j].at)
}

func (h *eventHeap) Pop() any {
	old := *h
	e := old[len(old)-1]
	*h = old[:len(old)-1]
	return e
}
