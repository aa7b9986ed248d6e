package server

import (
	"net/netip"
	"sync"
)

// streamTable bounds the stream connections in total and per client. A connection is counted from
// accept until its descriptor is closed.
type streamTable struct {
	max, perClient int

	mu      sync.Mutex
	streams map[*stream]netip.Prefix
	clients map[netip.Prefix]int
}

func newStreamTable(max, perClient int) *streamTable {
	return &streamTable{max: max, perClient: perClient, streams: map[*stream]netip.Prefix{}, clients: map[netip.Prefix]int{}}
}

// add takes the stream in. When the table is full, the stream that has been idle longest has to
// leave: it is no longer counted, and the caller must close it. ok is false when the client has too
// many or nobody is idle.
func (t *streamTable) add(st *stream, ip netip.Addr) (evicted *stream, ok bool) {
	client := clientOf(ip)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.clients[client] >= t.perClient {
		return nil, false
	}
	if len(t.streams) >= t.max {
		if evicted = t.idlest(); evicted == nil {
			return nil, false
		}
		t.removeLocked(evicted)
	}
	t.streams[st] = client
	t.clients[client]++
	return evicted, true
}

// idlest returns the stream that has had nothing to do for the longest time.
func (t *streamTable) idlest() (oldest *stream) {
	for st := range t.streams {
		since, idle := st.idle()
		if !idle {
			continue
		}
		if oldest == nil {
			oldest = st
			continue
		}
		if best, _ := oldest.idle(); since.Before(best) {
			oldest = st
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
	client, ok := t.streams[st]
	if !ok {
		return
	}
	delete(t.streams, st)
	if t.clients[client]--; t.clients[client] == 0 {
		delete(t.clients, client)
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
