package prefill

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/limits"
)

// source is where the zone of a test comes from: its serial grows with each fetch.
type source struct {
	mu       sync.Mutex
	t        *testing.T
	dir      string
	fetched  int
	down     bool
	imported []uint32 // serials
	refuse   bool
	cleared  bool // the cache was
}

func (s *source) fetch(_ context.Context, dir string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fetched++
	if s.down {
		return "", errors.New("down")
	}
	name := filepath.Join(dir, "fetched")
	s.write(name, s.fetched)
	return name, nil
}

// write makes a zone file of the time in the bubble.
func (s *source) write(name string, serial int) {
	text := fmt.Sprintf(". 60 SOA a. b. %d 2 3 4 5\n", serial)
	if err := errors.Join(os.WriteFile(name, []byte(text), 0o600), os.Chtimes(name, time.Now(), time.Now())); err != nil {
		s.t.Error(err)
	}
}

func (s *source) load(z *Zone) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuse {
		return errors.New("refused")
	}
	s.imported, s.cleared = append(s.imported, z.SOA.Serial), false
	return nil
}

func (s *source) keeper() *Keeper {
	return New(Options{Origin: dns.Root, Fetch: s.fetch, File: s.file(), Interval: 24 * time.Hour, Shared: true, Lock: filepath.Join(s.dir, "lock"),
		Log: slog.New(slog.DiscardHandler), Import: s.load, Present: s.present})
}

func (s *source) present() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.cleared
}

// becomes sets how things are from now on.
func (s *source) becomes(down, refuse, cleared bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down, s.refuse, s.cleared = down, refuse, cleared
}

func (s *source) file() string { return filepath.Join(s.dir, "root.zone") }

// kept is the serial of the copy on disk.
func (s *source) kept() uint32 {
	f, err := os.Open(s.file())
	if err != nil {
		return 0
	}
	defer f.Close()
	z, err := Read(f, "kept", dns.Root)
	if err != nil {
		s.t.Error(err)
		return 0
	}
	return z.SOA.Serial
}

// expect compares what was done so far.
func (s *source) expect(when string, fetched int, kept uint32, imported ...uint32) {
	s.t.Helper()
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fetched != fetched || s.kept() != kept || !slices.Equal(s.imported, imported) {
		s.t.Errorf("%s: fetched %d times, kept %d, imported %v; want %d, %d, %v", when, s.fetched, s.kept(), s.imported, fetched, kept, imported)
	}
}

// start runs a keeper and returns what stops it.
func start(k *Keeper) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		k.Run(ctx)
		close(done)
	}()
	return func() {
		cancel()
		<-done
	}
}

func TestKeeper(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{t: t, dir: t.TempDir()}
		stop := start(s.keeper())
		s.expect("at first", 1, 1, 1)
		time.Sleep(24*time.Hour - limits.PrefillJitter)
		s.expect("shortly before the interval ends", 1, 1, 1)
		time.Sleep(limits.PrefillJitter)
		s.expect("after the interval", 2, 2, 1, 2)

		s.becomes(true, false, false)
		time.Sleep(24 * time.Hour)
		s.expect("server down", 3, 2, 1, 2)
		time.Sleep(limits.PrefillRetry)
		s.expect("still down", 4, 2, 1, 2)
		s.becomes(false, true, false)
		time.Sleep(limits.PrefillRetry)
		s.expect("bad zone", 5, 2, 1, 2)
		s.becomes(false, false, false)
		time.Sleep(limits.PrefillRetry)
		s.expect("good again", 6, 6, 1, 2, 6)
		s.becomes(false, false, true)
		time.Sleep(limits.PrefillLook)
		s.expect("cache cleared", 6, 6, 1, 2, 6, 6)
		stop()

		stop = start(s.keeper())
		s.expect("restarted with a young copy", 6, 6, 1, 2, 6, 6, 6)
		stop()
		s.becomes(true, false, false)
		time.Sleep(48 * time.Hour)
		stop = start(s.keeper())
		s.expect("restarted with an old copy, server down", 7, 6, 1, 2, 6, 6, 6, 6)
		stop()
		if left, _ := filepath.Glob(filepath.Join(s.dir, "*")); len(left) != 2 {
			t.Errorf("left: %v", left)
		}
	})
}

// TestOneKeeper: of two workers one does the work, and the other when it has gone.
func TestOneKeeper(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{t: t, dir: t.TempDir()}
		other := &source{t: t, dir: s.dir}
		stop := start(s.keeper())
		s.expect("the first", 1, 1, 1)
		stopOther := start(other.keeper())
		defer stopOther()
		time.Sleep(time.Hour)
		other.expect("the second", 0, 1)
		stop()
		time.Sleep(limits.PrefillLook + time.Second)
		other.expect("the second alone", 0, 1, 1)
	})
}

// TestOwnCaches: workers that share no cache import what one of them fetched.
func TestOwnCaches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{t: t, dir: t.TempDir()}
		other := &source{t: t, dir: s.dir}
		second := other.keeper()
		second.Shared = false
		defer start(s.keeper())()
		synctest.Wait()
		defer start(second)()
		time.Sleep(25 * time.Hour)
		s.expect("the first", 2, 2, 1, 2)
		other.expect("the second", 0, 2, 1, 2)
	})
}

// TestFile: a file that others write is imported when it changes; a bad one leaves things as they are.
func TestFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{t: t, dir: t.TempDir()}
		k := s.keeper()
		k.Fetch = nil
		defer start(k)()
		time.Sleep(time.Second) // not at the moment when it looks
		s.expect("without a file", 0, 0)
		s.write(s.file(), 7)
		time.Sleep(limits.PrefillLook)
		s.expect("with it", 0, 7, 7)
		time.Sleep(time.Hour)
		s.expect("unchanged", 0, 7, 7)
		s.becomes(false, true, false)
		s.write(s.file(), 8)
		time.Sleep(limits.PrefillLook)
		s.becomes(false, false, false)
		time.Sleep(time.Hour)
		s.expect("refused, not tried again", 0, 8, 7)
		s.write(s.file(), 9)
		time.Sleep(limits.PrefillLook)
		s.expect("changed", 0, 9, 7, 9)
	})
}
