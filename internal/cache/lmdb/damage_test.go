//go:build cgo

package lmdb

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"knot-resolver/internal/cache"
	"knot-resolver/internal/limits"
)

func fill(t testing.TB, s cache.Store, n int) {
	t.Helper()
	for i := range n {
		s.Write(fmt.Appendf(nil, "%06d", i), pattern(200))
		if i%5000 == 4999 {
			s.Flush()
		}
	}
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
}

// works checks that s can be written and read.
func works(t testing.TB, s cache.Store) {
	t.Helper()
	s.Write([]byte("works"), []byte("yes"))
	if err := s.Flush(); err != nil {
		t.Error("Flush:", err)
	}
	var v string
	if err := s.View(func(r cache.Reader) error {
		b, _ := r.Get([]byte("works"))
		v = string(b)
		return nil
	}); err != nil || v != "yes" {
		t.Errorf("Get = %q, %v", v, err)
	}
}

// eventually waits for the store to recover: its writer does that in the background.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("never:", what)
		}
	}
}

func corrupt(t testing.TB, dir string) []string {
	t.Helper()
	list, err := filepath.Glob(filepath.Join(dir, "data.mdb.corrupt-*"))
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestReopenKeeps(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Options{Dir: dir, Size: testSize})
	fill(t, s, 1000)
	s.Close()
	for _, c := range []struct {
		name    string
		opts    Options
		entries uint64
		size    uint64
	}{
		{"same size", Options{Size: testSize}, 1000, testSize},
		{"size of the file", Options{}, 1000, testSize},
		{"grown", Options{Size: 2 * testSize}, 1000, 2 * testSize},
		{"shrunk", Options{Size: testSize}, 0, testSize},
		{"smallest", Options{Size: 1}, 0, limits.StoreSizeMin},
		{"smallest again", Options{Size: 1}, 1000, limits.StoreSizeMin},
		{"no whole page", Options{Size: testSize - 1}, 1000, testSize},
		{"no whole page again", Options{Size: testSize - 1}, 1000, testSize},
		{"other version", Options{Size: testSize, Version: "next"}, 0, testSize},
	} {
		c.opts.Dir = dir
		s := open(t, c.opts)
		if st := s.Stats(); st.Entries != c.entries || st.SizeBytes != c.size {
			t.Errorf("%s: %d entries, %d bytes", c.name, st.Entries, st.SizeBytes)
		}
		works(t, s)
		s.Clear()
		fill(t, s, 1000)
		s.Close()
		var st syscall.Stat_t
		if err := syscall.Stat(filepath.Join(dir, dataFile), &st); err != nil || st.Blocks*512 < int64(c.size) {
			t.Errorf("%s: file has %d blocks, %v", c.name, st.Blocks, err)
		}
	}
	if list := corrupt(t, dir); list != nil {
		t.Error("good files were set aside:", list)
	}
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		name string
		opts Options
		want error
	}{
		{"no directory", Options{Dir: filepath.Join(dir, "missing"), Size: testSize, Version: "1"}, fs.ErrNotExist},
		{"no file", Options{Dir: dir, Version: "1"}, fs.ErrNotExist},
		{"no version", Options{Dir: dir, Size: testSize}, ErrVersion},
		{"disk full", Options{Dir: dir, Size: 1 << 43, Version: "1"}, syscall.ENOSPC},
	} {
		s, err := Open(c.opts)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
		if s != nil {
			t.Errorf("%s: got a store", c.name)
		}
		if _, err := os.Stat(filepath.Join(dir, dataFile)); err == nil {
			t.Errorf("%s: left a file", c.name)
		}
	}
}

