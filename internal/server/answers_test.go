package server

import (
	"bytes"
	"errors"
	"sync"
	"testing"
	"testing/synctest"

	"knot-resolver/internal/limits"
)

func TestAnswersAreCoalesced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var writes [][]byte
		gate := make(chan struct{})
		w := writerTo(func(b []byte) error {
			<-gate
			writes = append(writes, bytes.Clone(b))
			return nil
		})
		var all sync.WaitGroup
		all.Go(func() { w.add(message(0), false) })
		synctest.Wait() // the first is being written
		for i := range 10 {
			w.add(message(i), false) // does not wait for it
		}
		close(gate)
		all.Wait()
		if len(writes) != 2 || len(writes[1]) != 10*len(framed(message(0))) {
			t.Errorf("%d writes, want 2: the first answer, then the others together", len(writes))
		}
	})
}

func TestAnswersHeldUntilFlush(t *testing.T) {
	var wrote []byte
	w := writerTo(func(b []byte) error { wrote = append(wrote, b...); return nil })
	w.add(message(1), true)
	w.add(message(2), true)
	if wrote != nil {
		t.Fatal("written although held")
	}
	w.flush()
	if !bytes.Equal(wrote, framed(message(1), message(2))) {
		t.Errorf("wrote % x", wrote)
	}
}

// What waits for a slow reader is bounded, and its end is the end of all that wait.
func TestAnswersBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate, broken := make(chan struct{}), errors.New("broken")
		w := writerTo(func([]byte) error { <-gate; return broken })
		big := make([]byte, limits.StreamBuffered/2)
		var all sync.WaitGroup
		var failed int
		for range 6 {
			all.Go(func() {
				if w.add(big, false) != nil {
					w.mu.Lock()
					failed++
					w.mu.Unlock()
				}
			})
		}
		synctest.Wait()
		w.mu.Lock()
		pending := len(w.pending)
		w.mu.Unlock()
		if pending > limits.StreamBuffered+len(big)+2 {
			t.Errorf("%d bytes waiting", pending)
		}
		close(gate)
		all.Wait()
		if failed < 4 {
			t.Errorf("%d adds failed, want at least the writer and the three that waited", failed)
		}
		if err := w.add(message(1), false); err != broken {
			t.Errorf("after the failure: %v", err)
		}
	})
}

func writerTo(write func([]byte) error) *answerWriter {
	w := new(answerWriter)
	w.init(write)
	return w
}
