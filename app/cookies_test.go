package app

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// TestCookieSecret starts many workers at once: all must get the same secret.
func TestCookieSecret(t *testing.T) {
	file := filepath.Join(t.TempDir(), cookieFile)
	secrets := make([][16]byte, 8)
	var group sync.WaitGroup
	for i := range secrets {
		group.Go(func() {
			var err error
			if secrets[i], err = cookieSecret(file); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	for _, s := range secrets {
		if s != secrets[0] || s == [16]byte{} {
			t.Errorf("secrets %x", secrets)
			break
		}
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 || info.Size() != 16 {
		t.Errorf("%v %v", info, err)
	}
	if left, _ := filepath.Glob(file + ".*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestCookieSecretDamaged(t *testing.T) {
	file := filepath.Join(t.TempDir(), cookieFile)
	if err := os.WriteFile(file, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if secret, err := cookieSecret(file); err != nil || secret == [16]byte{} {
		t.Errorf("%x %v", secret, err)
	}
}
