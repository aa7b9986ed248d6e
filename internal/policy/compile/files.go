package compile

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

var errIrregular = errors.New("not a regular file")

// openRegular opens a file unless it is a device, a pipe or a directory, which might never end or never begin.
func openRegular(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, errors.Join(err, errIrregular, f.Close())
	}
	return f, nil
}

// regularFiles is the file system that zone files include from: all of it.
type regularFiles struct{}

// Open implements [fs.FS]; the parser leaves out the first slash.
func (regularFiles) Open(name string) (fs.File, error) { return openRegular("/" + name) }
