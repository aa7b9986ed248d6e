//go:build cgo

package gc_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"knot-resolver/internal/cache"
	"knot-resolver/internal/cache/gc"
	"knot-resolver/internal/cache/lmdb"
	"knot-resolver/internal/cache/usage"
	"knot-resolver/internal/dns"
	"knot-resolver/internal/dns/dnstest"
)

// held keeps the store open for the next collection: no process may open the file twice.
type held struct{ cache.Store }

func (held) Close() error { return nil }

// Names that clients ask for survive a flood of names that are asked for once, in a cache of real entries with
// real counts.
func TestPopularNamesSurviveAFlood(t *testing.T) {
	const popular, flood = 100, 24_000
	dir, size := t.TempDir(), int64(4<<20)
	log := slog.New(slog.DiscardHandler)
	store, err := lmdb.Open(lmdb.Options{Dir: dir, Size: size, Version: "1", Merge: cache.Replaces})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	uses := usage.New(dir, size, log)
	c := cache.New(store, cache.Options{TTLMin: 5 * time.Second, TTLMax: 24 * time.Hour, Uses: uses})
	now := time.Now()
	put := func(owner string) {
		set := dnstest.MustRRset(owner + ". 3600 IN A 192.0.2.1")
		c.PutAnswer(dns.MustName(owner), dns.TypeA, &cache.Entry{Kind: cache.Positive, Rank: cache.Secure, TTL: 3600, EDE: dns.NoEDE, Answer: set}, now)
	}
	name := func(i int) string { return fmt.Sprintf("popular%d.example", i) }
	for i := range popular {
		put(name(i))
	}
	for range 30 {
		for i := range popular {
			c.Answer(dns.MustName(name(i)), dns.TypeA, cache.Secure, now)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	uses.Run(ctx) // writes what was counted, and ends

	deleted := uint64(0)
	for i := range flood {
		put(fmt.Sprintf("junk%d.example", i))
		if i%1500 != 0 {
			continue
		}
		store.Flush()
		err := gc.Run(t.Context(), gc.Options{
			Open: func() (cache.Store, error) { return held{store}, nil }, Classify: cache.Classify, Type: cache.TypeOf,
			Uses: func() func([]byte) uint64 {
				counts, err := usage.Read(dir, now)
				if err != nil {
					t.Error(err)
				}
				return counts.Uses
			},
			Threshold: 70, Release: 30, Deletes: 100, Reads: 200, Observe: func(r gc.Result) { deleted += r.Deleted },
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	left := 0
	for i := range popular {
		if _, ok := c.Answer(dns.MustName(name(i)), dns.TypeA, cache.Secure, now); ok {
			left++
		}
	}
	if left < popular*95/100 || deleted < flood/4 {
		t.Errorf("%d of %d popular names are left, %d records were deleted: %+v", left, popular, deleted, store.Stats())
	}
}
