//go:build cgo

package lmdb

import (
	"os"
	"runtime"
	"runtime/debug"
	"syscall"
	"time"

	"knot-resolver/internal/limits"
)

// write is the writer goroutine, which starts with first and gives up if that fails. It never gives its
// thread back: when it returns the thread ends, and with it every lock that it may still hold.
func (s *Store) write(first func() error) {
	runtime.LockOSThread()
	if syscall.Gettid() == os.Getpid() { // the main thread never ends: hold it until another is taken
		taken := make(chan struct{})
		go func() {
			runtime.LockOSThread()
			close(taken)
			s.write(first)
		}()
		<-taken
		runtime.UnlockOSThread()
		return
	}
	debug.SetPanicOnFault(true)
	if first() != nil || s.serve() {
		close(s.done)
		return
	}
	damaged := s.env.id
	s.setEnv(nil) // not closed: nobody knows the state the library is in
	go s.write(func() error {
		s.report(s.reopen(damaged, true))
		return nil
	})
}

// serve commits and does jobs. It returns true when the store was closed, and false when writing met
// damage, so that the thread may hold the lock of the damaged file.
func (s *Store) serve() (closed bool) {
	linger := time.NewTimer(0)
	linger.Stop()
	health := time.NewTicker(limits.StoreHealthInterval)
	defer health.Stop()
	for {
		var err error
		select {
		case <-s.queue.wake:
			linger.Reset(limits.StoreLinger)
		case <-linger.C:
			err = s.commit()
		case j := <-s.jobs:
			if err = s.commit(); !damage(err) {
				err = j.run()
			}
			if j.last {
				s.shut(damage(err))
			}
			j.result <- err
			if j.last {
				return true
			}
		case what := <-s.sick:
			s.report(s.treat(what))
		case <-health.C:
			s.report(s.checkHealth())
		}
		if damage(err) {
			s.queue.count.faults.Add(1)
			s.report(err)
			return false
		}
	}
}

// shut makes all later calls fail and closes the file, unless it is damaged.
func (s *Store) shut(damaged bool) {
	e := s.env
	s.mu.Lock()
	s.env, s.closed = nil, true
	s.mu.Unlock()
	if e != nil && !damaged {
		e.close()
	}
}

// setEnv exchanges the file when no View uses it any more.
func (s *Store) setEnv(e *env) {
	s.mu.Lock()
	s.env = e
	s.mu.Unlock()
}

// reopen closes the file and opens what is in its place; see opener.open for the arguments.
func (s *Store) reopen(damaged identity, follow bool) error {
	if old := s.env; old != nil {
		s.setEnv(nil)
		old.close()
	}
	e, err := s.opener.open(damaged, follow)
	if err != nil {
		return err
	}
	if follow {
		s.queue.count.reopened.Add(1)
		s.log.Info("cache file opened again", "file", s.opener.data(), "size", e.size)
	}
	s.setEnv(e)
	return nil
}

// treat opens the file again for a reader, unless that happened meanwhile.
func (s *Store) treat(what symptom) error {
	switch {
	case what.env != s.env:
		return nil
	case what.damaged:
		return s.reopen(what.env.id, true)
	default:
		return s.reopen(identity{}, true)
	}
}

// checkHealth opens the file again if it was replaced, resized or could not be opened before, and
// frees the slots of dead readers.
func (s *Store) checkHealth() error {
	e := s.env
	if e == nil {
		return s.reopen(identity{}, true)
	}
	id, size, err := s.opener.stat()
	if err != nil || id != e.id || size != e.size {
		return s.reopen(identity{}, true)
	}
	dead, err := e.dropDeadReaders()
	if dead > 0 {
		s.log.Info("freed readers of processes that died", "file", s.opener.data(), "count", dead)
	}
	return err
}

// report logs an error, unless it is the one that was logged last, not long ago. The writer alone calls it.
func (s *Store) report(err error) {
	if err == nil {
		return
	}
	now, text := time.Now(), err.Error()
	if text == s.reported && now.Before(s.silent) {
		return
	}
	s.reported, s.silent = text, now.Add(limits.StoreLogPause)
	s.log.Error("cache file", "file", s.opener.data(), "error", err)
}
