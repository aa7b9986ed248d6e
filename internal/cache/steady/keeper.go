package steady

import (
	"errors"
	"time"

	"knot-resolver/internal/cache"
	"knot-resolver/internal/limits"
)

// keeper sets the storage aside and takes it back. Its fields belong to its goroutine.
type keeper struct {
	*Store
	judge  judge
	trying bool
	again  time.Time     // when to try next
	delay  time.Duration // until then
	since  time.Time     // of the state
}

func (k *keeper) run() {
	tick := time.NewTicker(limits.StoreWatch)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			k.look(now)
		case a := <-k.tried:
			k.trying = false
			k.consider(time.Now(), a)
		case <-k.ending:
			return
		}
	}
}

// look does what is due.
func (k *keeper) look(now time.Time) {
	waiting := k.watch.turn()
	if k.memory.Load() != nil {
		if !k.trying && !now.Before(k.again) {
			k.trying = true
			go k.try()
		}
		return
	}
	switch k.judge.see(now, waiting, k.failed.Load()) {
	case stalls:
		k.suspend(now, errSlow)
	case fails:
		k.suspend(now, errFails)
	}
}

// suspend puts memory in the place of the storage. The more often that is necessary, the later the storage is tried again.
func (k *keeper) suspend(now time.Time, why error) {
	if now.Sub(k.since) > limits.StoreRetryMax {
		k.delay = 0
	}
	k.postpone(now)
	k.since = now
	k.suspensions.Add(1)
	k.memory.Store(&substitute{Store: k.opts.Memory()})
	k.opts.Log.Error("the cache on disk is not used for now, this process remembers in its memory", "reason", why)
}

func (k *keeper) postpone(now time.Time) {
	k.delay = min(max(2*k.delay, limits.StoreRetryMin), limits.StoreRetryMax)
	k.again = now.Add(k.delay)
}

// try uses the storage, which is opened first if it is not.
func (s *Store) try() {
	began := time.Now()
	a := attempt{}
	on := s.storage.Load()
	if on == nil {
		if a.opened, a.err = s.opts.Open(); a.err == nil {
			on = &storage{a.opened}
		}
	}
	if a.err == nil {
		a.err = works(on)
	}
	a.took = time.Since(began)
	select {
	case s.tried <- a:
	case <-s.ending:
		closeIt(a.opened)
	}
}

// probeKey is that of no entry: those of entries have an octet 0x00.
var probeKey = []byte{0xff, 'p', 'r', 'o', 'b', 'e'}

// works writes to storage, reads it, and leaves nothing behind.
func works(s cache.Store) error {
	err := s.Update(func(w cache.Writer) error {
		if err := w.Put(probeKey, probeKey); err != nil {
			return err
		}
		_, err := w.Delete(probeKey)
		return err
	})
	if err != nil && !errors.Is(err, cache.ErrFull) {
		return err
	}
	return s.View(func(r cache.Reader) error {
		r.Get(probeKey)
		return nil
	})
}

// consider takes the storage back if it works as it should.
func (k *keeper) consider(now time.Time, a attempt) {
	k.adopt(a.opened)
	m := k.memory.Load()
	switch {
	case m == nil:
		return
	case a.err != nil || a.took > limits.StoreStall || !k.watch.quiet():
		k.postpone(now)
		return
	}
	if m.cleared.Load() {
		if err := k.storage.Load().Clear(); err != nil {
			k.postpone(now)
			return
		}
	}
	k.judge = judge{}
	k.judge.see(now, false, k.failed.Load())
	k.memory.Store(nil)
	k.move(m)
	k.opts.Log.Info("the cache on disk is used again", "after", now.Sub(k.since).Round(time.Millisecond))
	k.since = now
}

// move writes to the storage what was learnt meanwhile. What is there already stays if it is better.
func (k *keeper) move(m *substitute) {
	to := k.storage.Load()
	_ = m.View(func(r cache.Reader) error { // memory does not fail
		for key, value := range r.Range(nil) {
			to.Write(key, value)
		}
		return nil
	})
}
