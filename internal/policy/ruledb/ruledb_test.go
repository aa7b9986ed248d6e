package ruledb

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"knot-resolver/internal/limits"
)

// file encodes pairs given as "key=value", in order.
func file(t testing.TB, pairs ...string) []byte {
	t.Helper()
	var buf bytes.Buffer
	e, err := newEncoder(&buf)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pairs {
		key, value, _ := bytes.Cut([]byte(p), []byte("="))
		if err := e.put(key, value); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.finish(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func TestRoundTrip(t *testing.T) {
	m, err := Parse(file(t, "a=1", "b=", "c=33"))
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{"a": "1", "b": "", "c": "33"} {
		if got, ok := m.Get([]byte(key)); !ok || string(got) != want {
			t.Errorf("%s: %q %v, want %q", key, got, ok, want)
		}
	}
	if _, ok := m.Get([]byte("d")); ok || m.Len() != 3 {
		t.Errorf("%d pairs, want 3", m.Len())
	}
	if m, err := Parse(file(t)); err != nil || m.Len() != 0 {
		t.Errorf("empty file: %v", err)
	}
}

func TestEncoderRefuses(t *testing.T) {
	for name, second := range map[string]struct{ key, value []byte }{
		"same key":   {[]byte("b"), nil},
		"lower key":  {[]byte("a"), nil},
		"no key":     {nil, nil},
		"long key":   {bytes.Repeat([]byte("x"), limits.RuleKeyBytes+1), nil},
		"long value": {[]byte("c"), make([]byte, limits.RuleValueBytes+1)},
	} {
		e, _ := newEncoder(new(bytes.Buffer))
		if err := e.put([]byte("b"), nil); err != nil {
			t.Fatal(err)
		}
		if e.put(second.key, second.value) == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	m := new(Memory)
	m.Put([]byte("b"), nil)
	if err := m.Put([]byte("b"), nil); err != ErrOrder {
		t.Errorf("Memory.Put out of order: %v", err)
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

// seal makes a file of a body, with the checksum right whatever the body is.
func seal(body []byte) []byte {
	content := append(append([]byte(magic), version), body...)
	sum := sha256.Sum256(content)
	return append(content, sum[:]...)
}

func TestLies(t *testing.T) {
	end := func(n byte) string { return "\x00\x00\x00\x00\x00\x00\x00\x00\x00" + string(n) }
	for name, body := range map[string]string{
		"key beyond the end":   "\xff\xff\x00\x00\x00\x00a" + end(1),
		"value beyond the end": "\x00\x01\xff\xff\xff\xffa" + end(1),
		"wrong count":          "\x00\x01\x00\x00\x00\x00a" + end(2),
		"keys out of order":    "\x00\x01\x00\x00\x00\x00b\x00\x01\x00\x00\x00\x00a" + end(2),
		"key twice":            "\x00\x01\x00\x00\x00\x00a\x00\x01\x00\x00\x00\x00a" + end(2),
		"after the end":        end(0) + "x",
	} {
		if _, err := Parse(seal([]byte(body))); !errors.Is(err, ErrFile) {
			t.Errorf("%s: %v", name, err)
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
		Parse(raw)
		m, err := Parse(seal(body))
		if err != nil {
			return
		}
		// What is accepted is exactly what would be written.
		var pairs []string
		m.All(func(key, value []byte) error {
			pairs = append(pairs, string(binary.BigEndian.AppendUint16(nil, uint16(len(key))))+string(key)+string(value))
			return nil
		})
		slices.SortFunc(pairs, func(a, b string) int { return bytes.Compare(keyOf(a), keyOf(b)) })
		var buf bytes.Buffer
		e, _ := newEncoder(&buf)
		for _, p := range pairs {
			if err := e.put(keyOf(p), []byte(p[2+len(keyOf(p)):])); err != nil {
				t.Fatal(err)
			}
		}
		e.finish()
		if !bytes.Equal(buf.Bytes(), seal(body)) {
			t.Fatal("accepted a file that is not written this way")
		}
	})
}

func keyOf(p string) []byte { return []byte(p[2 : 2+binary.BigEndian.Uint16([]byte(p))]) }

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
		if err := w.Put(fmt.Appendf(nil, "k%d", w.Number()), nil); err != nil {
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
	if _, ok := m.Get(fmt.Appendf(nil, "k%d", third.Number())); !ok {
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
