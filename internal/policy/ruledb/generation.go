package ruledb

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"knot-resolver/internal/limits"
)

const (
	fileName = "rules.db"
	tempName = "rules.db.tmp"
)

// Store is the directory that holds the generations.
type Store struct {
	Dir string // it need not exist
}

// Generations returns the numbers of the complete generations, oldest first.
func (s Store) Generations() ([]uint64, error) {
	all, err := s.numbers()
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(n uint64) bool {
		_, err := os.Stat(s.file(n))
		return err != nil
	}), nil
}

// Newest returns the number of the newest complete generation; ok is false when there is none.
func (s Store) Newest() (n uint64, ok bool, err error) {
	list, err := s.Generations()
	if err != nil || len(list) == 0 {
		return 0, false, err
	}
	return list[len(list)-1], true, nil
}

// Open maps a complete generation. Damage is reported as [ErrFile].
func (s Store) Open(n uint64) (*Memory, error) {
	file, err := mapFile(s.file(n))
	if err != nil {
		return nil, fmt.Errorf("rules generation %d: %w", n, err)
	}
	m, err := Parse(file)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("rules generation %d: %w", n, err), unix.Munmap(file))
	}
	runtime.AddCleanup(m, func(file []byte) { unix.Munmap(file) }, file)
	return m, nil
}

// mapFile maps a file for reading.
func mapFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() == 0 || info.Size() > limits.RuleFileBytes {
		return nil, fmt.Errorf("%w: %d octets", ErrFile, info.Size())
	}
	file, err := unix.Mmap(int(f.Fd()), 0, int(info.Size()), unix.PROT_READ, unix.MAP_SHARED|unix.MAP_POPULATE)
	if err != nil {
		return nil, fmt.Errorf("map %s: %w", path, err)
	}
	return file, nil
}

// Remove deletes one generation. It is no error when there is none of that number.
func (s Store) Remove(n uint64) error { return os.RemoveAll(s.dir(n)) }

// RemoveOlder deletes every generation, complete or not, with a number lower than n.
func (s Store) RemoveOlder(n uint64) error {
	all, err := s.numbers()
	for _, old := range all {
		if old < n {
			err = errors.Join(err, s.Remove(old))
		}
	}
	return err
}

func (s Store) dir(n uint64) string  { return filepath.Join(s.Dir, strconv.FormatUint(n, 10)) }
func (s Store) file(n uint64) string { return filepath.Join(s.dir(n), fileName) }

// numbers returns the numbers of all generations, also incomplete ones, in ascending order.
func (s Store) numbers() ([]uint64, error) {
	entries, err := os.ReadDir(s.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var list []uint64
	for _, e := range entries {
		n, err := strconv.ParseUint(e.Name(), 10, 64)
		if err == nil && e.IsDir() && strconv.FormatUint(n, 10) == e.Name() {
			list = append(list, n)
		}
	}
	slices.Sort(list)
	return list, nil
}

// Writer is the Sink of a new generation. End it with Commit or Abort.
type Writer struct {
	store  Store
	number uint64
	file   *os.File
	buffer *bufio.Writer
	enc    *encoder
}

// Create begins a new generation, numbered higher than all before. Nobody sees it before Commit.
func (s Store) Create() (*Writer, error) {
	n, err := s.reserve()
	if err != nil {
		return nil, fmt.Errorf("new rules generation: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(s.dir(n), tempName), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o640)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("new rules generation: %w", err), s.Remove(n))
	}
	w := &Writer{store: s, number: n, file: f, buffer: bufio.NewWriterSize(f, 1<<20)}
	if w.enc, err = newEncoder(w.buffer); err != nil {
		return nil, errors.Join(err, w.Abort())
	}
	return w, nil
}

// reserve makes the directory of a generation nobody else has.
func (s Store) reserve() (uint64, error) {
	if err := os.MkdirAll(s.Dir, 0o750); err != nil {
		return 0, err
	}
	for try := 0; ; try++ {
		all, err := s.numbers()
		if err != nil {
			return 0, err
		}
		n := uint64(1)
		if len(all) > 0 {
			n = all[len(all)-1] + 1
		}
		err = os.Mkdir(s.dir(n), 0o750)
		if err == nil || !errors.Is(err, fs.ErrExist) || try == limits.RuleGenerations {
			return n, err
		}
	}
}

// Number returns the number of the generation being written.
func (w *Writer) Number() uint64 { return w.number }

// Put implements Sink.
func (w *Writer) Put(space byte, name string, value []byte) error {
	if err := w.enc.put(space, name, value); err != nil {
		return fmt.Errorf("rules generation %d: %w", w.number, err)
	}
	return nil
}

// Commit implements Sink: it makes the generation complete, on disk, in one step. After an error
// the generation is as if it had been aborted.
func (w *Writer) Commit() error {
	err := w.seal()
	if err == nil {
		return nil
	}
	return errors.Join(fmt.Errorf("rules generation %d: %w", w.number, err), w.Abort())
}

func (w *Writer) seal() error {
	if err := w.enc.finish(); err != nil {
		return err
	}
	if err := w.buffer.Flush(); err != nil {
		return err
	}
	if err := w.file.Sync(); err != nil {
		return err
	}
	if err := w.file.Close(); err != nil {
		return err
	}
	if err := os.Rename(w.file.Name(), w.store.file(w.number)); err != nil {
		return err
	}
	return errors.Join(syncDir(w.store.dir(w.number)), syncDir(w.store.Dir))
}

// Abort gives the generation up and removes what was written.
func (w *Writer) Abort() error {
	w.file.Close() // closed already when Commit failed late
	return w.store.Remove(w.number)
}

// syncDir makes a rename in dir survive a power cut.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
