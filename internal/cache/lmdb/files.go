//go:build cgo

package lmdb

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

const (
	dataFile    = "data.mdb"
	readersFile = "lock.mdb"
	lockFile    = "krcachelock"
)

// files are those of one cache directory.
type files struct{ dir string }

func (f files) data() string    { return filepath.Join(f.dir, dataFile) }
func (f files) readers() string { return filepath.Join(f.dir, readersFile) }

// lock waits until no other process opens or replaces the files. The returned function ends that.
func (f files) lock() (unlock func(), err error) {
	l, err := os.OpenFile(filepath.Join(f.dir, lockFile), os.O_CREATE|os.O_RDWR|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cache directory: %w", err)
	}
	for {
		if err = syscall.Flock(int(l.Fd()), syscall.LOCK_EX); err != syscall.EINTR {
			break
		}
	}
	if err != nil {
		l.Close()
		return nil, fmt.Errorf("lock %s: %w", l.Name(), err)
	}
	return func() { l.Close() }, nil
}

// remove removes the data file and its lock file. Processes that have them open keep using them.
func (f files) remove() error {
	return errors.Join(ignoreMissing(os.Remove(f.data())), ignoreMissing(os.Remove(f.readers())))
}

// setAside keeps a damaged data file for inspection, and no older one: each is as large as the cache.
func (f files) setAside(now time.Time) (name string, err error) {
	older, _ := filepath.Glob(f.data() + ".corrupt-*")
	for _, path := range older {
		os.Remove(path)
	}
	name = f.data() + ".corrupt-" + now.UTC().Format("20060102T150405Z")
	if err := ignoreMissing(os.Rename(f.data(), name)); err != nil {
		return "", err
	}
	return name, f.remove()
}

// own checks that a file, if there is one, was made by this user or root and by nobody else: whoever may write to the directory can
// have put a link there, or a file with answers of his own.
func own(path string) error {
	var st syscall.Stat_t
	switch err := syscall.Lstat(path, &st); {
	case err == syscall.ENOENT:
		return nil
	case err != nil:
		return &fs.PathError{Op: "lstat", Path: path, Err: err}
	}
	if why := foreign(&st, os.Geteuid()); why != "" {
		return fmt.Errorf("%w: %s %s", errHeader, path, why)
	}
	return nil
}

// foreign says why a file is not one that a user has made, "" if it is.
func foreign(st *syscall.Stat_t, user int) string {
	switch {
	case st.Mode&syscall.S_IFMT == syscall.S_IFLNK:
		return "is a symbolic link"
	case st.Mode&syscall.S_IFMT != syscall.S_IFREG:
		return "is no regular file"
	case st.Nlink > 1:
		return "has another name elsewhere"
	case st.Uid != 0 && int(st.Uid) != user:
		return fmt.Sprintf("belongs to user %d", st.Uid)
	case st.Mode&0o022 != 0:
		return fmt.Sprintf("can be written to by others (mode %04o)", st.Mode&0o7777)
	}
	return ""
}

// identity tells whether the file of a descriptor is still the one at path.
type identity struct{ dev, ino uint64 }

// stat returns the identity and size of the data file.
func (f files) stat() (identity, int64, error) {
	var st syscall.Stat_t
	if err := syscall.Stat(f.data(), &st); err != nil {
		return identity{}, 0, &fs.PathError{Op: "stat", Path: f.data(), Err: err}
	}
	return identity{uint64(st.Dev), st.Ino}, st.Size, nil
}

// preallocate gives the file blocks on disk for all of its bytes, so that writing to the map cannot
// fail. File systems without such a call are taken as they are. Space is looked up first: some file
// systems fill the disk before they fail.
func preallocate(fd int, path string, size int64) error {
	if err := checkSpace(fd, size); err != nil {
		return fmt.Errorf("allocate %s: %w", path, err)
	}
	for {
		err := syscall.Fallocate(fd, 0, 0, size)
		switch err {
		case nil, syscall.EOPNOTSUPP, syscall.ENOSYS:
			return nil
		case syscall.EINTR:
			continue
		}
		return fmt.Errorf("allocate %d bytes for %s: %w", size, path, err)
	}
}

func checkSpace(fd int, size int64) error {
	var st syscall.Stat_t
	if err := syscall.Fstat(fd, &st); err != nil {
		return err
	}
	var fsys syscall.Statfs_t
	if err := syscall.Fstatfs(fd, &fsys); err != nil {
		return err
	}
	const block = 512 // the unit of Stat_t.Blocks whatever the file system
	need, free := size-st.Blocks*block, int64(fsys.Bavail)*fsys.Bsize
	if need > free {
		return fmt.Errorf("%d more bytes are needed and %d are free: %w", need, free, syscall.ENOSPC)
	}
	return nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
