package control

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
)

// Listener is a Unix stream socket that removes its file when closed.
type Listener struct {
	*net.UnixListener
	path string
}

// Listen creates a Unix socket at path with the given permissions, in place of
// any socket left there by a process that was killed. The socket appears under
// its name only when its permissions are in force.
func Listen(path string, mode os.FileMode) (*Listener, error) {
	fresh := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+"."+strconv.Itoa(os.Getpid()))
	os.Remove(fresh)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: fresh, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("control: socket %s: %w", path, err)
	}
	l.SetUnlinkOnClose(false)
	err = os.Chmod(fresh, mode)
	if err == nil {
		err = os.Rename(fresh, path)
	}
	if err != nil {
		l.Close()
		os.Remove(fresh)
		return nil, fmt.Errorf("control: socket %s: %w", path, err)
	}
	return &Listener{l, path}, nil
}

// Close stops listening and removes the socket's file.
func (l *Listener) Close() error {
	os.Remove(l.path)
	return l.UnixListener.Close()
}

// AcceptConn waits for a peer that is allowed to talk here. It returns an error
// wrapping [ErrPeer] for one that is not; any other error is final.
func (l *Listener) AcceptConn() (*Conn, error) {
	c, err := l.AcceptUnix()
	if err != nil {
		return nil, err
	}
	return newConn(c)
}
