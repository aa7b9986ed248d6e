package manager

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// errCacheInUse is the cause when another system has the cache directory.
var errCacheInUse = errors.New("another running system uses it")

// claim takes a cache directory for this system, until the file is closed or this process ends: two
// systems with different limits would work against each other.
func claim(dir string) (*os.File, error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("/cache/storage: %w", err)
	}
	if err := unix.Flock(int(d.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		d.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			err = errCacheInUse
		}
		return nil, fmt.Errorf("/cache/storage: %s: %w", dir, err)
	}
	return d, nil
}

// moveCache runs change, which moves the system to a version with another cache directory, with both
// directories claimed. Whichever is not used after that is given back.
func (m *Manager) moveCache(from, to string, change func() error) error {
	if from == to {
		return change()
	}
	next, err := claim(to)
	if err != nil {
		return err
	}
	if err := change(); err != nil {
		next.Close()
		return err
	}
	if m.cacheDir != nil {
		m.cacheDir.Close()
	}
	m.cacheDir = next
	return nil
}
