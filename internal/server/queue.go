package server

import (
	"net/netip"
	"time"

	"knot-resolver/internal/limits"
)

// lane keeps apart what may be forged from what may not, so that neither can starve the other.
type lane uint8

const (
	datagrams lane = iota
	messages       // on streams
	lanes
)

// Exempt is the priority of clients who are served first and may have as many requests in work as they like.
const Exempt = 0xff

// classes is how many priorities there are in a lane; what is above the last counts as the last.
const classes = 32

// queue decides which requests are worked on, which wait and which are turned away. It does nothing itself: callers
// hold its lock, start what it gives them and turn away what it refuses. Both lanes have a right to half of the work;
// within a lane the best class comes first, within a class who came first.
type queue struct {
	priority func(*Request) uint8 // nil: all are equal
	most     int                  // requests in work, at most
	limit    int                  // the same, now
	running  int
	active   [lanes]class // requests in work that may be evicted
	waiting  [lanes]class
	turn     lane // whose turn it is when both wait
	clients  map[clientKey]pending

	window time.Time     // when the present window of measuring began
	delay  time.Duration // of all starts in it together
	starts int
}

// class is the requests of a lane by priority, the oldest first.
type class struct {
	chains [classes]chain
	count  int
}

type clientKey struct {
	client netip.Prefix
	lane   lane
}

// pending is what a client has in work or waiting.
type pending struct {
	count    int
	flooding bool // it has had more than half of its bound since it last had nothing
}

// refusal is why a request is turned away.
type refusal uint8

const (
	accepted  refusal = iota
	crowded           // its client has too many
	displaced         // there was no room, or it was needed for a better one
	late              // it waited too long
	evicted           // it was worked on for long while others waited
)

func newQueue(most int, priority func(*Request) uint8, now time.Time) *queue {
	return &queue{priority: priority, most: most, limit: most, clients: map[clientKey]pending{}, window: now}
}

// arrive takes a request in: it starts (the first result is the request itself), it waits, or somebody is turned
// away: the request itself or a worse one that waited.
func (q *queue) arrive(m *miss, now time.Time) (start, refused *miss) {
	m.key = clientKey{clientOf(m.request.Client.Addr()), m.lane}
	m.class = q.classOf(m)
	m.since = now
	if !q.admit(m) {
		m.refused = crowded
		return nil, m
	}
	if q.running < q.limit && q.waitingCount() == 0 {
		q.begin(m, now)
		return m, nil
	}
	if w := &q.waiting[m.lane]; w.count >= limits.Waiting {
		if refused = w.worst(); refused.class < m.class {
			refused = m
		} else {
			w.remove(refused)
			w.push(m)
		}
		q.refuse(refused, displaced)
		return nil, refused
	}
	q.waiting[m.lane].push(m)
	return nil, nil
}

// classOf is when a request is served now.
func (q *queue) classOf(m *miss) uint8 {
	if q.priority == nil {
		return m.class
	}
	class := q.priority(&m.request)
	if m.exempt = class == Exempt; m.exempt {
		return 0
	}
	return min(class, classes-1)
}

// admit counts a request of a client, unless he has too many.
func (q *queue) admit(m *miss) bool {
	client := q.clients[m.key]
	if client.count >= limits.Pending && !m.exempt {
		return false
	}
	client.count++
	client.flooding = !m.exempt && (client.flooding || 2*client.count > limits.Pending)
	q.clients[m.key] = client
	return true
}

// finish ends the work on a request.
func (q *queue) finish(m *miss) {
	q.running--
	if m.refused == accepted {
		q.active[m.lane].remove(m)
		q.forget(m)
	}
}

// next gives a waiting request that starts now, if there is one and room for it.
func (q *queue) next(now time.Time) *miss {
	if q.running >= q.limit {
		return nil
	}
	for range lanes {
		q.turn = (q.turn + 1) % lanes
		if m := q.best(q.turn); m != nil {
			q.waiting[q.turn].remove(m)
			q.begin(m, now)
			return m
		}
	}
	return nil
}

// best is whose turn it is in a lane. Those whose clients have spent more since they came go back to where they belong now.
func (q *queue) best(l lane) *miss {
	const again = 64 // at most, at one time
	w := &q.waiting[l]
	for range again {
		m := w.best()
		if m == nil || q.priority == nil {
			return m
		}
		class := q.classOf(m)
		if class <= m.class {
			return m
		}
		w.remove(m)
		m.class = class
		w.pushFront(m) // it has waited for longer than others there
	}
	return w.best()
}

// stale gives a waiting request of any class that has waited too long and is turned away.
func (q *queue) stale(now time.Time) *miss {
	for l := range q.waiting {
		for c := range q.waiting[l].chains {
			if m := q.waiting[l].chains[c].first; m != nil && now.Sub(m.since) > patience(lane(l)) {
				q.waiting[l].remove(m)
				q.refuse(m, late)
				return m
			}
		}
	}
	return nil
}

func patience(l lane) time.Duration {
	if l == datagrams {
		return limits.DatagramWaitingTime
	}
	return limits.WaitingTime
}

// evict gives a request in work that has to make room for the best that waits in a lane: the oldest of the worst class.
// What has only just begun stays. A lane that has more than its half loses to the other whatever the classes are.
func (q *queue) evict(l lane, now time.Time) *miss {
	best := q.waiting[l].best()
	if best == nil {
		return nil
	}
	age := limits.ResolvingAge
	if q.limit < q.most {
		age = limits.WaitingTime // processors are slow, not necessarily servers
	}
	for _, from := range [lanes]lane{1 - l, l} {
		if from != l && 2*q.active[from].count <= q.limit {
			continue
		}
		for c := classes - 1; c >= 0 && (from != l || c >= int(best.class)); c-- {
			if m := q.active[from].chains[c].first; m != nil && now.Sub(m.since) > age {
				q.active[from].remove(m)
				q.refuse(m, evicted)
				return m
			}
		}
	}
	return nil
}

func (q *queue) begin(m *miss, now time.Time) {
	m.waited, m.since = now.Sub(m.since), now
	q.running++
	q.active[m.lane].push(m)
}

func (q *queue) refuse(m *miss, why refusal) {
	m.refused = why
	q.forget(m)
}

func (q *queue) forget(m *miss) {
	client := q.clients[m.key]
	if client.count--; client.count == 0 {
		delete(q.clients, m.key)
		return
	}
	q.clients[m.key] = client
}

func (q *queue) waitingCount() int { return q.waiting[datagrams].count + q.waiting[messages].count }

// started measures how long a request that was to start took to get hold of a processor.
func (q *queue) started(delay time.Duration, now time.Time) {
	q.delay += delay
	q.starts++
	q.adapt(now)
}

// adapt changes, after each window, how many requests are worked on: fewer when the mean start was late, as then
// everything that is ready to run waits for a processor; else more.
func (q *queue) adapt(now time.Time) {
	if now.Sub(q.window) < limits.ResolvingWindow {
		return
	}
	if q.starts > 0 && q.delay > limits.StartDelay*time.Duration(q.starts) {
		q.limit = max(min(q.limit, q.running)*3/4, min(limits.ResolvingLeast, q.most))
	} else {
		q.limit = min(q.limit+q.limit/4+1, q.most)
	}
	q.window, q.delay, q.starts = now, 0, 0
}