func TestFT17OpenDamaged(t *testing.T) {
	garbage := bytes.Repeat([]byte("no LMDB "), 1_000_000)
	for _, c := range []struct {
		name   string
		damage func(path string) error
		aside  int
	}{
		{"garbage", func(p string) error { return os.WriteFile(p, garbage, 0o600) }, 1},
		{"short", func(p string) error { return os.WriteFile(p, []byte("x"), 0o600) }, 1},
		{"empty", func(p string) error { return os.Truncate(p, 0) }, 0},
		{"truncated", func(p string) error { return os.Truncate(p, 100_000) }, 1},
		{"removed", os.Remove, 0},
		{"zero pages", func(p string) error { return scribble(p, 2*4096, make([]byte, 4<<20)) }, 1},
		{"garbage pages", func(p string) error { return scribble(p, 2*4096, garbage) }, 1},
		{"second meta", func(p string) error { return scribble(p, 4096, garbage[:100]) }, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, Options{Dir: dir, Size: testSize})
			fill(t, s, 3000)
			s.Close()
			if err := c.damage(filepath.Join(dir, dataFile)); err != nil {
				t.Fatal(err)
			}
			s = open(t, Options{Dir: dir, Size: testSize})
			works(t, s)
			if n := s.Stats().Entries; n != 1 {
				t.Errorf("%d entries", n)
			}
			if list := corrupt(t, dir); len(list) != c.aside {
				t.Errorf("set aside: %v", list)
			}
		})
	}
}

// Without a size a damaged file is set aside, too, but no other one is made.
func TestOpenDamagedAsItIs(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, dataFile)
	if err := os.WriteFile(path, make([]byte, 20_000), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Options{Dir: dir, Version: "1"}); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if _, err := os.Stat(path); err == nil || len(corrupt(t, dir)) != 1 {
		t.Error("not set aside")
	}
}

// No descriptor of the cache is inherited by programs that are started.
func TestCloseOnExec(t *testing.T) {
	dir := t.TempDir()
	open(t, Options{Dir: dir, Size: testSize})
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip(err)
	}
	found := 0
	for _, e := range list {
		path, _ := os.Readlink("/proc/self/fd/" + e.Name())
		if !strings.HasPrefix(path, dir) {
			continue
		}
		found++
		info, err := os.ReadFile("/proc/self/fdinfo/" + e.Name())
		if err != nil {
			t.Fatal(err)
		}
		var pos, flags uint64
		if _, err := fmt.Sscanf(string(info), "pos:\t%d\nflags:\t%o\n", &pos, &flags); err != nil || flags&syscall.O_CLOEXEC == 0 {
			t.Errorf("descriptor of %s: flags %o, %v", path, flags, err)
		}
	}
	if found == 0 {
		t.Error("no descriptor found")
	}
}

func scribble(path string, at int64, what []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteAt(what, at)
	return err
}

// Damage to a file in use ends neither the process nor the service.
func TestFT15DamagedWhileOpen(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage func(path string) error
		first  func(s *Store) // what meets the damage
	}{
		{"truncated, read", func(p string) error { return os.Truncate(p, 0) }, readAll},
		{"truncated, written", func(p string) error { return os.Truncate(p, 0) }, writeAll},
		{"truncated in the middle, read", func(p string) error { return os.Truncate(p, 60_000) }, readAll},
		{"truncated in the middle, written", func(p string) error { return os.Truncate(p, 60_000) }, writeAll},
		{"pages of garbage, read", scribbleAll, readAll},
		{"pages of garbage, written", scribbleAll, writeAll},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, Options{Dir: dir, Size: testSize})
			fill(t, s, 3000)
			if err := c.damage(filepath.Join(dir, dataFile)); err != nil {
				t.Fatal(err)
			}
			c.first(s)
			eventually(t, "reopened", func() bool { return s.Stats().Reopened > 0 && s.Stats().SizeBytes > 0 })
			works(t, s)
			if err := s.View(func(r cache.Reader) error {
				for k, v := range r.Range(nil) {
					if len(v) > 3 {
						t.Errorf("%s = %q is left of the damaged file", k, v)
					}
				}
				return nil
			}); err != nil {
				t.Error(err)
			}
			if len(corrupt(t, dir)) != 1 {
				t.Error("not set aside")
			}
		})
	}
}

func scribbleAll(path string) error {
	return scribble(path, 2*4096, bytes.Repeat([]byte("\xffno LMDB"), 1<<20))
}

func readAll(s *Store) {
	for i := range 3000 {
		s.View(func(r cache.Reader) error {
			r.Get(fmt.Appendf(nil, "%06d", i))
			return nil
		})
	}
}

func writeAll(s *Store) {
	for i := range 3000 {
		s.Write(fmt.Appendf(nil, "%06d", i), []byte("x"))
	}
	s.Flush()
}

