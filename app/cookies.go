package app

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"knot-resolver/internal/admit"
	"knot-resolver/internal/config"
)

// cookieFile is in the run directory: all workers, also those to come, must accept each other's cookies.
const cookieFile = "cookie-secret"

// serverCookies makes what gives and checks cookies; nil when that is switched off.
func serverCookies(cfg *config.Config) (*admit.Cookies, error) {
	if !cfg.Network.Cookies {
		return nil, nil
	}
	secret, err := cookieSecret(filepath.Join(cfg.Rundir, cookieFile))
	if err != nil {
		return nil, fmt.Errorf("/network/cookies: %w", err)
	}
	return admit.NewCookies(secret), nil
}

// cookieSecret reads the secret, or makes it: the first of the processes that start together wins. A file of another
// size is replaced.
func cookieSecret(file string) (secret [admit.CookieSecretLength]byte, err error) {
	for range 2 {
		data, err := os.ReadFile(file)
		switch {
		case err == nil && len(data) == len(secret):
			copy(secret[:], data)
			return secret, nil
		case err == nil:
			err = os.Remove(file)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return secret, err
		}
		if err := makeSecret(file, len(secret)); err != nil && !errors.Is(err, fs.ErrExist) {
			return secret, err
		}
	}
	return secret, fmt.Errorf("%s changes all the time", file)
}

// makeSecret writes a random file that appears whole.
func makeSecret(file string, size int) error {
	temp, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	data := make([]byte, size)
	rand.Read(data)
	_, err = temp.Write(data)
	if err = errors.Join(err, temp.Close()); err != nil {
		return err
	}
	return os.Link(temp.Name(), file)
}
