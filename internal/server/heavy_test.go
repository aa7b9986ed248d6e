package server

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestHeavyStreams: however many streams belong to clients that cost much, one of them is answered at a time; others do not wait.
func TestHeavyStreams(t *testing.T) {
	const heavyID = 1000
	var heavy, most atomic.Int32
	hold := make(chan struct{})
	inline := func(dst []byte, req *Request) ([]byte, bool) {
		if idOf(req.Raw) >= heavyID {
			most.Store(max(most.Load(), heavy.Add(1)))
			<-hold
			heavy.Add(-1)
		}
		return append(dst, req.Raw...), true
	}
	priority := func(req *Request) uint8 { return uint8(idOf(req.Raw) / heavyID * 9) }
	_, _, addr := start(t, Options{Handler: script{inline: inline}, Priority: priority, Heavy: 9})
	var answered sync.WaitGroup
	const streams = 8
	for n := range streams {
		c := dial(t, "tcp", addr)
		send(t, c, message(heavyID+n))
		answered.Go(func() { readFrame(c) })
	}
	eventually(t, "one at work", func() bool { return heavy.Load() == 1 })
	light := dial(t, "tcp", addr)
	send(t, light, message(1))
	if got := readID(t, light); got != 1 {
		t.Errorf("answer %d", got)
	}
	for range streams {
		hold <- struct{}{}
		time.Sleep(time.Millisecond)
	}
	answered.Wait()
	if most.Load() != 1 {
		t.Errorf("%d at work at once", most.Load())
	}
}
