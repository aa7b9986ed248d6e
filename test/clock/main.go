//go:build linux && amd64

// Command clock runs a program, and all that it starts, with a wall clock that is wrong:
//
//	CLOCK_FILE=FILE clock PROGRAM ARGUMENT...
//
// FILE holds eight octets, the nanoseconds to be added to the true time as a signed number in little-endian order. It may be
// written to at any time, so that the clock jumps. The monotonic clock stays as it is. The program ends with clock.
//
// The kernel tells a tracer of each question for the time. So that programs ask the kernel, and do not read the time from a page that
// they share with it, what leads to that page is taken out of what they are started with.
package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"runtime"

	"golang.org/x/sys/unix"
)

// shim is the name under which this program, traced already, starts the one that is wanted.
const shim = "clock: shim"

func main() {
	runtime.LockOSThread() // tracing belongs to a thread, and so does a filter until exec
	if os.Args[0] == shim {
		fail(becomeProgram(os.Args[1:]))
	}
	offset, err := mapOffset(os.Getenv("CLOCK_FILE"))
	fail(err)
	child, err := start(os.Args[1:])
	fail(err)
	status, err := (&tracer{first: child, offset: offset}).run()
	fail(err)
	os.Exit(status)
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "clock:", err)
		os.Exit(125)
	}
}

// mapOffset returns the octets of the file, as they are at any time.
func mapOffset(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return unix.Mmap(int(f.Fd()), 0, 8, unix.PROT_READ, unix.MAP_SHARED)
}

// start starts the shim, which waits to be traced.
func start(args []string) (pid int, err error) {
	c := exec.Command("/proc/self/exe")
	c.Args = append([]string{shim}, args...)
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := c.Start(); err != nil {
		return 0, err
	}
	return c.Process.Pid, nil
}

// becomeProgram asks for tracing of questions for the wall time and executes the program.
func becomeProgram(args []string) error {
	if err := unix.Kill(os.Getpid(), unix.SIGSTOP); err != nil { // until there is a tracer
		return err
	}
	const trace, allow = 0x7ff00000, 0x7fff0000 // SECCOMP_RET_TRACE, SECCOMP_RET_ALLOW
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}, // the number of the call
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_CLOCK_GETTIME, Jf: 3},
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 16}, // its first argument
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.CLOCK_REALTIME, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: trace},
		{Code: unix.BPF_RET | unix.BPF_K, K: allow},
	}
	if err := install(filter); err != nil {
		return fmt.Errorf("filter: %w", err)
	}
	path, err := exec.LookPath(args[0])
	if err != nil {
		return err
	}
	return fmt.Errorf("%s: %w", path, unix.Exec(path, args, os.Environ()))
}

// at is the offset of now.
func (t *tracer) at() int64 { return int64(binary.LittleEndian.Uint64(t.offset)) }
