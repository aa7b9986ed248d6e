package server

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"knot-resolver/internal/limits"
)

// errQuiet ends serving a stream for now: nothing has come for a while, and it is to be watched.
var errQuiet = errors.New("nothing arrives")

// park watches the stream, which has no desk, until something happens.
func (st *stream) park() {
	st.setDeadline()
	go st.watch()
}

// watch waits until bytes have arrived, or time is over, and has the stream served then. It is all that an idle
// connection has running: a new goroutine, whose stack has the least size there is, and nothing is done on it that would
// make it grow.
func (st *stream) watch() {
	err := st.awaitReadable()
	st.server.do(func() { st.serve(err) })
}

// awaitReadable waits until a read would not, or the deadline of reads has passed.
func (st *stream) awaitReadable() error {
	raw, err := st.conn.SyscallConn()
	if err != nil {
		return err
	}
	looked := false
	return raw.Read(func(fd uintptr) bool {
		if looked { // the poller says so
			return true
		}
		looked = true
		return readable(int(fd))
	})
}

// unread reports whether a read would return something at once, be it the end.
func (st *stream) unread() (yes bool) {
	raw, err := st.conn.SyscallConn()
	if err != nil {
		return false
	}
	raw.Control(func(fd uintptr) { yes = readable(int(fd)) })
	return yes
}

func readable(fd int) bool {
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
	return n > 0 || err != nil // who reads will see
}

// fill waits for bytes, with a seat for a while, without not at all.
func (st *stream) fill() error {
	st.begin()
	if !st.seated && !st.unread() {
		return errQuiet
	}
	st.setDeadline()
	err := st.in.fill()
	st.begin()
	if errors.Is(err, os.ErrDeadlineExceeded) && !st.expired() {
		return errQuiet
	}
	return err
}

// begin notes when waiting for the rest of a message began.
func (st *stream) begin() {
	if st.begun.IsZero() && st.in.partial() && !st.in.ready() {
		st.begun = time.Now()
	}
}

// setDeadline sets when the wait for bytes ends: when the time of the client is over or, with a seat, that of sitting there.
func (st *stream) setDeadline() {
	st.mu.Lock()
	defer st.mu.Unlock()
	now := time.Now()
	until := st.deadline()
	switch {
	case !st.draining.IsZero():
		until = now.Add(limits.StreamDrain)
		if end := st.draining.Add(limits.StreamDrainMax); end.Before(until) { // whoever asks all the time
			until = end
		}
	case until.IsZero():
		until = now.Add(st.server.opts.StreamIdle)
	}
	if seat := now.Add(limits.StreamSeated); st.seated && seat.Before(until) {
		if st.waits.After(seat) && st.waits.Before(until) {
			return // setting it costs more than sitting there for up to twice as long
		}
		if later := seat.Add(limits.StreamSeated); later.Before(until) {
			until = later
		}
	}
	st.waits = until
	st.conn.SetReadDeadline(until)
}

// deadline is until when a whole query has to have come; zero if none has to. It is called with mu held.
func (st *stream) deadline() time.Time {
	idle := st.outstanding == 0
	since := st.idleSince
	switch {
	case st.in.partial() && (!idle || st.begun.Before(since)):
		since = st.begun
	case !idle:
		return time.Time{}
	}
	return since.Add(st.server.opts.StreamIdle)
}

// expired reports whether a read deadline that passed means the end of the stream.
func (st *stream) expired() bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	if !st.draining.IsZero() {
		return time.Since(st.draining) > limits.StreamDrainMax || !st.in.partial() && !st.unread()
	}
	deadline := st.deadline()
	return !deadline.IsZero() && !time.Now().Before(deadline)
}
