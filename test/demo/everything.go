package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"knot-resolver/internal/testnet"
)

// clients ask at the same time: some answers take the resolver seconds.
const clients = 16

// everyName asks for all documented names and prints those that differ.
func everyName(ctx context.Context, s *stage) error {
	all := testnet.Names()
	began := time.Now()
	results := make([]error, len(all))
	slots := make(chan struct{}, clients)
	var asking sync.WaitGroup
	for i, want := range all {
		slots <- struct{}{}
		asking.Go(func() {
			defer func() { <-slots }()
			r, err := s.exchange(ctx, want.Name, want.Type, patience)
			if err == nil {
				err = differs(want, r)
			}
			results[i] = err
		})
	}
	asking.Wait()
	good := 0
	for _, err := range results {
		if err != nil {
			s.printf("  ✗ %v\n", err)
			continue
		}
		good++
	}
	s.printf("  %d of %d names gave the expected answer, security and error code, in %v\n", good, len(all), brief(time.Since(began)))
	if good < len(all) {
		return fmt.Errorf("%d names gave something else", len(all)-good)
	}
	return nil
}
