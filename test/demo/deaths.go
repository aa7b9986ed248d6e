package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"time"
)

// killWorker kills the first worker while clients ask.
func killWorker(ctx context.Context, s *stage) error {
	before := pids(named(s.processes(), "kresd"))
	if len(before) == 0 {
		return fmt.Errorf("there is no worker")
	}
	victim := before[0]
	err := s.murder(ctx, victim, func() bool {
		now := pids(named(s.processes(), "kresd"))
		return len(now) == workers && !slices.Contains(now, victim) && s.allCount(ctx)
	})
	s.printf("  workers before: %v, now: %v\n", before, pids(named(s.processes(), "kresd")))
	return err
}

// allCount says whether every worker reports its counters, that is, works.
func (s *stage) allCount(ctx context.Context) bool {
	text, err := s.kresctl(ctx, "metrics")
	return err == nil && !strings.Contains(text, "null")
}

// killManager kills the manager while clients ask. No worker may change.
func killManager(ctx context.Context, s *stage) error {
	before := s.processes()
	managers := pids(named(before, "manager"))
	if len(managers) != 1 {
		return fmt.Errorf("%d processes are manager", len(managers))
	}
	err := s.murder(ctx, managers[0], func() bool {
		_, err := s.kresctl(ctx, "config", "get", "-p", "/workers")
		return err == nil
	})
	after := s.processes()
	s.printf("  manager before: %v, now: %v\n", managers, pids(named(after, "manager")))
	was, is := pids(named(before, "kresd")), pids(named(after, "kresd"))
	s.printf("  workers before: %v, now: %v\n", was, is)
	if err == nil && !slices.Equal(was, is) {
		err = fmt.Errorf("workers were replaced")
	}
	return err
}

// murder kills a process while clients ask, and waits until all is well again.
func (s *stage) murder(ctx context.Context, pid int, healed func() bool) error {
	s.printf("  $ kill -9 %d\n", pid)
	var took time.Duration
	l, err := s.underLoad(ctx, func() error {
		began := time.Now()
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			return err
		}
		for !gone(pid) || !healed() {
			if ctx.Err() != nil || time.Since(began) > patience {
				return fmt.Errorf("not healed after %v", patience)
			}
			time.Sleep(2 * time.Millisecond)
		}
		took = time.Since(began)
		return nil
	})
	if err != nil {
		return err
	}
	s.printf("  replaced after %v; meanwhile %d of %d questions answered, %d of them asked again, the slowest after %v\n",
		brief(took), l.asked-l.lost, l.asked, l.retried, brief(l.slowest))
	if l.lost > 0 {
		return fmt.Errorf("%d questions stayed without an answer", l.lost)
	}
	return nil
}

func gone(pid int) bool { return syscall.Kill(pid, 0) != nil }
