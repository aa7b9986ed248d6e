package manager

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"knot-resolver/internal/control"
	"knot-resolver/internal/limits"
)

// team knows who fills which post: what every process is meant to run on, and
// which ones are connected.
type team struct {
	log   *slog.Logger
	lost  func(post) // a process that is wanted has gone
	extra func(post) // a process has come that is not wanted
	stale func(post) // a process became ready on an assignment that changed meanwhile

	once sync.Once
	open chan struct{} // closed when it is known who is wanted; until then, who joins waits

	mu      sync.Mutex
	members map[post]*member
	closing bool           // nobody is let in any more
	links   sync.WaitGroup // connected processes; added to under mu while not closing
}

// member is one post. Its mutex is held while descriptors are sent, so that
// they are not closed in between.
type member struct {
	mu     sync.Mutex
	wanted *control.Assignment // nil = the post is closed
	files  []int
	conn   *control.Conn // nil = nobody connected
	joined time.Time     // when conn was
	left   time.Time     // when the last process went though it was wanted; zero = it did not
	ready  bool
	sent   uint64              // number of the version that the process started on
	result chan control.Report // of the start that somebody waits for; nil = none
}

func newTeam(log *slog.Logger) *team {
	return &team{log: log, open: make(chan struct{}), members: map[post]*member{}}
}

func (t *team) member(p post) *member {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.members[p] == nil {
		t.members[p] = &member{}
	}
	return t.members[p]
}

// assign opens the post with an assignment. The outcome of the next start is
// sent to the channel.
func (t *team) assign(p post, a control.Assignment, files []int) <-chan control.Report {
	m := t.member(p)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.wanted, m.files, m.result, m.left = &a, files, make(chan control.Report, 1), time.Time{}
	return m.result
}

// reassign gives the post another version; a process that is there stays.
func (t *team) reassign(p post, v control.Version) {
	m := t.member(p)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.wanted != nil {
		next := *m.wanted
		next.Version = v
		m.wanted = &next
	}
}

// dismiss closes the post. Whoever fills it is followed no more.
func (t *team) dismiss(p post) {
	m := t.member(p)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.wanted, m.files, m.conn, m.result, m.ready = nil, nil, nil, nil, false
}

func (t *team) dismissAll() {
	for _, p := range t.posts(func(*member) bool { return true }) {
		t.dismiss(p)
	}
}

// assignment returns what the post is meant to run on.
func (t *team) assignment(p post) (a control.Assignment, ok bool) {
	m := t.member(p)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.wanted == nil {
		return a, false
	}
	return *m.wanted, true
}

// missing reports whether the post is open and nobody is connected, and since when.
func (t *team) missing(p post) (missing bool, since time.Time) {
	m := t.member(p)
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.wanted != nil && m.conn == nil, m.left
}

// serving reports whether the post is filled by a process that is ready.
func (t *team) serving(p post) bool {
	m := t.member(p)
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.wanted != nil && m.ready
}

// ready lists the workers that serve clients now, in order of their numbers.
func (t *team) ready() []post {
	list := t.posts(func(m *member) bool { return m.ready && m.wanted != nil && !m.wanted.Temporary() })
	list = slices.DeleteFunc(list, func(p post) bool { return p.role != control.RoleWorker })
	slices.SortFunc(list, func(a, b post) int { return a.worker - b.worker })
	return list
}

// hanging lists the workers that joined before a time, are not ready yet, and whose
// start nobody waits for.
func (t *team) hanging(before time.Time) []post {
	list := t.posts(func(m *member) bool {
		return m.wanted != nil && m.conn != nil && !m.ready && m.result == nil && m.joined.Before(before)
	})
	return slices.DeleteFunc(list, func(p post) bool { return p.role != control.RoleWorker })
}

// posts lists the posts whose member passes the test, in no order.
func (t *team) posts(test func(*member) bool) (list []post) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for p, m := range t.members {
		m.mu.Lock()
		if test(m) {
			list = append(list, p)
		}
		m.mu.Unlock()
	}
	return list
}

