package supervisor

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// LockedError says that another system runs in the same run directory.
type LockedError struct {
	Path string // the lock file
	PID  int    // the process that holds it; 0 when it has not written that yet
}

// Error names the living process.
func (e *LockedError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("%s: another instance is starting in this run directory", e.Path)
	}
	return fmt.Sprintf("%s: another instance runs in this run directory, pid %d", e.Path, e.PID)
}

// LockFile is the held lock of a run directory.
type LockFile struct{ file *os.File }

// Lock takes the lock of a run directory, the file knot-resolver.pid, and writes
// the own pid into it. The kernel's flock decides, never the pid in the file: a
// file left behind by a dead process, empty, or naming a pid that now belongs to
// something else does not matter. A lock held elsewhere is a *LockedError.
func Lock(rundir string) (*LockFile, error) {
	path := filepath.Join(rundir, "knot-resolver.pid")
	for {
		f, err := openLock(path)
		if err != nil {
			return nil, fmt.Errorf("lock run directory: %w", err)
		}
		switch err := lockFile(f, path); {
		case err == nil:
			return &LockFile{f}, nil
		case !errors.Is(err, errReplaced):
			f.Close()
			return nil, err
		}
		f.Close()
	}
}

// openLock opens the lock file. One that can only be read can be locked, too; what is in it does not matter.
func openLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o644)
	if err == nil {
		return f, nil
	}
	if f, failed := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW, 0); failed == nil {
		return f, nil
	}
	return nil, err
}

var errReplaced = errors.New("lock file was replaced")

func lockFile(f *os.File, path string) error {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return &LockedError{Path: path, PID: readPID(f)}
	}
	if err != nil {
		return fmt.Errorf("lock %s: %w", path, err)
	}
	// The previous owner may have removed the file between open and flock; then
	// the lock taken is on a file that nobody else will see.
	if same, err := sameFile(f, path); err != nil || !same {
		return errors.Join(err, errReplaced)
	}
	return writePID(f, path)
}

// writePID tells who holds the lock. A file that can only be read is replaced by one that can be written. If that cannot be
// done, or the disk is full, the file does not tell.
func writePID(f *os.File, path string) error {
	err := f.Truncate(0)
	if err == nil {
		_, err = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	if errors.Is(err, unix.EINVAL) && os.Remove(path) == nil { // open for reading alone
		return errReplaced
	}
	return nil
}

func sameFile(f *os.File, path string) (bool, error) {
	mine, err := f.Stat()
	if err != nil {
		return false, err
	}
	current, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(mine, current), err
}

// readPID returns 0 when the file holds no number.
func readPID(f *os.File) int {
	buf := make([]byte, 32)
	n, _ := f.ReadAt(buf, 0)
	pid, _ := strconv.Atoi(strings.TrimSpace(string(buf[:n])))
	return pid
}

// Release removes the file, if that can be done, and gives the lock up.
func (l *LockFile) Release() error {
	_ = os.Remove(l.file.Name()) // while it is locked: the next owner creates a new file, or does with this one
	return l.file.Close()
}
