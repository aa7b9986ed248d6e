// Package storetest checks that a cache.Store keeps the promises of that interface. Every
// implementation runs it from its own tests.
package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"knot-resolver/internal/cache"
	"knot-resolver/internal/limits"
)

// Open returns an empty store of at least 16 MiB which the test closes at its end.
type Open func(t *testing.T, merge cache.Merge) cache.Store

// Run runs all checks.
func Run(t *testing.T, open Open) {
	for _, c := range []struct {
		name string
		f    func(*testing.T, Open)
	}{
		{"own writes are visible at once", testOwnWrites},
		{"search", testSearch},
		{"order against a model", testModel},
		{"merge", testMerge},
		{"merge against a queued write", testMergeQueued},
		{"write after delete", testWriteAfterDelete},
		{"update", testUpdate},
		{"update is undone", testUpdateUndone},
		{"clear", testClear},
		{"snapshot", testSnapshot},
		{"sizes", testSizes},
		{"concurrency", testConcurrency},
		{"closed", testClosed},
		{"get does not allocate", testAllocs},
	} {
		t.Run(c.name, func(t *testing.T) { c.f(t, open) })
	}
}

func view(t *testing.T, s cache.Store, f func(cache.Reader)) {
	t.Helper()
	if err := s.View(func(r cache.Reader) error { f(r); return nil }); err != nil {
		t.Fatal(err)
	}
}

// get returns the value of key, or "-" when it is missing.
func get(t *testing.T, s cache.Store, key string) (value string) {
	t.Helper()
	view(t, s, func(r cache.Reader) {
		v, ok := r.Get([]byte(key))
		if value = string(v); !ok {
			value = "-"
		}
	})
	return value
}

func want(t *testing.T, s cache.Store, key, value string) {
	t.Helper()
	if got := get(t, s, key); got != value {
		t.Errorf("Get(%q) = %q, want %q", key, got, value)
	}
}

func flush(t *testing.T, s cache.Store) {
	t.Helper()
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
}

func write(s cache.Store, key, value string) { s.Write([]byte(key), []byte(value)) }

func contents(t *testing.T, s cache.Store, from string) (list []string) {
	t.Helper()
	view(t, s, func(r cache.Reader) {
		for k, v := range r.Range([]byte(from)) {
			list = append(list, string(k)+"="+string(v))
		}
	})
	return list
}

func testOwnWrites(t *testing.T, open Open) {
	s := open(t, nil)
	for i := range 200 {
		key := fmt.Sprint("key", i)
		want(t, s, key, "-")
		buf := []byte("value")
		s.Write([]byte(key), buf)
		buf[0] = 'X' // the store has its own copy
		want(t, s, key, "value")
		if i%50 == 0 {
			flush(t, s)
			want(t, s, key, "value")
		}
		write(s, key, "other")
		want(t, s, key, "other")
		s.Delete([]byte(key))
		want(t, s, key, "-")
	}
	flush(t, s)
	want(t, s, "key7", "-")
	write(s, "empty", "")
	want(t, s, "empty", "")
	flush(t, s)
	want(t, s, "empty", "")
}

