package control

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"knot-resolver/internal/limits"
)

// ErrRefused is returned when the manager has no use for a component.
var ErrRefused = errors.New("control: refused by the manager")

// Link is a component's connection to the manager.
type Link struct {
	Assignment Assignment
	Files      []int // listening sockets, as Assignment.Sockets; they belong to the component
	conn       *Conn
}

// Join introduces the component to the manager and fetches its assignment. It
// waits for a manager that is not there: the supervisor is about to start it.
func Join(ctx context.Context, rundir string, role Role, worker int) (*Link, error) {
	for wait := limits.ControlRedialMin; ; wait = min(2*wait, limits.ControlRedialMax) {
		link, err := join(ctx, rundir, role, worker)
		if err == nil || errors.Is(err, ErrRefused) {
			return link, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%w (%w)", ctx.Err(), err)
		case <-time.After(wait):
		}
	}
}

func join(ctx context.Context, rundir string, role Role, worker int) (*Link, error) {
	conn, err := Dial(ctx, JoinPath(rundir))
	if err != nil {
		return nil, err
	}
	link := &Link{conn: conn}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	if err = conn.Send(Hello{role, worker, os.Getpid()}, nil); err == nil {
		link.Files, err = conn.Receive(&link.Assignment)
	}
	if err == nil && link.Assignment.Refused != "" {
		err = fmt.Errorf("%w: %s", ErrRefused, link.Assignment.Refused)
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return link, nil
}

// Report tells the manager that the component is ready (or, one-shot, done)
// when err is nil, and why not otherwise.
func (l *Link) Report(err error) error {
	var r Report
	if err != nil {
		r.Error = err.Error()
	}
	return l.conn.Send(r, nil)
}

// Compiled tells the manager that a generation of the policy is complete.
func (l *Link) Compiled(rules uint64) error { return l.conn.Send(Report{Rules: rules}, nil) }

// Close leaves the manager. A link is otherwise kept until the process ends:
// its end tells the manager that the component is gone.
func (l *Link) Close() error { return l.conn.Close() }

// ServeSockets gives every restarted manager that connects to l the current
// assignment and its sockets, and keeps the connection as the new link. It
// returns when l is closed; the links last until ctx ends.
func ServeSockets(ctx context.Context, l *Listener, current func() (Assignment, []int)) {
	for {
		conn, err := l.AcceptConn()
		if errors.Is(err, ErrPeer) {
			continue
		}
		if err != nil {
			return
		}
		go serveSockets(ctx, conn, current)
	}
}

func serveSockets(ctx context.Context, conn *Conn, current func() (Assignment, []int)) {
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	conn.SetDeadline(time.Now().Add(limits.ControlHello))
	var hello Hello
	files, err := conn.Receive(&hello)
	CloseAll(files)
	if err != nil || hello.Role != RoleManager {
		return
	}
	assignment, sockets := current()
	if conn.Send(assignment, sockets) != nil || conn.Send(Report{}, nil) != nil {
		return
	}
	conn.SetDeadline(time.Time{})
	var nothing Report
	files, _ = conn.Receive(&nothing) // until the manager is gone
	CloseAll(files)
}

// Collect asks a running worker for its assignment and sockets. The connection
// is the manager's link to the worker from then on.
func Collect(ctx context.Context, rundir string, worker int) (*Conn, Assignment, []int, error) {
	var a Assignment
	conn, err := Dial(ctx, SocketsPath(rundir, worker))
	if err != nil {
		return nil, a, nil, err
	}
	conn.SetDeadline(time.Now().Add(limits.ControlHello))
	var files []int
	if err = conn.Send(Hello{RoleManager, worker, os.Getpid()}, nil); err == nil {
		files, err = conn.Receive(&a)
	}
	if err == nil && len(files) != len(a.Sockets) {
		err = fmt.Errorf("control: worker %d sent %d descriptors for %d sockets", worker, len(files), len(a.Sockets))
	}
	if err != nil {
		CloseAll(files)
		conn.Close()
		return nil, a, nil, err
	}
	conn.SetDeadline(time.Time{})
	return conn, a, files, nil
}
