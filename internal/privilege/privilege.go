// Package privilege takes from a process what it does not need.
//
// Capabilities belong to threads, and a Go program has several before its first line runs. So a process
// gives them up on one thread and executes itself again from there: what comes up has none on any thread
// and can never gain any.
package privilege

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// marker is set in the environment of a process that has been executed again.
const marker = "KRES_PRIVILEGES_DROPPED"

// Drop leaves the process without capabilities, unable to gain any, and without core dumps, which would
// hold what clients asked. It returns when that is so, in the process executed anew. Where the kernel does
// not let the bounding set be changed (a container without CAP_SETPCAP) only that stays.
func Drop() error {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil && !errors.Is(err, unix.EPERM) { // a filter of system calls
		return fmt.Errorf("no core dumps: %w", err)
	}
	if os.Getenv(marker) != "" {
		return os.Unsetenv(marker)
	}
	runtime.LockOSThread() // never unlocked: the thread has become another
	if err := dropThread(); err != nil {
		return err
	}
	// Not by its name: the file may have been replaced.
	err := syscall.Exec("/proc/self/exe", os.Args, append(os.Environ(), marker+"=1"))
	return fmt.Errorf("execute without privileges: %w", err)
}

// dropThread makes the calling thread lose everything when it executes a program.
func dropThread() error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("no new privileges: %w", err)
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil && !errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("clear ambient capabilities: %w", err)
	}
	for c := uintptr(0); ; c++ {
		err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0)
		if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EPERM) { // past the last one; not allowed
			break
		}
		if err != nil {
			return fmt.Errorf("drop capability %d: %w", c, err)
		}
	}
	return nil // what is left of the permitted set does not outlive the execution
}
