// Package filelock lets one process of several do what is to be done once.
package filelock

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Try makes this process the holder of a lock file. It returns nil if somebody else is. The lock ends when the
// file is closed, at the latest with the process.
func Try(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err != nil {
		f.Close()
	}
	switch {
	case errors.Is(err, unix.EWOULDBLOCK):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("lock %s: %w", name, err)
	}
	return f, nil
}
