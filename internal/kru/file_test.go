package kru

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"
)

func open(t *testing.T, path string, s Settings) *Table {
	t.Helper()
	table, err := Open(path, s)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func TestShared(t *testing.T) {
	path := filepath.Join(t.TempDir(), "counters")
	s := Settings{Capacity: 1 << 10, Decay: 0.5, Unit: 7}
	one, two := open(t, path, s), open(t, path, s)
	one.count(one.Key(client, 32, 0), 500<<16, 1)
	if load := two.Find(two.Key(client, 32, 0), 1).Load(); load != 500 {
		t.Errorf("the other sees a load of %d", load)
	}
	if info, _ := os.Stat(path); info.Mode() != 0o600 || info.Size() != 128+1<<13 {
		t.Errorf("file %v of %d bytes", info.Mode(), info.Size())
	}
	if !one.Once(1, 1e9) || two.Once(1, 1e9) {
		t.Error("both were the first")
	}
}

// TestReplaced: another setting makes another table; those who use the old one are not disturbed, and nothing else is left behind.
func TestReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "counters")
	s := Settings{Capacity: 1 << 10, Decay: 0.5, Unit: 7}
	old := open(t, path, s)
	key := old.Key(client, 32, 0)
	old.count(key, 500<<16, 1)
	for _, other := range []Settings{{1 << 11, 0.5, 7}, {1 << 10, 0.25, 7}, {1 << 10, 0.5, 8}} {
		fresh := open(t, path, other)
		if load := fresh.Find(fresh.Key(client, 32, 0), 1).Load(); load != 0 {
			t.Errorf("%+v: load %d", other, load)
		}
	}
	if load := old.Find(key, 1).Load(); load != 500 {
		t.Errorf("the old table has %d", load)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("left: %v, %v", entries, err)
	}
}

// TestDamaged: whatever else is in the file is replaced.
func TestDamaged(t *testing.T) {
	s := Settings{Capacity: 1 << 10, Decay: 0.5}
	for name, content := range map[string][]byte{"empty": nil, "short": []byte("x"), "of the right size": make([]byte, s.size())} {
		path := filepath.Join(t.TempDir(), "counters")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		table := open(t, path, s)
		if table.head.key == [2]uint64{} {
			t.Errorf("%s: no key", name)
		}
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none", "counters"), s); err == nil {
		t.Error("opened in a directory that does not exist")
	}
	if _, err := Open(t.TempDir(), s); err == nil {
		t.Error("opened a directory")
	}
}

// TestOpenedAtOnce: many that find no table, or one of others, end with the same.
func TestOpenedAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "counters")
	for unit := range uint64(5) {
		var running sync.WaitGroup
		tables := make([]*Table, 16)
		for i := range tables {
			running.Go(func() {
				var err error
				if tables[i], err = Open(path, Settings{Capacity: 64, Decay: 1, Unit: unit}); err != nil {
					t.Error(err)
				}
			})
		}
		running.Wait()
		for _, other := range tables[1:] {
			if other.head.key != tables[0].head.key {
				t.Fatal("two tables")
			}
		}
	}
}

// TestUnmapped: tables that nobody has any more give their memory back.
func TestUnmapped(t *testing.T) {
	path := filepath.Join(t.TempDir(), "counters")
	for unit := range uint64(50) {
		table := open(t, path, Settings{Capacity: 1 << 10, Decay: 1, Unit: unit})
		table.count(1, 1<<16, 1)
	}
	for range 500 { // it takes a collection and the goroutine of clean-ups
		runtime.GC()
		maps, err := os.ReadFile("/proc/self/maps")
		if err != nil {
			t.Skip(err)
		}
		if countLines(maps, path) < 10 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("tables stay mapped")
}

func countLines(text []byte, part string) (n int) {
	for line := range bytes.Lines(text) {
		if bytes.Contains(line, []byte(filepath.Dir(part))) {
			n++
		}
	}
	return n
}

var client = netip.MustParseAddr("192.0.2.1")
