package usage

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"knot-resolver/internal/limits"
)

var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

func TestSlot(t *testing.T) {
	const half = limits.UsageHalfLife
	mine, other := keyOf([]byte("mine")), keyOf([]byte("other"))
	at := func(d time.Duration) uint64 { return minuteOf(noon.Add(d)) }
	for _, c := range []struct {
		name        string
		s           slot
		when        time.Duration
		mine, other uint64
	}{
		{"free", 0, 0, 0, 0},
		{"once", slot(0).touch(mine, 1, at(0)), 0, 1, 0},
		{"hundred times", slot(0).touch(mine, 100, at(0)), 0, 100, 0},
		{"half-life", slot(0).touch(mine, 100, at(0)), half, 50, 0},
		{"half of a half-life", slot(0).touch(mine, 100, at(0)), half / 2, 75, 0},
		{"two half-lives", slot(0).touch(mine, 100, at(0)), 2 * half, 25, 0},
		{"a month", slot(0).touch(mine, 65535, at(0)), 31 * 24 * time.Hour, 0, 0},
		{"no more than fits", slot(0).touch(mine, 1<<20, at(0)).touch(mine, 1<<20, at(0)), 0, 65536, 0},
		{"clock set back", slot(0).touch(mine, 100, at(0)), -time.Hour, 100, 0},
		{"worn down by another", slot(0).touch(mine, 100, at(0)).touch(other, 1, at(0)), 0, 99, 0},
		{"taken over", slot(0).touch(mine, 1, at(0)).touch(other, 5, at(0)), 0, 0, 4},
		{"old one taken over", slot(0).touch(mine, 4, at(0)).touch(other, 2, at(2*half)), 2 * half, 0, 1},
	} {
		if m, o := c.s.uses(mine, at(c.when)), c.s.uses(other, at(c.when)); m != c.mine || o != c.other {
			t.Errorf("%s: %d and %d uses, expected %d and %d", c.name, m, o, c.mine, c.other)
		}
	}
}

func TestSlotsFor(t *testing.T) {
	for size, want := range map[int64]int{0: limits.UsageSlotsMin, 1 << 20: 4096, 1<<20 + 256: 8192, 100 << 20: 1 << 19, 1 << 40: limits.UsageSlotsMax} {
		if got := slotsFor(size); got != want {
			t.Errorf("%d bytes: %d slots, expected %d", size, got, want)
		}
	}
}

func recorder(t *testing.T, dir string) *Recorder {
	t.Helper()
	r := New(dir, 1<<20, slog.New(slog.DiscardHandler))
	t.Cleanup(r.unmap)
	return r
}

