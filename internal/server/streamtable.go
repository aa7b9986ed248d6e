package server

import (
	"net/netip"
	"sync"
	"time"

	"knot-resolver/internal/limits"
)

// streamTable bounds the stream connections in total and per client. A connection is counted from
// accept until its descriptor is closed.
type streamTable struct {
	max, perClient int

	mu      sync.Mutex
	streams map[*stream]struct{}
	clients map[netip.Prefix]int
}

func newStreamTable(max, perClient int) *streamTable {
	return &streamTable{max: max, perClient: perClient, streams: map[*stream]struct{}{}, clients: map[netip.Prefix]int{}}
}

// add takes the stream in. When the table is full, one that has been idle for long has to
// leave: it is no longer counted, and the caller must close it. ok is false when the client has too
// many or nobody is idle.
func (t *streamTable) add(st *stream) (evicted *stream, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.clients[st.client] >= t.perClient {
		return nil, false
	}
	if len(t.streams) >= t.max {
		if evicted = t.idlest(); evicted == nil {
			return nil, false
		}
		t.removeLocked(evicted)
	}
	t.streams[st] = struct{}{}
	t.clients[st.client]++
	return evicted, true
}

// idlest returns the stream that has had nothing to do for the longest time, of limits.StreamEvictions that it comes upon.
func (t *streamTable) idlest() (oldest *stream) {
	var best time.Time
	looked := 0
	for st := range t.streams {
		since, idle := st.idle()
		if idle && (oldest == nil || since.Before(best)) {
			oldest, best = st, since
		}
		if looked++; looked == limits.StreamEvictions {
			break
		}
	}
	return oldest
}

// remove forgets the stream, if it is still counted.
func (t *streamTable) remove(st *stream) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.removeLocked(st)
}

func (t *streamTable) removeLocked(st *stream) {
	if _, counted := t.streams[st]; !counted {
		return
	}
	delete(t.streams, st)
	if t.clients[st.client]--; t.clients[st.client] == 0 {
		delete(t.clients, st.client)
	}
}

// drain makes all streams stop reading.
func (t *streamTable) drain() {
	for _, st := range t.all() {
		st.drain()
	}
}

// closeAll closes all streams.
func (t *streamTable) closeAll() {
	for _, st := range t.all() {
		st.abort()
	}
}

func (t *streamTable) all() []*stream {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := make([]*stream, 0, len(t.streams))
	for st := range t.streams {
		list = append(list, st)
	}
	return list
}
