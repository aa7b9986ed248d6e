package kru

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Lifetime rule of this file, the only one with unsafe: what is made of a memory's bytes may be used while the
// memory is reachable. A Table keeps it, so every method of Table that touches head or cells ends with
// runtime.KeepAlive(t). The file is never truncated, so its pages stay; its space is reserved before it is mapped,
// so that no access finds the disk full.

// memory is a mapped file. It is unmapped when nothing refers to it any more.
type memory struct{ bytes []byte }

const magic = 0x0001_5552_4b53_4552 // and version of the layout

// Open maps the table in a file, which all processes that name it share. A file with other settings, or of another
// make, is replaced; those who have it mapped go on with the old one. A table that fits is taken as it is.
func Open(path string, s Settings) (*Table, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	f, err := lock(path)
	if err != nil {
		return nil, fmt.Errorf("counters %s: %w", path, err)
	}
	defer unlock(f)
	if !s.fits(f) {
		if f, err = create(path, s); err != nil {
			return nil, fmt.Errorf("counters %s: %w", path, err)
		}
		defer f.Close()
	}
	m, err := mapFile(f, s.size())
	if err != nil {
		return nil, fmt.Errorf("counters %s: map: %w", path, err)
	}
	head := (*header)(unsafe.Pointer(unsafe.SliceData(m.bytes)))
	cells := unsafe.Slice((*cell)(unsafe.Pointer(&m.bytes[unsafe.Sizeof(header{})])), s.cells())
	return newTable(s, head, cells, m), nil
}

func (s Settings) size() int { return int(unsafe.Sizeof(header{})) + s.cells()*cellOctets }

// lock opens the file at a path, made when missing, and locks it. Who holds the lock decides what is at the path.
func lock(path string) (*os.File, error) {
	for {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, err
		}
		if err = flock(f, unix.LOCK_EX); err == nil {
			var same bool
			if same, err = isAt(f, path); same {
				return f, nil
			}
		}
		unlock(f)
		if err != nil {
			return nil, err
		}
	}
}

// unlock closes the file. That alone would not end the lock of one that is mapped.
func unlock(f *os.File) {
	flock(f, unix.LOCK_UN)
	f.Close()
}

func flock(f *os.File, how int) error {
	for {
		if err := unix.Flock(int(f.Fd()), how); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// isAt says whether the file is still what the path names: somebody may have replaced it before the lock was got.
func isAt(f *os.File, path string) (bool, error) {
	opened, err := f.Stat()
	if err != nil {
		return false, err
	}
	named, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(opened, named), err
}

// fits says whether a file is a table with these settings.
func (s Settings) fits(f *os.File) bool {
	var head header
	view := unsafe.Slice((*byte)(unsafe.Pointer(&head)), unsafe.Sizeof(head))
	info, err := f.Stat()
	if err != nil || info.Size() != int64(s.size()) {
		return false
	}
	if _, err := f.ReadAt(view, 0); err != nil {
		return false
	}
	want := s.header()
	return head.magic == want.magic && head.capacity == want.capacity && head.decay == want.decay && head.unit == want.unit
}

// create puts an empty table at a path, in place of what is there.
func create(path string, s Settings) (*os.File, error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return nil, err
	}
	head := s.header()
	_, err = f.Write(unsafe.Slice((*byte)(unsafe.Pointer(&head)), unsafe.Sizeof(head)))
	if err == nil {
		err = unix.Fallocate(int(f.Fd()), 0, 0, int64(s.size()))
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		f.Close()
		os.Remove(f.Name())
		return nil, err
	}
	return f, nil
}

func mapFile(f *os.File, size int) (*memory, error) {
	bytes, err := unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, err
	}
	m := &memory{bytes}
	runtime.AddCleanup(m, func(b []byte) { unix.Munmap(b) }, bytes)
	return m, nil
}
