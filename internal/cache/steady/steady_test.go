package steady

import (
	"errors"
	"io/fs"
	"log/slog"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"knot-resolver/internal/cache"
	"knot-resolver/internal/cache/mem"
	"knot-resolver/internal/limits"
)

// disk is storage that can be made to stall and to fail.
type disk struct {
	cache.Store
	stalled atomic.Pointer[chan struct{}]
	broken  atomic.Bool
}

func newDisk() *disk { return &disk{Store: mem.New(mem.Options{Size: 1 << 20})} }

// stall makes all calls wait until resume is called.
func (d *disk) stall() (resume func()) {
	c := make(chan struct{})
	d.stalled.Store(&c)
	return func() { d.stalled.Store(nil); close(c) }
}

func (d *disk) touch() error {
	if c := d.stalled.Load(); c != nil {
		<-*c
	}
	if d.broken.Load() {
		return syscall.EIO
	}
	return nil
}

func (d *disk) View(f func(cache.Reader) error) error {
	if err := d.touch(); err != nil {
		return err
	}
	return d.Store.View(f)
}

func (d *disk) Update(f func(cache.Writer) error) error {
	if err := d.touch(); err != nil {
		return err
	}
	return d.Store.Update(f)
}

func (d *disk) Stats() cache.StoreStats { d.touch(); return d.Store.Stats() }

func (d *disk) Close() error { d.touch(); return d.Store.Close() }

func open(t *testing.T, open func() (cache.Store, error)) *Store {
	t.Helper()
	s, err := Open(Options{
		Open: open, Memory: func() cache.Store { return mem.New(mem.Options{Size: 1 << 20}) }, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (d *disk) opened() (cache.Store, error) { return d, nil }

func has(s cache.Store, key string) (ok bool) {
	s.View(func(r cache.Reader) error { _, ok = r.Get([]byte(key)); return nil })
	return ok
}

// A disk that stalls delays the calls it met, and nobody else for longer than it takes to notice; what was written
// meanwhile is there afterwards.
func TestFT18Stall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		s := open(t, d.opened)
		defer s.Close()
		s.Write([]byte("before"), nil)
		time.Sleep(time.Second)
		resume := d.stall()
		began := time.Now()
		first := make(chan time.Duration)
		go func() { has(s, "before"); first <- time.Since(began) }()
		if s.Stats(); time.Since(began) > limits.StoreStall {
			t.Errorf("asking for numbers took %v", time.Since(began))
		}
		time.Sleep(2 * limits.StoreWatch)
		if !s.Stats().Suspended {
			t.Fatal("still used")
		}
		began = time.Now()
		for range 10 {
			has(s, "before")
			s.Write([]byte("meanwhile"), nil)
			if !has(s, "meanwhile") {
				t.Error("not remembered")
			}
			time.Sleep(time.Second)
		}
		if took := time.Since(began); took != 10*time.Second {
			t.Errorf("took %v", took)
		}
		if has(d.Store, "meanwhile") {
			t.Error("written to the disk that stalls")
		}
		resume()
		if took := <-first; took < 10*time.Second {
			t.Errorf("the first call took %v", took)
		}
		time.Sleep(limits.StoreRetryMax)
		if st := s.Stats(); st.Suspended || st.Suspensions != 1 || !has(s, "before") || !has(d.Store, "meanwhile") || has(d.Store, string(probeKey)) {
			t.Errorf("%+v", st)
		}
	})
}

// A process that did not run for a while does not take that for a slow disk.
func TestLateIsNotSlow(t *testing.T) {
	var j judge
	now := time.Now()
	for range 10 * limits.StoreStallRounds {
		now = now.Add(3 * limits.StoreWatch)
		if v := j.see(now, true, 0); v != fine {
			t.Fatalf("verdict %v", v)
		}
	}
	for range limits.StoreStallRounds - 1 {
		now = now.Add(limits.StoreWatch)
		if v := j.see(now, true, 0); v != fine {
			t.Fatalf("verdict %v too early", v)
		}
	}
	if v := j.see(now.Add(limits.StoreWatch), true, 0); v != stalls {
		t.Errorf("verdict %v", v)
	}
}

