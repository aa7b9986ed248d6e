package server

import (
	"context"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"knot-resolver/internal/limits"
)

// waiter is a miss of a client of its own.
func waiter(n int, l lane, class uint8) *miss {
	ip := netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)})
	return &miss{lane: l, class: class, request: Request{Client: netip.AddrPortFrom(ip, 4000)}}
}

// busyQueue has requests in work that began at a time.
func busyQueue(most int, l lane, class uint8, now time.Time) (q *queue, working []*miss) {
	q = newQueue(most, nil, now)
	for n := range most {
		m := waiter(1<<20+n, l, class)
		if start, _ := q.arrive(m, now); start != m {
			panic("did not start")
		}
		working = append(working, m)
	}
	return q, working
}

// TestQueueOrder: the best class first, in a class who came first, and both lanes in turn.
func TestQueueOrder(t *testing.T) {
	now := time.Now()
	q, working := busyQueue(1, messages, 0, now)
	var want []*miss
	order := []struct {
		lane  lane
		class uint8
		place int
	}{{datagrams, 9, 6}, {messages, 3, 5}, {datagrams, 2, 2}, {messages, 0, 1}, {datagrams, 2, 4}, {messages, 0, 3}, {datagrams, 0, 0}}
	want = make([]*miss, len(order))
	for n, o := range order {
		m := waiter(n, o.lane, o.class)
		if start, refused := q.arrive(m, now); start != nil || refused != nil {
			t.Fatal("did not wait")
		}
		want[o.place] = m
	}
	if q.next(now) != nil {
		t.Error("started where there is no room")
	}
	last := working[0]
	q.turn = messages
	for place := range order {
		q.finish(last)
		if last = q.next(now); last != want[place] {
			t.Fatalf("place %d: %+v", place, last)
		}
	}
	q.finish(last)
	if q.next(now) != nil || q.running != 0 || q.waitingCount() != 0 || len(q.clients) != 0 {
		t.Errorf("left: %d running, %d waiting, %v", q.running, q.waitingCount(), q.clients)
	}
}

// TestQueueReclassifies: a client that has spent more since its requests came has lost its place.
func TestQueueReclassifies(t *testing.T) {
	now := time.Now()
	q, working := busyQueue(1, messages, 0, now)
	spent := map[netip.Addr]uint8{}
	q.priority = func(req *Request) uint8 { return spent[req.Client.Addr()] }
	var waiting []*miss
	for n := range 100 {
		m := waiter(n, datagrams, 0)
		q.arrive(m, now)
		waiting = append(waiting, m)
	}
	for _, m := range waiting[:99] {
		spent[m.request.Client.Addr()] = 3
	}
	q.finish(working[0])
	var order []*miss
	for m := q.next(now); m != nil; m = q.next(now) {
		order = append(order, m)
		q.finish(m)
	}
	// At most 64 are looked at in one go.
	if len(order) != 100 || !slices.Contains(order[:2], waiting[99]) {
		t.Errorf("%d, the honest one is number %d", len(order), slices.Index(order, waiting[99]))
	}
}

// TestQueueFull: what is worst goes, of that the oldest; the other lane is not touched.
func TestQueueFull(t *testing.T) {
	now := time.Now()
	q, _ := busyQueue(1, messages, 0, now)
	other := waiter(1<<21, messages, classes-1)
	q.arrive(other, now)
	var first *miss
	for n := range limits.Waiting {
		m := waiter(n, datagrams, 5)
		if first == nil {
			first = m
		}
		if _, refused := q.arrive(m, now); refused != nil {
			t.Fatalf("refused at %d", n)
		}
	}
	worse := waiter(1<<22, datagrams, 6)
	if _, refused := q.arrive(worse, now); refused != worse || worse.refused != displaced {
		t.Errorf("a worse one was taken instead of %+v", refused)
	}
	for _, class := range []uint8{5, 0} {
		want := q.waiting[datagrams].worst()
		if _, refused := q.arrive(waiter(1<<23+int(class), datagrams, class), now); refused != want {
			t.Errorf("class %d: %+v went", class, refused)
		}
	}
	if first.refused != displaced || other.refused != accepted {
		t.Errorf("the first %v, the other lane %v", first.refused, other.refused)
	}
}

// TestQueueClients (B25): one client has a bounded number of requests, an IPv6 network counts as one, and what ends makes room.
func TestQueueClients(t *testing.T) {
	now := time.Now()
	q := newQueue(10, nil, now)
	client := func(n int, l lane) *miss {
		m := waiter(0, l, 0)
		m.request.Client = netip.AddrPortFrom(six(n), 4000)
		return m
	}
	first := client(0, datagrams)
	q.arrive(first, now)
	for n := 1; n < limits.Pending; n++ {
		if _, refused := q.arrive(client(n, datagrams), now); refused != nil {
			t.Fatalf("refused at %d", n)
		}
	}
	if _, refused := q.arrive(client(1, datagrams), now); refused == nil || refused.refused != crowded {
		t.Error("one too many was taken")
	}
	if _, refused := q.arrive(client(1, messages), now); refused != nil {
		t.Error("its streams are refused for its datagrams")
	}
	if _, refused := q.arrive(waiter(7, datagrams, 0), now); refused != nil {
		t.Error("another client is refused")
	}
	q.finish(first)
	if _, refused := q.arrive(client(1, datagrams), now); refused != nil {
		t.Error("no room after one ended")
	}
}

func six(n int) netip.Addr {
	b := netip.MustParseAddr("2001:db8::").As16()
	b[14], b[15] = byte(n>>8), byte(n)
	return netip.AddrFrom16(b)
}

