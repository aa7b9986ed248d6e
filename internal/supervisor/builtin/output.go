package builtin

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"knot-resolver/internal/limits"
)

// stampFormat is the time in front of each forwarded line.
const stampFormat = "2006-01-02T15:04:05.000Z07:00"

// output merges the lines of all children into one writer. A writer that blocks
// costs lines, never progress of a child.
type output struct {
	w       *bufio.Writer
	lines   chan []byte
	dropped atomic.Int64
	readers sync.WaitGroup
	quit    chan struct{}
	stopped chan struct{}
}

func newOutput(w io.Writer) *output {
	o := &output{
		w:       bufio.NewWriter(w),
		lines:   make(chan []byte, limits.SupervisorLogBacklog),
		quit:    make(chan struct{}),
		stopped: make(chan struct{}),
	}
	go o.run()
	return o
}

func (o *output) run() {
	defer close(o.stopped)
	for {
		select {
		case line := <-o.lines:
			o.write(line)
		case <-o.quit:
			for len(o.lines) > 0 {
				o.write(<-o.lines)
			}
			return
		}
	}
}

// write passes one line on, flushing when nothing waits behind it. Errors are
// ignored: there is nowhere left to report them.
func (o *output) write(line []byte) {
	_, _ = o.w.Write(line)
	if n := o.dropped.Swap(0); n > 0 {
		fmt.Fprintf(o.w, "%s supervisor[%d]: %d lines dropped, output is too slow\n",
			time.Now().UTC().Format(stampFormat), os.Getpid(), n)
	}
	if len(o.lines) == 0 {
		_ = o.w.Flush()
	}
}

// close waits until the output of ended children has been written, but no longer
// than the given time.
func (o *output) close(patience time.Duration) {
	drained := make(chan struct{})
	go func() {
		o.readers.Wait()
		close(drained)
	}()
	deadline := make(chan struct{})
	defer time.AfterFunc(patience, func() { close(deadline) }).Stop()
	select {
	case <-drained:
	case <-deadline:
	}
	close(o.quit)
	select {
	case <-o.stopped:
	case <-deadline:
	}
}

// forward copies the lines of one pipe until its last writer is gone. label is
// the text between time and line.
func (o *output) forward(r io.ReadCloser, label string) {
	defer o.readers.Done()
	defer r.Close()
	lines := bufio.NewReaderSize(r, limits.SupervisorLogLine)
	for {
		line, err := lines.ReadSlice('\n')
		if len(line) > 0 {
			o.enqueue(label, line)
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return
		}
	}
}

func (o *output) enqueue(label string, line []byte) {
	buf := make([]byte, 0, len(stampFormat)+len(label)+len(line)+2)
	buf = time.Now().UTC().AppendFormat(buf, stampFormat)
	buf = append(buf, label...)
	buf = append(buf, line...)
	if buf[len(buf)-1] != '\n' {
		buf = append(buf, '\n')
	}
	select {
	case o.lines <- buf:
	default:
		o.dropped.Add(1)
	}
}
