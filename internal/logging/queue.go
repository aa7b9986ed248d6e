package logging

import (
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"knot-resolver/internal/config"
	"knot-resolver/internal/limits"
)

// entry is one record on its way to a target.
type entry struct {
	target config.LogTarget
	level  slog.Level
	group  string
	text   string  // printable, without newline
	pc     uintptr // of the code that logged it, 0 = unknown
	bare   bool    // a line of its own format, without level
}

// queue is between those who log and the targets.
type queue struct {
	options Options
	entries chan *entry
	written atomic.Uint64
	dropped atomic.Uint64
	told    uint64 // of dropped, how many were reported; used by run alone

	once    sync.Once
	closing chan struct{}
	closed  chan struct{}
}

func newQueue(o Options) *queue {
	q := &queue{
		options: o, entries: make(chan *entry, limits.LogBacklog),
		closing: make(chan struct{}), closed: make(chan struct{}),
	}
	go q.run()
	return q
}

// add never waits.
func (q *queue) add(e *entry) {
	e.text = e.text[:min(len(e.text), limits.LogLine)]
	select {
	case q.entries <- e:
	default:
		q.dropped.Add(1)
	}
}

func (q *queue) run() {
	defer close(q.closed)
	targets := map[config.LogTarget]target{}
	defer func() {
		for _, t := range targets {
			t.close()
		}
	}()
	for {
		select {
		case e := <-q.entries:
			q.write(targets, e)
		case <-q.closing:
			for len(q.entries) > 0 {
				q.write(targets, <-q.entries)
			}
			return
		}
	}
}

func (q *queue) write(targets map[config.LogTarget]target, e *entry) {
	t := targets[e.target]
	if t == nil {
		t = open(e.target, &q.options)
		targets[e.target] = t
	}
	if err := t.write(e); err != nil {
		q.dropped.Add(1) // there is nowhere left to report it
		return
	}
	q.written.Add(1)
	if lost := q.dropped.Load(); lost > q.told {
		text := fmt.Sprintf("%d lines of the log were dropped, its target is too slow", lost-q.told)
		q.told = lost
		t.write(&entry{target: e.target, level: slog.LevelWarn, group: q.options.Process, text: text})
	}
}

func (q *queue) close() {
	q.once.Do(func() { close(q.closing) })
	select {
	case <-q.closed:
	case <-time.After(limits.LogPatience):
	}
}