// A disk whose calls fail is left alone after some errors, tried at growing intervals, and used again when it works.
func TestFT18Errors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		s := open(t, d.opened)
		defer s.Close()
		d.broken.Store(true)
		for range limits.StoreErrors - 1 {
			has(s, "x")
		}
		time.Sleep(limits.StoreErrorWindow + limits.StoreWatch) // those are forgotten
		has(s, "x")
		time.Sleep(2 * limits.StoreWatch)
		if s.Stats().Suspended {
			t.Fatal("set aside too early")
		}
		for range limits.StoreErrors {
			has(s, "x")
		}
		time.Sleep(2 * limits.StoreWatch)
		if st := s.Stats(); !st.Suspended || st.Errors != 2*limits.StoreErrors {
			t.Fatalf("%+v", st)
		}
		time.Sleep(limits.StoreRetryMax)
		s.Write([]byte("x"), nil)
		if !has(s, "x") || !s.Stats().Suspended {
			t.Error("used while it is broken")
		}
		d.broken.Store(false)
		time.Sleep(limits.StoreRetryMax + limits.StoreWatch)
		if st := s.Stats(); st.Suspended || !has(d, "x") {
			t.Errorf("%+v", st)
		}
	})
}

// What is removed while the disk is not used does not come back with it.
func TestClearWhileSuspended(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		s := open(t, d.opened)
		defer s.Close()
		s.Write([]byte("old"), nil)
		d.broken.Store(true)
		for range limits.StoreErrors {
			has(s, "x")
		}
		time.Sleep(2 * limits.StoreWatch)
		if err := s.Update(func(w cache.Writer) error { _, err := w.Delete([]byte("old")); return err }); err != nil {
			t.Fatal(err)
		}
		d.broken.Store(false)
		time.Sleep(limits.StoreRetryMax)
		if s.Stats().Suspended || has(s, "old") {
			t.Error("is back")
		}
	})
}

// At start, storage that fails or does not answer is taken into use later; other errors are told.
func TestFT18Start(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		d.broken.Store(true)
		s := open(t, func() (cache.Store, error) {
			if err := d.touch(); err != nil {
				return nil, err
			}
			return d, nil
		})
		s.Write([]byte("x"), nil)
		d.broken.Store(false)
		time.Sleep(limits.StoreRetryMax)
		if s.Stats().Suspended || !has(d, "x") {
			t.Error("not used after it failed")
		}
		s.Close()

		d = newDisk()
		resume := d.stall()
		began := time.Now()
		s = open(t, func() (cache.Store, error) { d.touch(); return d, nil })
		if took := time.Since(began); took != limits.StoreOpenWait || !s.Stats().Suspended {
			t.Errorf("start took %v", took)
		}
		resume()
		time.Sleep(limits.StoreRetryMax)
		if s.Stats().Suspended {
			t.Error("not used after it stalled")
		}
		resume = d.stall()
		began = time.Now()
		if err := s.Close(); !errors.Is(err, errSlow) || time.Since(began) != limits.StoreCloseWait {
			t.Errorf("Close = %v after %v", err, time.Since(began))
		}
		resume()
		synctest.Wait()

		for _, wrong := range []error{syscall.ENOSPC, fs.ErrPermission, fs.ErrNotExist} {
			if _, err := Open(Options{Open: func() (cache.Store, error) { return nil, wrong }}); !errors.Is(err, wrong) {
				t.Errorf("Open = %v", err)
			}
		}
	})
}

// A look into storage in order costs no memory.
func TestViewAllocations(t *testing.T) {
	s := open(t, newDisk().opened)
	defer s.Close()
	look := func(cache.Reader) error { return nil }
	if n := testing.AllocsPerRun(1000, func() { s.View(look) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