func testSearch(t *testing.T, open Open) {
	s := open(t, nil)
	view(t, s, func(r cache.Reader) {
		if _, _, ok := r.Floor([]byte("x")); ok {
			t.Error("Floor found something in an empty store")
		}
		if _, _, ok := r.Ceil([]byte("x")); ok {
			t.Error("Ceil found something in an empty store")
		}
	})
	for _, k := range []string{"b", "d", "d\x00", "VERSION", "zz\xff"} {
		write(s, k, "v"+k)
	}
	flush(t, s)
	const none = "(none)"
	for _, c := range []struct{ key, floor, ceil string }{
		{"\x00", none, "VERSION"},
		{"V", none, "VERSION"},
		{"VERS", none, "VERSION"},
		{"VERSION", "VERSION", "VERSION"},
		{"a", "VERSION", "b"},
		{"b", "b", "b"},
		{"c", "b", "d"},
		{"d", "d", "d"},
		{"d\x00", "d\x00", "d\x00"},
		{"d\x00\x00", "d\x00", "zz\xff"},
		{"zz\xff", "zz\xff", "zz\xff"},
		{"zz\xff\x00", "zz\xff", none},
		{"\xff\xff", "zz\xff", none},
	} {
		view(t, s, func(r cache.Reader) {
			check := func(name, want string, k, v []byte, ok bool) {
				got := string(k)
				if !ok {
					got = none
				} else if string(v) != "v"+got {
					t.Errorf("%s(%q) has value %q", name, c.key, v)
				}
				if got != want {
					t.Errorf("%s(%q) = %q, want %q", name, c.key, got, want)
				}
			}
			k, v, ok := r.Floor([]byte(c.key))
			check("Floor", c.floor, k, v, ok)
			k, v, ok = r.Ceil([]byte(c.key))
			check("Ceil", c.ceil, k, v, ok)
		})
	}
	if got := contents(t, s, "c"); !slices.Equal(got, []string{"d=vd", "d\x00=vd\x00", "zz\xff=vzz\xff"}) {
		t.Errorf("Range from c: %q", got)
	}
}

func testModel(t *testing.T, open Open) {
	s := open(t, nil)
	model := map[string]string{}
	rnd := rand.New(rand.NewPCG(1, 2))
	for round := range 20 {
		for range 1000 {
			key := fmt.Sprintf("%04x", rnd.IntN(5000))
			if rnd.IntN(100) < 30+3*round {
				s.Delete([]byte(key))
				delete(model, key)
				continue
			}
			value := strings.Repeat("v", rnd.IntN(300))
			write(s, key, value)
			model[key] = value
		}
		flush(t, s)
		compare(t, s, model)
	}
	if n := s.Stats().Entries; n != uint64(len(model)) {
		t.Errorf("Stats: %d entries, want %d", n, len(model))
	}
}

func compare(t *testing.T, s cache.Store, model map[string]string) {
	t.Helper()
	keys := slices.Sorted(maps.Keys(model))
	var want []string
	for _, k := range keys {
		want = append(want, k+"="+model[k])
	}
	if got := contents(t, s, ""); !slices.Equal(got, want) {
		t.Fatalf("contents differ: %d entries, want %d", len(got), len(want))
	}
	view(t, s, func(r cache.Reader) {
		for i := range 5000 {
			key := fmt.Sprintf("%04x", i)
			at, found := slices.BinarySearch(keys, key)
			k, _, ok := r.Ceil([]byte(key))
			if ok != (at < len(keys)) || ok && string(k) != keys[at] {
				t.Fatalf("Ceil(%s) = %q", key, k)
			}
			if !found {
				at--
			}
			k, _, ok = r.Floor([]byte(key))
			if ok != (at >= 0) || ok && string(k) != keys[at] {
				t.Fatalf("Floor(%s) = %q", key, k)
			}
		}
	})
	compareGets(t, s, model)
}

// compareGets looks many keys up in one snapshot, neighbours and strangers in turn, and during a walk.
func compareGets(t *testing.T, s cache.Store, model map[string]string) {
	t.Helper()
	rnd := rand.New(rand.NewPCG(3, 4))
	view(t, s, func(r cache.Reader) {
		get := func(key string) {
			v, ok := r.Get([]byte(key))
			if want, known := model[key]; ok != known || string(v) != want {
				t.Fatalf("Get(%q) = %d octets, %v; want %d, %v", key, len(v), ok, len(want), known)
			}
		}
		walked := 0
		for range r.Range(nil) {
			walked++
			near := rnd.IntN(5000)
			for range 3 {
				get(fmt.Sprintf("%04x", near+rnd.IntN(8)))
				get(fmt.Sprintf("%04x+", near+rnd.IntN(8)))
			}
			get("")
			get("zzzz")
			get("!")
		}
		if walked != len(model) {
			t.Fatalf("walked over %d of %d entries", walked, len(model))
		}
	})
}

// higher lets the greater value win.
func higher(old, next []byte) bool { return bytes.Compare(next, old) > 0 }

