package journal

import (
	"errors"
	"fmt"
	"io"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Lifetime rule of this file, the only one of the package that makes pointers out of memory: a journal that is in use stays
// mapped until the process ends, as the kernel and resolutions that ignore their end may write to it at any time. The file only ever grows
// while somebody has it mapped, so its pages stay. Its processes are ours: no other has a descriptor.

const size = unsafe.Sizeof(layout{})

// ErrInUse says that another process that is alive uses the journal.
var ErrInUse = errors.New("in use")

// Create returns a descriptor of an empty journal, for [Open] in another process.
func Create() (fd int, err error) {
	fd, err = unix.MemfdCreate("journal", unix.MFD_CLOEXEC|unix.MFD_NOEXEC_SEAL)
	if errors.Is(err, unix.EINVAL) { // Linux before 6.3
		fd, err = unix.MemfdCreate("journal", unix.MFD_CLOEXEC)
	}
	return fd, os.NewSyscallError("memfd_create", err)
}

// claim locks the file for this process, until it ends or closes any descriptor of the file.
func claim(fd int) error {
	lock := unix.Flock_t{Type: unix.F_WRLCK, Whence: io.SeekStart}
	err := unix.FcntlFlock(uintptr(fd), unix.F_SETLK, &lock)
	if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
		return ErrInUse
	}
	return os.NewSyscallError("fcntl", err)
}

// mapFile returns the layout in the file, an empty one if there is no other. Pages that nobody used stay away.
func mapFile(fd int) (*layout, error) {
	fits, err := fits(fd)
	if err != nil {
		return nil, err
	}
	if !fits {
		if err := errors.Join(unix.Ftruncate(fd, 0), unix.Ftruncate(fd, int64(size))); err != nil {
			return nil, fmt.Errorf("set size: %w", err)
		}
	}
	memory, err := unix.Mmap(fd, 0, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map: %w", err)
	}
	l := (*layout)(unsafe.Pointer(unsafe.SliceData(memory)))
	l.magic, l.size = magic, uint64(size)
	return l, nil
}

// fits says whether the file has our layout.
func fits(fd int) (bool, error) {
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return false, os.NewSyscallError("fstat", err)
	}
	var head [2]uint64
	bytes := unsafe.Slice((*byte)(unsafe.Pointer(&head)), unsafe.Sizeof(head))
	n, err := unix.Pread(fd, bytes, 0)
	if err != nil {
		return false, os.NewSyscallError("pread", err)
	}
	return n == len(bytes) && stat.Size == int64(size) && head == [2]uint64{magic, uint64(size)}, nil
}

// unmap is for journals that nobody uses.
func (l *layout) unmap() error {
	return unix.Munmap(unsafe.Slice((*byte)(unsafe.Pointer(l)), size))
}
