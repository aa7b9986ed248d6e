package ruledb

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
)

// file encodes pairs given as "name=value", all in space 'x'.
func file(t testing.TB, pairs ...string) []byte {
	t.Helper()
	var buf bytes.Buffer
	e, err := newEncoder(&buf)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pairs {
		name, value, _ := bytes.Cut([]byte(p), []byte("="))
		if err := e.put('x', string(name), value); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.finish(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func nothing(byte, []byte, []byte) error { return nil }

func TestRoundTrip(t *testing.T) {
	m, err := Parse(file(t, "a=1", "b=", "=33"))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"a": "1", "b": "", "": "33"} {
		if got, ok := m.Get('x', name); !ok || string(got) != want {
			t.Errorf("%s: %q %v, want %q", name, got, ok, want)
		}
		if _, ok := m.Get('y', name); ok {
			t.Errorf("%s is in another space", name)
		}
	}
	if _, ok := m.Get('x', "d"); ok || m.Len() != 3 {
		t.Errorf("%d pairs, want 3", m.Len())
	}
	if err := m.All(nothing); err != nil {
		t.Error(err)
	}
	m, err = Parse(file(t))
	if err != nil || m.Len() != 0 || m.All(nothing) != nil {
		t.Errorf("empty file: %v", err)
	}
	if _, ok := m.Get('x', ""); ok {
		t.Error("found in an empty file")
	}
}

// TestManyPairs fills tables of many sizes and finds everything again, and nothing else.
func TestManyPairs(t *testing.T) {
	for _, n := range []int{1, 2, 3, 5, 6, 7, 100, 767, 768, 769, 5000} {
		var pairs []string
		for i := range n {
			pairs = append(pairs, fmt.Sprintf("name%d=%d", i, i))
		}
		m, err := Parse(file(t, pairs...))
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			if v, ok := m.Get('x', fmt.Sprint("name", i)); !ok || string(v) != fmt.Sprint(i) {
				t.Fatalf("%d pairs: %d is %q %v", n, i, v, ok)
			}
			if _, ok := m.Get('x', fmt.Sprint("nome", i)); ok {
				t.Fatalf("%d pairs: what is not there was found", n)
			}
		}
		if err := m.All(nothing); err != nil {
			t.Fatal(err)
		}
	}
}

func TestEncoderRefuses(t *testing.T) {
	e, _ := newEncoder(new(bytes.Buffer))
	if e.put('x', string(make([]byte, MaxName+1)), nil) == nil {
		t.Error("a long name was accepted")
	}
}

// Any single wrong bit and any cut is noticed.
func TestDamage(t *testing.T) {
	good := file(t, "a=1", "b=22")
	for i := range good {
		for bit := range 8 {
			bad := bytes.Clone(good)
			bad[i] ^= 1 << bit
			if _, err := Parse(bad); !errors.Is(err, ErrFile) {
				t.Fatalf("bit %d of octet %d flipped: %v", bit, i, err)
			}
		}
		if _, err := Parse(good[:i]); !errors.Is(err, ErrFile) {
			t.Fatalf("cut to %d: %v", i, err)
		}
	}
	if _, err := Parse(append(good, 0)); !errors.Is(err, ErrFile) {
		t.Errorf("trailing octet: %v", err)
	}
}

// seal makes a file of everything before the checksum, which is right whatever that is.
func seal(content []byte) []byte {
	sum := sha256.Sum256(content)
	return append(content, sum[:]...)
}

// verify reads a file and goes through its pairs.
func verify(file []byte) error {
	m, err := Parse(file)
	if err != nil {
		return err
	}
	for _, name := range []string{"", "a", "b", "never"} {
		m.Get('x', name)
	}
	return m.All(nothing)
}

// TestLies: what only somebody could write who wants to be misunderstood is noticed, too.
func TestLies(t *testing.T) {
	good := file(t, "a=1", "b=22")
	content := good[:len(good)-sha256.Size]
	table := int(binary.BigEndian.Uint64(content[len(content)-8:]))
	change := func(at int, with ...byte) []byte {
		c := bytes.Clone(content)
		copy(c[at:], with)
		return seal(c)
	}
	full := bytes.Repeat([]byte{0xff}, len(content)-16-table)
	for what, file := range map[string][]byte{
		"name beyond the end":  change(start+1, 0xff),
		"value beyond the end": change(start+2, 0x7f, 0xff),
		"wrong count":          change(len(content)-9, 3),
		"huge count":           change(len(content)-16, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
		"table elsewhere":      change(len(content)-1, byte(start)),
		"table beyond the end": change(len(content)-8, 0xff),
		"empty table":          change(table, make([]byte, len(full))...),
		"no empty slot":        change(table, full...),
		"another space":        change(start, 'y'),
		"same name":            file(t, "a=1", "a=2"),
		"other name":           change(start+pairHeader, 'b'),
		"something in between": seal(slices.Concat(content[:table], []byte{0}, content[table:])),
		"nothing at all":       seal([]byte(magic + "\x03")),
		"later version":        seal([]byte(magic + "\x04" + string(make([]byte, 100)))),
	} {
		if err := verify(file); !errors.Is(err, ErrFile) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, pairs := range [][]string{nil, {"a=1"}, {"a=1", "b=", "c=333"}} {
		whole := file(f, pairs...)
		f.Add(whole, whole[len(magic)+1:len(whole)-sha256.Size])
	}
	f.Add([]byte(magic), []byte{0, 1, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, raw, body []byte) {
		verify(raw)
		file := seal(append(append([]byte(magic), version), body...))
		if verify(file) != nil {
			return
		}
		// What is accepted is exactly what would be written.
		m, _ := Parse(file)
		var buf bytes.Buffer
		e, _ := newEncoder(&buf)
		m.All(func(space byte, name, value []byte) error {
			if got, ok := m.Get(space, string(name)); !ok || !bytes.Equal(got, value) {
				t.Fatalf("%q is not found", name)
			}
			return e.put(space, string(name), value)
		})
		e.finish()
		if buf.Len() != len(file) {
			t.Fatal("accepted a file that is not written this way")
		}
	})
}

// TestMappedAsLongAsUsed: the file stays mapped while its Memory is reachable, whatever happens to its name.
func TestMappedAsLongAsUsed(t *testing.T) {
	s := Store{Dir: t.TempDir()}
	w, err := s.Create()
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Put('x', "a", make([]byte, 1<<20)), w.Commit()); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		m, err := s.Open(w.Number())
		if err != nil {
			t.Fatal(err)
		}
		runtime.GC()
		if v, ok := m.Get('x', "a"); !ok || bytes.Count(v, []byte{0}) != 1<<20 {
			t.Fatal("value lost")
		}
		runtime.KeepAlive(m)
	}
}

func TestGenerations(t *testing.T) {
	s := Store{Dir: filepath.Join(t.TempDir(), "ruledb")}
	if _, ok, err := s.Newest(); ok || err != nil {
		t.Fatalf("nothing there: %v %v", ok, err)
	}
	write := func() *Writer {
		t.Helper()
		w, err := s.Create()
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Put('x', fmt.Sprint("k", w.Number()), nil); err != nil {
			t.Fatal(err)
		}
		return w
	}
	expect := func(newest uint64, complete ...uint64) {
		t.Helper()
		list, err := s.Generations()
		n, ok, _ := s.Newest()
		if err != nil || !slices.Equal(list, complete) || n != newest || ok != (len(complete) > 0) {
			t.Fatalf("generations %v, newest %d %v, %v; want %v", list, n, ok, err, complete)
		}
	}
	first, second := write(), write()
	expect(0)
	if err := first.Commit(); err != nil {
		t.Fatal(err)
	}
	expect(1, 1)
	if err := second.Commit(); err != nil {
		t.Fatal(err)
	}
	expect(2, 1, 2)
	aborted := write()
	if err := aborted.Abort(); err != nil {
		t.Fatal(err)
	}
	expect(2, 1, 2)
	killed := write() // neither committed nor aborted
	third := write()
	if err := third.Commit(); err != nil {
		t.Fatal(err)
	}
	killed.file.Close()
	if third.Number() <= killed.Number() {
		t.Errorf("number %d used after %d", third.Number(), killed.Number())
	}
	os.Mkdir(filepath.Join(s.Dir, "notes"), 0o700)
	if err := s.RemoveOlder(third.Number()); err != nil {
		t.Fatal(err)
	}
	expect(third.Number(), third.Number())
	m, err := s.Open(third.Number())
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := m.Get('x', fmt.Sprint("k", third.Number())); !ok {
		t.Error("key lost")
	}
	if err := s.Remove(third.Number()); err != nil {
		t.Fatal(err)
	}
	expect(0)
	if _, err := os.Stat(filepath.Join(s.Dir, "notes")); err != nil {
		t.Error("something else in the directory was removed")
	}
}

func TestOpenDamaged(t *testing.T) {
	s := Store{Dir: t.TempDir()}
	w, err := s.Create()
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(s.file(1), 20); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Open(1); !errors.Is(err, ErrFile) {
		t.Errorf("Open = %v, want ErrFile", err)
	}
}
