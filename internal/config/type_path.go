package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// path is a file or directory; its value is the path as written. What the path
// leads to is looked at only in strict mode.
type path struct {
	name   string
	strict func(absolute string) error
}

func readableFile() Type { return path{"the path of a readable file", checkReadable} }
func writableDir() Type  { return path{"the path of a writable directory", checkWritableDir} }
func writableFile() Type { return path{"the path of a file that can be written", checkWritableFile} }

func (p path) String() string     { return p.name }
func (p path) schema() jsonObject { return jsonObject{"type": "string", "minLength": 1} }

func (p path) check(c *checker, at string, n *node) any {
	if n.kind != kindString || n.text == "" {
		c.fail(n.pos, at, "expected %s, got %s", p.name, n.describe())
		return nil
	}
	if c.strict {
		if err := p.strict(absolute(c.base, n.text)); err != nil {
			c.fail(n.pos, at, "expected %s: %v", p.name, err)
		}
	}
	return n.text
}

// absolute joins a relative path to the base directory; no path stays none.
func absolute(base, name string) string {
	switch {
	case name == "":
		return ""
	case filepath.IsAbs(name):
		return filepath.Clean(name)
	}
	return filepath.Join(base, name)
}

func checkReadable(name string) error {
	info, err := os.Stat(name)
	if err != nil {
		return plainError(name, err)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a regular file", name)
	}
	return access(name, unix.R_OK, "readable")
}

func checkWritableDir(name string) error {
	info, err := os.Stat(name)
	if err != nil {
		return plainError(name, err)
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is not a directory", name)
	}
	return access(name, unix.W_OK|unix.X_OK, "writable")
}

func checkWritableFile(name string) error {
	if err := checkWritableDir(filepath.Dir(name)); err != nil {
		return err
	}
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return plainError(name, err)
	case info.IsDir():
		return fmt.Errorf("%s is a directory", name)
	}
	return access(name, unix.W_OK, "writable")
}

// access asks the kernel, with the effective ids of this process. A file system that can only be read is no mistake in a
// configuration: disks turn read-only when they fail, and who cannot write then says so and goes on if he can (FT-19).
func access(name string, mode uint32, what string) error {
	if err := unix.Faccessat(unix.AT_FDCWD, name, mode, unix.AT_EACCESS); err != nil && err != unix.EROFS {
		return fmt.Errorf("%s is not %s for this user", name, what)
	}
	return nil
}

func plainError(name string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s does not exist", name)
	}
	return err
}
