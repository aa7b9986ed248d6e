package mem

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"knot-resolver/internal/cache"
	"knot-resolver/internal/cache/mem/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T, merge cache.Merge) cache.Store {
		s := New(Options{Size: 16 << 20, Merge: merge})
		t.Cleanup(func() { s.Close() })
		return s
	})
}

func TestBounded(t *testing.T) {
	const size = 100_000
	s := New(Options{Size: size})
	for i := range 5000 {
		s.Write([]byte(fmt.Sprintf("%04x", rand.IntN(1<<16))), make([]byte, i%400))
		if st := s.Stats(); st.UsedBytes > size {
			t.Fatalf("%d bytes used", st.UsedBytes)
		}
	}
	st := s.Stats()
	if st.Evicted == 0 || st.UsedBytes < size/2 {
		t.Errorf("%+v", st)
	}
	var sum int64
	for e := range s.index.all(pos{}) {
		sum += e.size()
	}
	if uint64(sum) != st.UsedBytes {
		t.Errorf("entries sum up to %d bytes, store says %d", sum, st.UsedBytes)
	}
	s.Write([]byte("k"), make([]byte, size))
	if s.Stats().Full != 1 {
		t.Error("an entry larger than the store was not refused")
	}
}

// What is read between insertions survives a flood of entries read by nobody.
func TestKeepsUsed(t *testing.T) {
	s := New(Options{Size: 200_000})
	hot := make([][]byte, 20)
	for i := range hot {
		hot[i] = fmt.Appendf(nil, "%04x", i*3000)
		s.Write(hot[i], []byte("hot"))
	}
	for range 100_000 {
		s.Write(fmt.Appendf(nil, "%04x-flood", rand.IntN(1<<16)), nil)
		if rand.IntN(20) == 0 {
			s.View(func(r cache.Reader) error {
				for _, k := range hot {
					if _, ok := r.Get(k); !ok {
						t.Fatalf("%s was evicted", k)
					}
				}
				return nil
			})
		}
	}
	if s.Stats().Evicted < 10_000 {
		t.Errorf("only %d evictions", s.Stats().Evicted)
	}
}

func TestIndexChunks(t *testing.T) {
	var x index
	for i := range 10_000 {
		x.set(&entry{key: fmt.Appendf(nil, "%05d", i*7919%10_000)})
	}
	for i := range 9_990 {
		if x.remove(fmt.Appendf(nil, "%05d", i)) == nil {
			t.Fatalf("%d is missing", i)
		}
		for _, c := range x.chunks {
			if len(c) == 0 || len(c) > chunkMax {
				t.Fatalf("chunk of %d entries", len(c))
			}
		}
	}
	if x.count != 10 || len(x.chunks) > 2 {
		t.Errorf("%d entries in %d chunks", x.count, len(x.chunks))
	}
}

func BenchmarkStore(b *testing.B) { storetest.Bench(b, New(Options{Size: 64 << 20})) }
