//go:build cgo

package lmdb

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"knot-resolver/internal/cache"
	"knot-resolver/internal/dns"
	"knot-resolver/internal/limits"
)

const (
	powerCuts  = 1000
	powerSteps = 12  // commits that are copied
	powerKeys  = 100 // of which most are written again in each step
	powerPage  = 4096
)

// powered is a store that was written in steps, and what the disk may hold of it.
type powered struct {
	copies [][]byte                   // of the data file after each step
	wrote  map[string]map[string]bool // every value that a key ever had
	rnd    *rand.Rand
}

// powerKey is the key of name i.
func powerKey(i int) string { return fmt.Sprintf("test\x00%06d\x00\x00E\x00\x10", i) }

// powerValue is an entry in the form that workers write, of one of few sizes: one value then fits in the place of another. The
// large ones have pages of their own, without the key.
func powerValue(i, step int) []byte {
	size := []int{40, 150, 40, 150, 300, 40, 150, 40, 2200, 6000}[i%10]
	data := fmt.Appendf(nil, "%06d %03d ", i, step)
	for len(data) < size {
		data = append(data, byte(len(data)*(i+step)))
	}
	e := cache.Entry{
		Kind: cache.NXDomain, Rank: cache.Secure, TTL: 86400, Inserted: time.Now(), EDE: dns.NoEDE,
		Authority: []dns.RRset{{Owner: dns.MustName("test."), Type: dns.TypeTXT, TTL: 86400, RDatas: dns.RDatas(nil).Append(data)}},
	}
	return e.Append(nil)
}

// write writes value to key, and remembers that.
func (p *powered) write(s *Store, i, step int) {
	key, value := powerKey(i), powerValue(i, step)
	if p.wrote[key] == nil {
		p.wrote[key] = map[string]bool{}
	}
	p.wrote[key][string(value)] = true
	s.Write([]byte(key), value)
}

// fill writes in steps, and copies the file after each.
func (p *powered) fill(t *testing.T, opts Options) {
	t.Helper()
	s := open(t, opts)
	defer s.Close()
	for step := range powerSteps {
		for i := range powerKeys {
			switch p.rnd.IntN(4) {
			case 0:
				s.Delete([]byte(powerKey(i)))
			default:
				p.write(s, i, step)
			}
		}
		if err := s.Flush(); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(filepath.Join(opts.Dir, dataFile))
		if err != nil {
			t.Fatal(err)
		}
		p.copies = append(p.copies, data)
	}
	if st := s.Stats(); st.Full > 0 || st.Entries == 0 {
		t.Fatalf("%+v", st)
	}
}

// image is what the disk holds after a power cut: of each page an earlier or a later state, and at times not all of the file.
func (p *powered) image() []byte {
	later := 1 + p.rnd.IntN(len(p.copies)-1)
	earlier := p.rnd.IntN(later)
	percent := []int{1, 10, 50, 90, 99}[p.rnd.IntN(5)]
	image := append([]byte(nil), p.copies[later]...)
	for at := 0; at < len(image); at += powerPage {
		if p.rnd.IntN(100) < percent {
			copy(image[at:at+powerPage], p.copies[earlier][at:])
		}
	}
	if p.rnd.IntN(10) == 0 {
		image = image[:p.rnd.IntN(len(image)/powerPage)*powerPage]
	}
	return image
}

// check looks everything up in all ways. What can be read must have been written under its key.
func (p *powered) check(t *testing.T, s *Store) (good int) {
	t.Helper()
	see := func(k, v []byte) {
		if _, ok := cache.ParseEntry(v); !ok {
			return // damage that is seen is a miss
		}
		if !p.wrote[string(k)][string(v)] {
			t.Errorf("%q has a value of %d octets that was never its own", k, len(v))
		}
		good++
	}
	for i := range powerKeys {
		s.View(func(r cache.Reader) error {
			k := []byte(powerKey(i))
			if v, ok := r.Get(k); ok {
				see(k, v)
			}
			if k, v, ok := r.Floor(k); ok {
				see(k, v)
			}
			if k, v, ok := r.Ceil(k); ok {
				see(k, v)
			}
			return nil
		})
	}
	s.View(func(r cache.Reader) error {
		for k, v := range r.Range(nil) {
			see(k, v)
		}
		return nil
	})
	return good
}

