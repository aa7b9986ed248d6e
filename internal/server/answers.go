package server

import (
	"encoding/binary"
	"io"
	"sync"

	"knot-resolver/internal/limits"
)

// answerWriter joins answers that become ready at about the same time into one write. Whoever adds
// an answer while nobody is writing becomes the writer and goes on until nothing is left; the
// others only append. When too much waits for a slow reader, adding blocks.
type answerWriter struct {
	write func([]byte) error // writes everything within a bounded time, or fails for good

	mu      sync.Mutex
	room    sync.Cond // signalled when pending was taken over, or writing failed
	pending []byte    // framed answers, in order
	spare   []byte    // the buffer that is not pending
	busy    bool      // somebody is in write
	lean    bool      // keeps no buffers
	err     error     // the first failure; nothing is written after it
}

func (w *answerWriter) init(write func([]byte) error) {
	w.write = write
	w.room.L = &w.mu
}

// lend gives the writer two buffers to use.
func (w *answerWriter) lend(out *[2][]byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lean = false
	if !w.busy && len(w.pending) == 0 {
		w.pending, w.spare = out[0], out[1]
	}
	*out = [2][]byte{}
}

// giveBack takes the buffers away once nothing is pending. Until the next lend the writer makes its own when it needs one.
func (w *answerWriter) giveBack(out *[2][]byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lean = true
	if !w.busy && len(w.pending) == 0 {
		*out = [2][]byte{w.pending, w.spare}
		w.pending, w.spare = nil, nil
	}
}

// add frames and writes one answer of 1 to 65535 bytes. With hold it may leave the writing to the
// next add or flush.
func (w *answerWriter) add(answer []byte, hold bool) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.busy && w.err == nil && len(w.pending) >= limits.StreamBuffered {
		w.room.Wait()
	}
	if w.err != nil {
		return w.err
	}
	w.pending = binary.BigEndian.AppendUint16(w.pending, uint16(len(answer)))
	w.pending = append(w.pending, answer...)
	if hold && len(w.pending) < limits.StreamBuffered {
		return nil
	}
	return w.drain()
}

// flush writes what earlier adds held back.
func (w *answerWriter) flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.drain()
}

// drain writes until nothing is pending, unless somebody else is at it. It is called with mu held
// and releases it while writing.
func (w *answerWriter) drain() error {
	if w.busy {
		return w.err
	}
	w.busy = true
	for len(w.pending) > 0 && w.err == nil {
		out := w.pending
		w.pending = w.spare[:0]
		w.room.Broadcast()
		w.mu.Unlock()
		err := w.write(out)
		w.mu.Lock()
		w.spare = out[:0]
		if err != nil {
			w.err = err
		}
	}
	w.busy = false
	if w.lean {
		w.pending, w.spare = nil, nil
	}
	w.room.Broadcast()
	return w.err
}

// fail makes every later call return an error.
func (w *answerWriter) fail() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = io.ErrClosedPipe
	}
	w.room.Broadcast()
}
