package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/miekg/dns"

	"knot-resolver/internal/testnet"
)

const (
	loadPace = 5 * time.Millisecond
	// retryAfter is when the client of the load asks again, as others do. A
	// question that a killed worker had in hand is gone.
	retryAfter = time.Second
	tries      = 5
)

// load is a client that asks steadily.
type load struct {
	want testnet.Expectation

	mu      sync.Mutex
	asked   int
	retried int // questions that were asked more than once
	lost    int // questions without the right answer
	slowest time.Duration
}

// underLoad does something while clients ask, and for a moment longer.
func (s *stage) underLoad(ctx context.Context, during func() error) (*load, error) {
	const before, after = 100 * time.Millisecond, 300 * time.Millisecond
	want, err := expectation("www.example.se.", dns.TypeA)
	if err != nil {
		return nil, err
	}
	l := &load{want: want}
	asking, stop := context.WithCancel(ctx)
	var clients sync.WaitGroup
	clients.Go(func() {
		tick := time.NewTicker(loadPace)
		defer tick.Stop()
		for {
			select {
			case <-asking.Done():
				return
			case <-tick.C:
				clients.Go(func() { l.ask(ctx, s) })
			}
		}
	})
	time.Sleep(before)
	err = during()
	time.Sleep(after)
	stop()
	clients.Wait()
	return l, err
}

func (l *load) ask(ctx context.Context, s *stage) {
	began := time.Now()
	err := errors.New("not asked")
	n := 0
	for ; err != nil && n < tries && ctx.Err() == nil; n++ {
		var r reply
		if r, err = s.exchange(ctx, l.want.Name, l.want.Type, retryAfter); err == nil {
			err = differs(l.want, r)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked++
	l.slowest = max(l.slowest, time.Since(began))
	if n > 1 {
		l.retried++
	}
	if err != nil {
		l.lost++
	}
}
