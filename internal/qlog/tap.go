package qlog

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	dnstap "github.com/dnstap/golang-dnstap"
	framestream "github.com/farsightsec/golang-framestream"
	"golang.org/x/sys/unix"

	"knot-resolver/internal/limits"
)

// Options of a Tap.
type Options struct {
	Socket    string // of the receiver
	Queries   bool   // include the queries themselves
	Responses bool   // include the answers themselves
	TCPRTT    bool   // include the round-trip time of clients over TCP
	Version   string // of the program
	Log       *slog.Logger
}

// Tap sends messages to a receiver.
type Tap struct {
	options Options
	events  chan *event
	waiting atomic.Int64 // bytes of events
	sent    atomic.Uint64
	dropped atomic.Uint64
	away    bool // the receiver, which is logged; used by Run
}

// New returns a Tap; Run does the sending.
func New(o Options) *Tap { return &Tap{options: o, events: make(chan *event, limits.TapBacklog)} }

// Metrics returns the counters by their names.
func (t *Tap) Metrics() map[string]any {
	return map[string]any{"sent": t.sent.Load(), "dropped": t.dropped.Load()}
}

// add never waits.
func (t *Tap) add(e *event) {
	if t.waiting.Add(e.size()) <= limits.TapBytes {
		select {
		case t.events <- e:
			return
		default:
		}
	}
	t.waiting.Add(-e.size())
	t.dropped.Add(1)
}

// Run sends what comes until ctx ends, and what waits then if the receiver takes it. That the receiver is
// away is logged when it begins.
func (t *Tap) Run(ctx context.Context) {
	for ctx.Err() == nil {
		err := t.session(ctx)
		if err == nil {
			return
		}
		if !t.away {
			t.options.Log.Error("dnstap receiver is away", "reason", err)
		}
		t.away = true
		select {
		case <-ctx.Done():
		case <-time.After(limits.TapRetry):
		}
	}
}

// session sends over one connection until it breaks or ctx ends.
func (t *Tap) session(ctx context.Context) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", t.options.Socket)
	if err != nil {
		return fmt.Errorf("dnstap: %w", err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(limits.LogPatience, func() { conn.Close() }) })()
	w, err := framestream.NewWriter(conn, &framestream.WriterOptions{
		ContentTypes: [][]byte{dnstap.FSContentType}, Bidirectional: true, Timeout: limits.TapTime,
	})
	if err != nil {
		return fmt.Errorf("dnstap: %s: %w", t.options.Socket, err)
	}
	t.away = false
	t.options.Log.Info("dnstap receiver is there", "socket", t.options.Socket)
	flush := time.NewTicker(limits.TapFlush)
	defer flush.Stop()
	for {
		select {
		case e := <-t.events:
			err = t.write(w, e)
		case <-flush.C:
			if err = w.Flush(); err == nil && left(conn.(*net.UnixConn)) {
				err = io.EOF
			}
		case <-ctx.Done():
			for len(t.events) > 0 && err == nil {
				err = t.write(w, <-t.events)
			}
			w.Close() // says goodbye; nothing can be done if nobody listens
			return nil
		}
		if err != nil {
			return fmt.Errorf("dnstap: %s: %w", t.options.Socket, err)
		}
	}
}

// left reports whether the receiver has closed the connection: without that, the next message would get lost.
func left(conn *net.UnixConn) (gone bool) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return true
	}
	err = raw.Control(func(fd uintptr) {
		n, _, err := unix.Recvfrom(int(fd), make([]byte, 1), unix.MSG_PEEK|unix.MSG_DONTWAIT)
		gone = n == 0 && err == nil
	})
	return gone || err != nil
}

func (t *Tap) write(w *framestream.Writer, e *event) error {
	t.waiting.Add(-e.size())
	frame, err := e.encode(t.options.Version)
	if err == nil {
		_, err = w.WriteFrame(frame)
	}
	if err != nil {
		t.dropped.Add(1)
		return err
	}
	t.sent.Add(1)
	return nil
}