// TestQueueStale: who has waited too long is turned away, of whatever class.
func TestQueueStale(t *testing.T) {
	now := time.Now()
	q, _ := busyQueue(1, messages, 0, now)
	old := []*miss{waiter(1, datagrams, 3), waiter(2, messages, 0), waiter(3, datagrams, 9)}
	for _, m := range old {
		q.arrive(m, now)
	}
	young := waiter(4, datagrams, 3)
	q.arrive(young, now.Add(limits.WaitingTime))
	if q.stale(now.Add(limits.DatagramWaitingTime)) != nil {
		t.Error("too early")
	}
	for range 2 {
		if m := q.stale(now.Add(limits.WaitingTime)); m == nil || m.lane != datagrams {
			t.Error("a message is turned away too early")
		}
	}
	for range 1 {
		m := q.stale(now.Add(limits.WaitingTime + 1))
		if !slices.Contains(old, m) || m.refused != late {
			t.Errorf("%+v", m)
		}
	}
	if q.stale(now.Add(limits.WaitingTime+1)) != nil || q.waitingCount() != 1 {
		t.Error("the young one is gone")
	}
}

// TestQueueEvicts: the oldest of the worst class makes room, if it is not better than who waits, or its lane has too much.
func TestQueueEvicts(t *testing.T) {
	now := time.Now()
	soon, later := now.Add(limits.ResolvingAge), now.Add(limits.ResolvingAge+1)
	for name, c := range map[string]struct {
		working lane
		class   uint8
		waits   *miss
		at      time.Time
		want    bool
	}{
		"equal":                       {datagrams, 3, waiter(1, datagrams, 3), later, true},
		"too young":                   {datagrams, 3, waiter(1, datagrams, 3), soon, false},
		"better than who waits":       {datagrams, 2, waiter(1, datagrams, 3), later, false},
		"better, of a lane with more": {datagrams, 0, waiter(1, messages, 9), later, true},
		"the same the other way":      {messages, 0, waiter(1, datagrams, 9), later, true},
		"nobody waits there":          {messages, 0, waiter(1, messages, 9), later, false},
	} {
		q, working := busyQueue(4, c.working, c.class, now)
		q.arrive(c.waits, now)
		got := q.evict(c.waits.lane, c.at)
		if (got != nil) != c.want || got != nil && (got != working[0] || got.refused != evicted) {
			t.Errorf("%s: %+v", name, got)
		}
		if got != nil {
			q.finish(got)
			if q.next(c.at) != c.waits {
				t.Errorf("%s: its place went to somebody else", name)
			}
		}
	}
}

// TestQueueAdapts: late starts make it work on less, down to a floor, and it comes back.
func TestQueueAdapts(t *testing.T) {
	now := time.Now()
	q := newQueue(4096, nil, now)
	q.running = 3000
	step := func(delays ...time.Duration) {
		for _, d := range delays {
			q.started(d, now)
		}
		now = now.Add(limits.ResolvingWindow)
		q.adapt(now)
	}
	if step(limits.StartDelay, 0, limits.StartDelay); q.limit != 4096 {
		t.Errorf("%d after starts that were not late in the mean", q.limit)
	}
	if step(limits.StartDelay, 2*limits.StartDelay); q.limit != 2250 {
		t.Errorf("%d after late starts with 3000 in work", q.limit)
	}
	for range 20 {
		step(20*time.Millisecond, time.Second)
	}
	if q.limit != limits.ResolvingLeast {
		t.Errorf("%d after a second of late starts", q.limit)
	}
	for range 20 {
		step(time.Microsecond)
	}
	if q.limit != 4096 {
		t.Errorf("%d a second later", q.limit)
	}
}

// TestEvictedIsCancelled: whoever waits for a silent server makes room for others, and is told.
func TestEvictedIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var cancelled, shed atomic.Int32
		srv := New(Options{Resolving: 10, Handler: script{resolve: func(ctx context.Context, dst []byte, req *Request) []byte {
			select {
			case <-ctx.Done():
				cancelled.Add(1)
			case <-time.After(10 * time.Second):
			}
			return nil
		}}, Shed: func(dst []byte, _ *Request) []byte { shed.Add(1); return dst }})
		for n := range 30 {
			m := srv.take(&Request{Client: netip.AddrPortFrom(six(n<<8), 4000)}, datagrams)
			if n >= 20 {
				m.lane = messages
			}
			m.stream = &stream{ctx: context.Background(), server: srv}
			m.stream.changed.L = &m.stream.mu
			srv.dispatch.submit(m)
		}
		time.Sleep(limits.ResolvingAge + 2*limits.WaitingCheck)
		synctest.Wait()
		if n := cancelled.Load(); n != 10 {
			t.Errorf("%d cancelled", n)
		}
		time.Sleep(limits.ResolvingAge + 2*limits.WaitingCheck)
		synctest.Wait()
		if n, told := cancelled.Load(), shed.Load(); n != 15 || told != 20 { // five datagrams did not wait that long
			t.Errorf("%d cancelled, %d told", n, told)
		}
		srv.work.Wait()
		if q := srv.dispatch.queue; q.running != 0 || len(q.clients) != 0 {
			t.Errorf("%d running, %v", q.running, q.clients)
		}
		srv.cancel()
	})
}

// TestQueueExempt: who is exempt goes before others, and has more in work than Pending allows.
func TestQueueExempt(t *testing.T) {
	now := time.Now()
	q := newQueue(limits.Resolving, func(*Request) uint8 { return Exempt }, now)
	for n := range limits.Pending + 10 {
		m := &miss{request: Request{Client: netip.MustParseAddrPort("192.0.2.1:4000")}}
		if start, refused := q.arrive(m, now); start != m || refused != nil {
			t.Fatalf("request %d: start %v, refused %v", n, start != nil, refused != nil)
		}
	}
}
