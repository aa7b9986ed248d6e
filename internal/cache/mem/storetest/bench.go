package storetest

import (
	"encoding/binary"
	"testing"

	"knot-resolver/internal/cache"
)

// benchEntries is the number of entries that benchmarks read.
const benchEntries = 100_000

// benchKey fills key with the i-th of keys that are spread over the whole order.
func benchKey(key []byte, i int) []byte {
	binary.BigEndian.PutUint64(key, uint64(i%benchEntries)*0x9e3779b97f4a7c15)
	return key
}

// Bench measures look-ups and writes on s, which needs room for 100 000 entries of 200 bytes.
func Bench(b *testing.B, s cache.Store) {
	value := make([]byte, 200)
	key := make([]byte, 32)
	for i := range benchEntries {
		s.Write(benchKey(key, i), value)
		if i%1000 == 0 {
			s.Flush()
		}
	}
	s.Flush()
	look := func(name string, f func(r cache.Reader, key []byte) bool) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				i, key := 0, make([]byte, 32)
				find := func(r cache.Reader) error {
					if !f(r, benchKey(key, i)) {
						b.Error("not found")
					}
					return nil
				}
				for ; pb.Next(); i += 7 {
					s.View(find)
				}
			})
		})
	}
	look("Get", func(r cache.Reader, key []byte) bool { _, ok := r.Get(key); return ok })
	look("Absent", func(r cache.Reader, key []byte) bool { // what a look-up asks about a name without entries
		for i := range byte(6) {
			key[31] = 1 + i
			if _, ok := r.Get(key); ok {
				return false
			}
		}
		return true
	})
	look("Floor", func(r cache.Reader, key []byte) bool { _, _, ok := r.Floor(key); return ok })
	b.Run("Write", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			s.Write(benchKey(key, i), value)
			if i%1000 == 999 {
				s.Flush()
			}
		}
	})
}
