//go:build cgo

package lmdb

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// MG-14: what somebody else has put into the directory is neither followed nor believed.
func TestMG14PlantedFiles(t *testing.T) {
	planted := map[string]func(path, target string) error{
		"symbolic link": func(path, target string) error { return os.Symlink(target, path) },
		"hard link":     func(path, target string) error { return os.Link(target, path) },
		"FIFO":          func(path, _ string) error { return syscall.Mkfifo(path, 0o600) },
		"writable by all": func(path, target string) error {
			return errors.Join(copyTo(target, path), os.Chmod(path, 0o666))
		},
		"of another user": func(path, target string) error {
			return errors.Join(copyTo(target, path), os.Chown(path, 4711, 4711))
		},
	}
	for name, plant := range planted {
		for _, file := range []string{dataFile, readersFile} {
			t.Run(name+" "+file, func(t *testing.T) {
				if name == "of another user" && os.Getuid() != 0 {
					t.Skip("only root can give files away")
				}
				dir := t.TempDir()
				target := filepath.Join(t.TempDir(), "target")
				s := open(t, Options{Dir: dir, Size: testSize})
				fill(t, s, 10)
				s.Close()
				path := filepath.Join(dir, file)
				if err := errors.Join(os.Rename(path, target), plant(path, target)); err != nil {
					t.Fatal(err)
				}
				before, err := os.ReadFile(target)
				if err != nil {
					t.Fatal(err)
				}
				s = open(t, Options{Dir: dir, Size: testSize})
				works(t, s)
				if n := s.Stats().Entries; n != 1 {
					t.Errorf("%d entries", n)
				}
				s.Close()
				if after, err := os.ReadFile(target); err != nil || string(after) != string(before) {
					t.Errorf("the target has changed, %v", err)
				}
				if err := own(path); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

func copyTo(from, to string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o600)
}

// MG-14: nor is a link in place of the lock of openers.
func TestMG14PlantedLock(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink(filepath.Join(dir, "target"), filepath.Join(dir, lockFile)); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Options{Dir: dir, Size: testSize, Version: "1"}); !errors.Is(err, syscall.ELOOP) {
		t.Error(err)
	}
	if _, err := os.Lstat(filepath.Join(dir, "target")); err == nil {
		t.Error("a file was made where the link leads")
	}
}