func testMerge(t *testing.T, open Open) {
	s := open(t, higher)
	for _, c := range []struct{ value, then string }{{"5", "5"}, {"3", "5"}, {"7", "7"}, {"7", "7"}, {"1", "7"}} {
		write(s, "k", c.value)
		want(t, s, "k", c.then)
		flush(t, s)
		want(t, s, "k", c.then)
	}
	if st := s.Stats(); st.Written != 2 || st.Kept != 3 {
		t.Errorf("written %d, kept %d; want 2, 3", st.Written, st.Kept)
	}
}

func testMergeQueued(t *testing.T, open Open) {
	s := open(t, higher)
	for _, value := range []string{"5", "3", "7", "6"} {
		write(s, "k", value)
	}
	want(t, s, "k", "7")
	flush(t, s)
	want(t, s, "k", "7")
}

func testWriteAfterDelete(t *testing.T, open Open) {
	s := open(t, higher)
	write(s, "k", "9")
	flush(t, s)
	s.Delete([]byte("k"))
	write(s, "k", "1") // nothing is there any more that it could lose against
	want(t, s, "k", "1")
	write(s, "k", "0")
	want(t, s, "k", "1")
	flush(t, s)
	want(t, s, "k", "1")
}

func testUpdate(t *testing.T, open Open) {
	s := open(t, higher)
	write(s, "a", "9")
	write(s, "b", "9")
	err := s.Update(func(w cache.Writer) error {
		if v, ok := w.Get([]byte("a")); !ok || string(v) != "9" {
			t.Errorf("queued write is not there: %q %v", v, ok)
		}
		if err := w.Put([]byte("a"), []byte("1")); err != nil {
			return err
		}
		if v, _ := w.Get([]byte("a")); string(v) != "1" {
			t.Errorf("own write is not there: %q", v)
		}
		if k, _, _ := w.Floor([]byte("az")); string(k) != "a" {
			t.Errorf("Floor = %q", k)
		}
		if k, _, _ := w.Ceil([]byte("az")); string(k) != "b" {
			t.Errorf("Ceil = %q", k)
		}
		for key, existed := range map[string]bool{"b": true, "c": false} {
			ok, err := w.Delete([]byte(key))
			if err != nil || ok != existed {
				t.Errorf("Delete(%s) = %v, %v", key, ok, err)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := contents(t, s, ""); !slices.Equal(got, []string{"a=1"}) {
		t.Errorf("contents: %q", got)
	}
}

func testUpdateUndone(t *testing.T, open Open) {
	s := open(t, nil)
	write(s, "a", "1")
	write(s, "b", "2")
	oops := errors.New("oops")
	err := s.Update(func(w cache.Writer) error {
		for _, k := range []string{"a", "a", "c"} {
			if err := w.Put([]byte(k), []byte("new")); err != nil {
				t.Error(err)
			}
		}
		if _, err := w.Delete([]byte("b")); err != nil {
			t.Error(err)
		}
		return oops
	})
	if !errors.Is(err, oops) {
		t.Errorf("error %v", err)
	}
	if got := contents(t, s, ""); !slices.Equal(got, []string{"a=1", "b=2"}) {
		t.Errorf("contents: %q", got)
	}
}

func testClear(t *testing.T, open Open) {
	s := open(t, nil)
	for i := range 3000 {
		write(s, fmt.Sprint(i), "x")
		if i == 2000 {
			flush(t, s)
		}
	}
	if err := s.Clear(); err != nil {
		t.Fatal(err)
	}
	want(t, s, "1", "-")
	want(t, s, "2999", "-")
	if got := contents(t, s, ""); got != nil {
		t.Errorf("%d entries left", len(got))
	}
	if n := s.Stats().Entries; n != 0 {
		t.Errorf("Stats: %d entries", n)
	}
	write(s, "1", "y")
	flush(t, s)
	want(t, s, "1", "y")
}

func testSnapshot(t *testing.T, open Open) {
	s := open(t, nil)
	write(s, "a", "1")
	flush(t, s)
	done := make(chan struct{})
	view(t, s, func(r cache.Reader) {
		v, _ := r.Get([]byte("a"))
		go func() {
			defer close(done)
			s.Update(func(w cache.Writer) error { return w.Put([]byte("a"), []byte("2")) })
		}()
		for range 1000 {
			w, _ := r.Get([]byte("a"))
			if string(v) != "1" || string(w) != "1" {
				t.Fatalf("value in the snapshot became %q, %q", v, w)
			}
		}
	})
	<-done
	want(t, s, "a", "2")
}

func testSizes(t *testing.T, open Open) {
	s := open(t, nil)
	long, big := make([]byte, limits.StoreKeyMax+1), make([]byte, limits.StoreValueMax+1)
	s.Write(long, nil)
	s.Write(nil, []byte("x"))
	s.Write([]byte("big"), big)
	if n := s.Stats().Refused; n != 3 {
		t.Errorf("Refused = %d, want 3", n)
	}
	for _, c := range []struct {
		key, value []byte
		err        error
	}{{long, nil, cache.ErrKeySize}, {nil, nil, cache.ErrKeySize}, {[]byte("k"), big, cache.ErrValueSize}} {
		if err := s.Update(func(w cache.Writer) error { return w.Put(c.key, c.value) }); !errors.Is(err, c.err) {
			t.Errorf("Put of a %d byte key: %v", len(c.key), err)
		}
	}
	long, big = long[1:], big[1:]
	s.Write(long, big)
	flush(t, s)
	want(t, s, string(long), string(big))
	view(t, s, func(r cache.Reader) { // searches with impossible keys find nothing or a neighbour, and do not fail
		r.Get(nil)
		r.Get(make([]byte, 600))
		r.Floor(nil)
		if _, _, ok := r.Ceil(nil); !ok {
			t.Error("Ceil(nil) is not the first entry")
		}
		if k, _, ok := r.Floor(bytes.Repeat([]byte{1}, 600)); !ok || !bytes.Equal(k, long) {
			t.Error("Floor with a long key")
		}
	})
}

func testConcurrency(t *testing.T, open Open) {
	s := open(t, nil)
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for i := range 500 {
				key := fmt.Sprintf("%d/%d", g, i)
				write(s, key, key)
				if got := get(t, s, key); got != key {
					t.Errorf("Get(%s) = %q directly after the write", key, got)
				}
				switch i % 100 {
				case 50:
					flush(t, s)
				case 99:
					s.Update(func(w cache.Writer) error { _, err := w.Delete([]byte(key)); return err })
				}
			}
		})
	}
	wg.Wait()
	flush(t, s)
	if n := s.Stats().Entries; n != 4*500-4*5 {
		t.Errorf("%d entries", n)
	}
}

func testClosed(t *testing.T, open Open) {
	s := open(t, nil)
	write(s, "a", "1")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	write(s, "a", "1")
	s.Delete([]byte("a"))
	s.Stats()
	for name, err := range map[string]error{
		"View":   s.View(func(cache.Reader) error { return nil }),
		"Update": s.Update(func(cache.Writer) error { return nil }),
		"Flush":  s.Flush(), "Clear": s.Clear(), "Close": s.Close(),
	} {
		if !errors.Is(err, cache.ErrClosed) {
			t.Errorf("%s after Close: %v", name, err)
		}
	}
}

func testAllocs(t *testing.T, open Open) {
	s := open(t, nil)
	for i := range 1000 {
		write(s, fmt.Sprintf("%03d", i), "value")
	}
	flush(t, s)
	write(s, "queued", "x")
	keys := [][]byte{[]byte("500"), []byte("queued"), []byte("missing")}
	look := func(r cache.Reader) error {
		for _, k := range keys {
			r.Get(k)
			r.Floor(k)
			r.Ceil(k)
		}
		return nil
	}
	if n := testing.AllocsPerRun(200, func() { s.View(look) }); n >= 1 && !raceEnabled {
		t.Errorf("%v allocations per look-up", n)
	}
}
