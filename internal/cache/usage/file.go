package usage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math/bits"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"knot-resolver/internal/limits"
)

// FileName is the name of the file in the directory of the cache.
const FileName = "top"

// The file is a header of headerSize bytes, which begins with magic and the number of slots, and the
// slots, all numbers in the order of the machine. Any slot is valid; a header that is not, or another
// number of slots, makes the file worthless, and it is replaced.
const (
	magic      = "KRUSAGE1"
	headerSize = 64
	slotSize   = 8
)

// slotsFor returns the number of slots for a cache of the given size in bytes.
func slotsFor(size int64) int {
	want := uint64(max(size, 0)) / limits.UsageShare
	slots := 1 << bits.Len64(max(want, 1)-1)
	return min(max(slots, limits.UsageSlotsMin), limits.UsageSlotsMax)
}

func header(slots int) []byte {
	b := append(make([]byte, 0, headerSize), magic...)
	b = binary.NativeEndian.AppendUint64(b, uint64(slots))
	return append(b, make([]byte, headerSize-len(b))...)
}

// readHeader returns the number of slots of a file of the given size, 0 if it is none of ours.
func readHeader(b []byte, size int64) int {
	if len(b) < headerSize || string(b[:len(magic)]) != magic {
		return 0
	}
	slots := binary.NativeEndian.Uint64(b[len(magic):])
	if slots < limits.UsageSlotsMin || slots > limits.UsageSlotsMax || slots&(slots-1) != 0 || size != headerSize+slotSize*int64(slots) {
		return 0
	}
	return int(slots)
}

// counters are the slots of a file, mapped or read.
type counters []byte

func (c counters) slots() int { return len(c) / slotSize }

func (c counters) at(k key) []byte { return c[k.index(c.slots())*slotSize:][:slotSize] }

func (c counters) touch(k key, uses, minute uint64) {
	b := c.at(k)
	s := slot(binary.NativeEndian.Uint64(b))
	binary.NativeEndian.PutUint64(b, uint64(s.touch(k, uses, minute)))
}

func (c counters) uses(k key, minute uint64) uint64 {
	return slot(binary.NativeEndian.Uint64(c.at(k))).uses(k, minute)
}

// mapFile maps the counters in dir, which are made anew if there are none for a cache of this size.
func mapFile(dir string, size int64) (mapped []byte, err error) {
	unlock, err := lock(dir)
	if err != nil {
		return nil, fmt.Errorf("statistics of use: %w", err)
	}
	defer unlock()
	path := filepath.Join(dir, FileName)
	f, err := os.OpenFile(path, os.O_RDWR|unix.O_NOFOLLOW, 0)
	if err == nil && !valid(f, slotsFor(size)) {
		f.Close()
		err = fs.ErrNotExist
	}
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ELOOP) { // a link that somebody has put there
		f, err = create(path, slotsFor(size))
	}
	if err != nil {
		return nil, fmt.Errorf("statistics of use: %w", err)
	}
	defer f.Close()
	mapped, err = unix.Mmap(int(f.Fd()), 0, headerSize+slotSize*slotsFor(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("statistics of use: map %s: %w", path, err)
	}
	return mapped, nil
}

func valid(f *os.File, slots int) bool {
	st, err := f.Stat()
	if err != nil {
		return false
	}
	b := make([]byte, headerSize)
	_, err = f.ReadAt(b, 0)
	return err == nil && readHeader(b, st.Size()) == slots
}

// lockFile is the one that opening the cache takes, too.
const lockFile = "krcachelock"

// lock keeps other workers from opening or making the file, or waits until they have done so.
func lock(dir string) (unlock func(), err error) {
	l, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_CREATE|os.O_RDWR|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(l.Fd()), unix.LOCK_EX); err != nil {
		l.Close()
		return nil, fmt.Errorf("lock %s: %w", l.Name(), err)
	}
	return func() { l.Close() }, nil
}

// create makes the file complete before it gets its name. Its blocks are allocated, because writing to
// a hole of a mapped file on a full disk is a fault.
func create(path string, slots int) (*os.File, error) {
	f, err := os.CreateTemp(filepath.Dir(path), FileName+".new-*")
	if err != nil {
		return nil, err
	}
	if err = complete(f, slots); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		f.Close()
		return nil, errors.Join(err, os.Remove(f.Name()))
	}
	return f, nil
}

// complete writes and allocates an empty file.
func complete(f *os.File, slots int) error {
	if _, err := f.Write(header(slots)); err != nil {
		return err
	}
	size := headerSize + slotSize*int64(slots)
	switch err := unix.Fallocate(int(f.Fd()), 0, 0, size); err {
	case nil:
		return nil
	case unix.EOPNOTSUPP, unix.ENOSYS:
		return f.Truncate(size)
	default:
		return fmt.Errorf("allocate %d bytes for %s: %w", size, f.Name(), err)
	}
}