// wait returns when no process is connected any more, or ctx ends.
func (t *team) wait(ctx context.Context) {
	t.mu.Lock()
	t.closing = true
	t.mu.Unlock()
	done := make(chan struct{})
	go func() { t.links.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// welcome lets those in who have joined so far, and everybody later.
func (t *team) welcome() { t.once.Do(func() { close(t.open) }) }

// accept serves processes that join until l is closed.
func (t *team) accept(l *control.Listener) {
	for {
		conn, err := l.AcceptConn()
		if errors.Is(err, control.ErrPeer) {
			t.log.Warn("connection refused", "reason", err)
			continue
		}
		if err != nil {
			return
		}
		if !t.link(func() { t.join(conn) }) {
			conn.Close()
		}
	}
}

// join gives a process its assignment and follows it to its end.
func (t *team) join(conn *control.Conn) {
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(limits.ControlHello))
	var hello control.Hello
	files, err := conn.Receive(&hello)
	control.CloseAll(files)
	if err != nil {
		return
	}
	p := post{hello.Role, hello.Worker}
	<-t.open
	m := t.member(p)
	time.Sleep(m.pace())
	conn.SetDeadline(time.Now().Add(limits.ControlHello))
	if err := m.give(conn); err != nil {
		t.log.Info("process turned away", "process", p, "pid", hello.PID, "reason", err)
		t.extra(p)
		return
	}
	conn.SetDeadline(time.Time{})
	t.follow(p, m, conn)
}

// pace returns how long a process has to wait because its predecessor died soon after
// it had joined.
func (m *member) pace() time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.left.IsZero() {
		return 0
	}
	return time.Until(m.joined.Add(limits.ManagerPace))
}

// give sends the assignment to a process that has just joined.
func (m *member) give(conn *control.Conn) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.wanted == nil {
		conn.Send(control.Assignment{Refused: "no such process is wanted"}, nil)
		return errors.New("not wanted")
	}
	if err := conn.Send(*m.wanted, m.files); err != nil {
		return err
	}
	m.conn, m.joined, m.ready, m.sent = conn, time.Now(), false, m.wanted.Version.Number
	return nil
}

// adopt takes over a process that another manager started.
func (t *team) adopt(p post, conn *control.Conn, a control.Assignment, files []int) {
	m := t.member(p)
	m.mu.Lock()
	m.wanted, m.files, m.conn, m.joined, m.sent = &a, files, conn, time.Now(), a.Version.Number
	m.mu.Unlock()
	t.link(func() { // cannot be refused: wait comes after the start
		defer conn.Close()
		t.follow(p, m, conn)
	})
}

// link runs f for a connected process, unless wait has begun.
func (t *team) link(f func()) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closing {
		return false
	}
	t.links.Go(f)
	return true
}

// follow takes the reports of a process until it is gone.
func (t *team) follow(p post, m *member, conn *control.Conn) {
	for {
		var r control.Report
		files, err := conn.Receive(&r)
		control.CloseAll(files)
		if err != nil {
			break
		}
		if m.settle(conn, r) {
			t.stale(p)
		}
	}
	if m.leave(conn) {
		t.lost(p)
	}
}

// settle records the outcome of a start, and reports whether the version that
// the process started on is outdated.
func (m *member) settle(conn *control.Conn, r control.Report) (stale bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.conn != conn || m.wanted == nil {
		return false
	}
	m.ready = r.Error == ""
	if m.result != nil {
		m.result <- r
		m.result = nil
	}
	return m.ready && m.sent != m.wanted.Version.Number
}

// leave records the end of a process, and reports whether it will be missed.
func (m *member) leave(conn *control.Conn) (missed bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.conn != conn {
		return false
	}
	m.conn, m.ready = nil, false
	if m.result != nil {
		m.result <- control.Report{Error: "exited before it was ready"}
		m.result = nil
		return false
	}
	if m.wanted != nil {
		m.left = time.Now()
	}
	return m.wanted != nil
}
