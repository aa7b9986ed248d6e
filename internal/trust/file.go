package trust

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"knot-resolver/internal/limits"
)

// Read reads an anchor file.
func Read(name string) (Zone, error) {
	f, err := os.Open(name)
	if err != nil {
		return Zone{}, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, limits.TrustFile+1))
	if err != nil {
		return Zone{}, err
	}
	z, err := Parse(string(text))
	if err != nil {
		return Zone{}, fmt.Errorf("%s: %w", name, err)
	}
	return z, nil
}

// Write replaces an anchor file in one step: whatever happens, the old or the new one is there, whole.
func Write(name string, z Zone) error {
	dir := filepath.Dir(name)
	temporary, err := os.CreateTemp(dir, filepath.Base(name)+".*.tmp")
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name()) // gone already if all went well
	mode := os.FileMode(0o644)
	if info, err := os.Stat(name); err == nil {
		mode = info.Mode().Perm()
	}
	_, err = temporary.WriteString(z.Text())
	err = errors.Join(err, temporary.Chmod(mode), temporary.Sync(), temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), name)
	}
	if err != nil {
		return err
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
