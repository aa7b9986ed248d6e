//go:build cgo

package lmdb

import (
	"testing"

	"knot-resolver/internal/cache"
	"knot-resolver/internal/cache/mem/storetest"
)

const testSize = 32 << 20

// open opens a store in dir, to be closed at the end of the test.
func open(t testing.TB, opts Options) *Store {
	t.Helper()
	if opts.Version == "" {
		opts.Version = "test"
	}
	s, err := newStore(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T, merge cache.Merge) cache.Store {
		return open(t, Options{Dir: t.TempDir(), Size: testSize, Merge: merge})
	})
}

func BenchmarkStore(b *testing.B) {
	storetest.Bench(b, open(b, Options{Dir: b.TempDir(), Size: 128 << 20}))
}