// FT-23: the power fails while pages of the file, which nobody syncs, are on disk in their old or new state. The store opens, and
// what it holds is right or not there.
func TestFT23PowerLoss(t *testing.T) {
	p := powered{wrote: map[string]map[string]bool{}, rnd: rand.New(rand.NewPCG(23, 23))}
	opts := Options{Size: limits.StoreSizeMin, Version: "test", Merge: cache.Replaces}
	opts.Dir = inMemory(t)
	p.fill(t, opts)
	before := peak(t)
	var slowest time.Duration
	kept, good := 0, 0
	for range powerCuts {
		os.RemoveAll(opts.Dir)
		opts.Dir = inMemory(t)
		if err := os.WriteFile(filepath.Join(opts.Dir, dataFile), p.image(), 0o600); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		s, err := newStore(opts)
		if err != nil {
			t.Fatal(err)
		}

		slowest = max(slowest, time.Since(began))
		if n := p.check(t, s); n > 0 {
			kept, good = kept+1, good+n
		}
		p.goesOn(t, s)
		s.Close()
	}
	t.Logf("%d of %d files had entries left, %d looked up in all; slowest start %v", kept, powerCuts, good, slowest)
	if slowest > 2*time.Second {
		t.Errorf("a start took %v", slowest)
	}
	if kept < powerCuts/10 {
		t.Errorf("entries were left in %d files only", kept)
	}
	// Damaged files stay mapped: a megabyte each. What is forbidden is to believe one that it has billions of pages.
	if grown := peak(t) - before; grown > 1<<30 {
		t.Errorf("took %d bytes", grown)
	}
}

// inMemory makes a directory that needs no disk, where there is room for one: a thousand caches are a gigabyte.
func inMemory(t *testing.T) string {
	t.Helper()
	const memory, needed = "/dev/shm", 3 << 30
	var fs syscall.Statfs_t
	if err := syscall.Statfs(memory, &fs); err != nil || fs.Bavail*uint64(fs.Bsize) < needed {
		return t.TempDir()
	}
	dir, err := os.MkdirTemp(memory, "power")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// peak returns the most memory that the process has had.
func peak(t *testing.T) int64 {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return u.Maxrss << 10
}

// goesOn writes until the store is in order, and reads what is there then.
func (p *powered) goesOn(t *testing.T, s *Store) {
	t.Helper()
	for i := 0; i < powerKeys; i += 3 {
		p.write(s, i, powerSteps)
	}
	eventually(t, "usable", func() bool {
		s.Write([]byte("works"), []byte("yes"))
		return s.Flush() == nil && s.View(func(r cache.Reader) error {
			if _, ok := r.Get([]byte("works")); !ok {
				return errors.New("missing")
			}
			return nil
		}) == nil
	})
	p.check(t, s)
}

// FT-16, FT-23: long values that have changed places are not read as those of each other's keys.
func TestFT16SwappedValues(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Options{Dir: dir, Size: limits.StoreSizeMin})
	a, b := bytes.Repeat([]byte("a"), 3000), bytes.Repeat([]byte("b"), 3000)
	s.Write([]byte("a"), a)
	s.Write([]byte("b"), b)
	s.Close()
	path := filepath.Join(dir, dataFile)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const body = 16 // behind the header of a page
	pageA, pageB := pageOf(data, a), pageOf(data, b)
	if err := errors.Join(scribble(path, pageA+body, data[pageB+body:pageB+powerPage]), scribble(path, pageB+body, data[pageA+body:pageA+powerPage])); err != nil {
		t.Fatal(err)
	}
	s = open(t, Options{Dir: dir, Size: limits.StoreSizeMin})
	var got []byte
	err = s.View(func(r cache.Reader) error {
		v, _ := r.Get([]byte("a"))
		got = bytes.Clone(v)
		return nil
	})
	if !errors.Is(err, cache.ErrDamaged) || got != nil {
		t.Errorf("%.10q, %v", got, err)
	}
	eventually(t, "an empty file", func() bool { return s.Stats().Reopened > 0 && s.Stats().SizeBytes > 0 })
	works(t, s)
}

// pageOf returns where the page with a value begins.
func pageOf(data, value []byte) int64 {
	return int64(bytes.Index(data, value)) / powerPage * powerPage
}

// FT-23: a page says of itself that a value takes many more pages than it does. Nobody frees those.
func TestFT23PagesOfAValue(t *testing.T) {
	for name, do := range map[string]func(s *Store) error{
		"write":  func(s *Store) error { s.Write([]byte("a"), []byte("x")); return s.Flush() },
		"delete": func(s *Store) error { s.Delete([]byte("a")); return s.Flush() },
		"update": func(s *Store) error {
			return s.Update(func(w cache.Writer) error { return w.Put([]byte("a"), []byte("x")) })
		},
		"clear": (*Store).Clear,
	} {
		dir := t.TempDir()
		s := open(t, Options{Dir: dir, Size: limits.StoreSizeMin})
		value := bytes.Repeat([]byte("a"), 3000)
		s.Write([]byte("a"), value)
		s.Close()
		path := filepath.Join(dir, dataFile)
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		const count = 12 // where a page says how many belong to it
		if err := scribble(path, pageOf(data, value)+count, binary.NativeEndian.AppendUint32(nil, 1<<20)); err != nil {
			t.Fatal(err)
		}
		s = open(t, Options{Dir: dir, Size: limits.StoreSizeMin})
		if err := do(s); !errors.Is(err, cache.ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
		eventually(t, "an empty file", func() bool { return s.Stats().Reopened > 0 && s.Stats().SizeBytes > 0 })
		works(t, s)
	}
}