func read(t *testing.T, dir string) Counts {
	t.Helper()
	c, err := Read(dir, noon)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// What two workers count is one count, and a new pair goes on from it.
func TestSharedAndKept(t *testing.T) {
	dir := t.TempDir()
	entry := []byte("popular")
	for round := range uint64(2) {
		a, b := recorder(t, dir), recorder(t, dir)
		for _, r := range []*Recorder{a, b} {
			r.Touch(entry)
			r.Touch([]byte("once"))
			r.TouchSample(entry)
			if err := r.drain(noon); err != nil {
				t.Fatal(err)
			}
		}
		c := read(t, dir)
		if got, want := c.Uses(entry), (round+1)*2*(limits.UsageSample+1); got != want {
			t.Errorf("round %d: %d uses, expected %d", round, got, want)
		}
		if n := c.Uses([]byte("never")); n != 0 {
			t.Errorf("%d uses of an entry that was never used", n)
		}
	}
	left, _ := filepath.Glob(filepath.Join(dir, "*new*"))
	if len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// More uses than the ring holds leave the newest ones.
func TestRingOverflow(t *testing.T) {
	dir := t.TempDir()
	r := recorder(t, dir)
	for range 3 * limits.UsageRing {
		r.Touch([]byte("popular"))
	}
	if err := r.drain(noon); err != nil {
		t.Fatal(err)
	}
	c := read(t, dir)
	if n := c.Uses([]byte("popular")); n != limits.UsageRing {
		t.Errorf("%d uses", n)
	}
}

// A flood of names that are asked once does not make the popular ones forgotten.
func TestFlood(t *testing.T) {
	dir := t.TempDir()
	r := recorder(t, dir)
	rnd := rand.New(rand.NewPCG(1, 1))
	popular := func(i int) []byte { return fmt.Appendf(nil, "popular%d", i) }
	for i := range 100 {
		for range 60 {
			r.Touch(popular(i))
		}
	}
	for range 10 { // 20 uses of each slot
		if err := r.drain(noon); err != nil {
			t.Fatal(err)
		}
		for range limits.UsageRing {
			r.Touch(fmt.Appendf(nil, "junk%x", rnd.Uint64()))
		}
	}
	c := read(t, dir)
	kept := 0
	for i := range 100 {
		if c.Uses(popular(i)) > 20 {
			kept++
		}
	}
	if kept < 95 {
		t.Errorf("only %d of 100 popular entries are known", kept)
	}
}

// FT-15: a file that is truncated, replaced or damaged under a worker costs counts and nothing else.
func TestFileChangesUnderneath(t *testing.T) {
	for name, change := range map[string]func(path string) error{
		"truncated": func(path string) error { return os.Truncate(path, 10) },
		"emptied":   func(path string) error { return os.Truncate(path, 0) },
		"removed":   os.Remove,
		"rubbish":   func(path string) error { return os.WriteFile(path, []byte(strings.Repeat("x", 100000)), 0o600) },
	} {
		dir := t.TempDir()
		r := recorder(t, dir)
		r.Touch([]byte("a"))
		if err := r.drain(noon); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := change(filepath.Join(dir, FileName)); err != nil {
			t.Fatal(err)
		}
		r.Touch([]byte("a"))
		r.drain(noon) // must not end the process
		next := recorder(t, dir)
		next.Touch([]byte("a"))
		if err := next.drain(noon); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if c, err := Read(dir, noon); err != nil || c.Uses([]byte("a")) != 1 {
			t.Errorf("%s: %d uses, %v", name, c.Uses([]byte("a")), err)
		}
	}
}

func TestNoDirectory(t *testing.T) {
	r := recorder(t, filepath.Join(t.TempDir(), "missing"))
	r.Touch([]byte("a"))
	if err := r.drain(noon); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	r.Touch([]byte("a"))
	if err := r.drain(noon.Add(time.Second)); err != nil {
		t.Errorf("tried again too early: %v", err)
	}
	c, err := Read(r.dir, noon)
	if !errors.Is(err, fs.ErrNotExist) || c.Uses([]byte("a")) != 0 {
		t.Error(err)
	}
}

// A disk without room for the counters is an error that leaves nothing: it once ended the worker.
func TestNoRoom(t *testing.T) {
	dir := t.TempDir()
	if f, err := create(filepath.Join(dir, FileName), 1<<50); err == nil {
		f.Close()
		t.Error("no error")
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestTouchAllocatesNothing(t *testing.T) {
	r := recorder(t, t.TempDir())
	entry := []byte("www.example.com")
	if n := testing.AllocsPerRun(1000, func() { r.Touch(entry) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkTouch(b *testing.B) {
	r := New(b.TempDir(), 1<<20, slog.New(slog.DiscardHandler))
	entry := []byte("\x03com\x00example\x00www\x00\x00E\x00\x01")
	for b.Loop() {
		r.Touch(entry)
	}
}

func FuzzCounts(f *testing.F) {
	f.Add(header(limits.UsageSlotsMin), []byte("a"))
	f.Add(append(header(limits.UsageSlotsMin), make([]byte, slotSize*limits.UsageSlotsMin)...), []byte("a"))
	f.Fuzz(func(t *testing.T, file, entry []byte) {
		if c, err := parse(file, "fuzz", noon); err == nil {
			c.Uses(entry)
		}
	})
}