// A slice of the map that faults while the caller reads it is an error of the View, not a panic.
func TestFT15FaultInView(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Options{Dir: dir, Size: testSize})
	s.Write([]byte("big"), bytes.Repeat([]byte("x"), limits.StoreValueMax))
	s.Flush()
	sum := 0
	err := s.View(func(r cache.Reader) error {
		v, ok := r.Get([]byte("big"))
		if !ok {
			t.Fatal("not found")
		}
		if err := os.Truncate(filepath.Join(dir, dataFile), 8192); err != nil {
			return err
		}
		for _, b := range v {
			sum += int(b)
		}
		return nil
	})
	if !errors.Is(err, cache.ErrDamaged) || sum != 0 {
		t.Fatalf("error %v, sum %d", err, sum)
	}
	eventually(t, "reopened", func() bool { return s.Stats().Reopened > 0 && s.Stats().SizeBytes > 0 })
	works(t, s)
}

// Panics that are no faults of the file are not swallowed.
func TestPanicInView(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir(), Size: testSize})
	for name, f := range map[string]func(){
		"panic":     func() { panic("oops") },
		"nil deref": func() { var p *Store; p.closed = true },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error(name, "was swallowed")
				}
			}()
			s.View(func(cache.Reader) error { f(); return nil })
		}()
	}
}

// Whatever bits flip, reading and writing goes on, and nothing ends the process.
func TestFT16BitFlips(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for round := range 10 {
		dir := t.TempDir()
		s := open(t, Options{Dir: dir, Size: 4 << 20})
		fill(t, s, 5000)
		s.Close()
		path := filepath.Join(dir, dataFile)
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for range 4 << round {
			data[rnd.IntN(1<<21)] ^= 1 << rnd.IntN(8)
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		s = open(t, Options{Dir: dir, Size: 4 << 20})
		readAll(s)
		s.View(func(r cache.Reader) error {
			for k, v := range r.Range(nil) {
				_, _ = strings.Clone(string(k)), strings.Clone(string(v))
			}
			return nil
		})
		writeAll(s)
		eventually(t, "usable", func() bool {
			s.Write([]byte("works"), []byte("yes"))
			return s.Flush() == nil && s.View(func(r cache.Reader) error {
				_, ok := r.Get([]byte("works"))
				if !ok {
					return errors.New("missing")
				}
				return nil
			}) == nil
		})
		s.Close()
	}
}

func TestFull(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir(), Size: 4 << 20})
	fill(t, s, 30_000)
	st := s.Stats()
	if st.Full == 0 || st.Written+st.Full != 30_000 {
		t.Fatalf("%+v", st)
	}
	if st.Entries != st.Written || st.Entries < 5000 {
		t.Errorf("%d entries of %d written", st.Entries, st.Written)
	}
	for i := range 2000 {
		s.Delete(fmt.Appendf(nil, "%06d", i))
	}
	s.Flush()
	if after := s.Stats(); after.Deleted != 2000 || after.Entries != st.Entries-2000 {
		t.Errorf("deleted %d, %d entries left of %d", after.Deleted, after.Entries, st.Entries)
	}
	works(t, s)
	err := s.Update(func(w cache.Writer) error {
		for i := range 100_000 {
			if err := w.Put(fmt.Appendf(nil, "%06d", i), make([]byte, 1000)); err != nil {
				return nil // an ignored error must not become a commit
			}
		}
		return nil
	})
	if !errors.Is(err, cache.ErrFull) {
		t.Errorf("Update: %v", err)
	}
	works(t, s)
	if err := s.Clear(); err != nil {
		t.Error(err)
	}
	works(t, s)
}

func FuzzParseHeader(f *testing.F) {
	dir := f.TempDir()
	s := open(f, Options{Dir: dir, Size: testSize})
	s.Close()
	data, err := os.ReadFile(filepath.Join(dir, dataFile))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data[:8192], int64(testSize))
	f.Add(data[:8192], int64(8192))
	f.Add(data[:5000], int64(5000))
	f.Fuzz(func(t *testing.T, data []byte, size int64) {
		h, err := parseHeader(bytes.NewReader(data), size)
		if err != nil {
			return
		}
		if h.pageSize < pageMin || h.pageSize > pageMax || h.lastPage < 1 || (h.lastPage+1)*h.pageSize > size {
			t.Errorf("accepted %+v of %d bytes", h, size)
		}
	})
}
