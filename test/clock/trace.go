//go:build linux && amd64

package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// tracer follows a process with all its threads and descendants.
type tracer struct {
	first  int    // the process whose end is the end
	offset []byte // see mapOffset
}

// run takes the process over and lets it go until it ends. It returns its status.
func (t *tracer) run() (status int, err error) {
	const options = unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_TRACEFORK | unix.PTRACE_O_TRACEVFORK | unix.PTRACE_O_TRACEEXEC |
		unix.PTRACE_O_TRACESECCOMP | unix.PTRACE_O_EXITKILL
	var ws unix.WaitStatus
	if _, err := unix.Wait4(t.first, &ws, unix.WUNTRACED, nil); err != nil || !ws.Stopped() {
		return 0, fmt.Errorf("the shim does not wait: %v, %w", ws, err)
	}
	if err := ptrace(unix.PTRACE_SEIZE, t.first, 0, options); err != nil {
		return 0, fmt.Errorf("seize: %w", err)
	}
	if err := unix.Kill(t.first, unix.SIGCONT); err != nil {
		return 0, err
	}
	for {
		pid, err := unix.Wait4(-1, &ws, unix.WALL, nil)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return 0, fmt.Errorf("wait: %w", err)
		case pid == t.first && ws.Exited():
			return ws.ExitStatus(), nil
		case pid == t.first && ws.Signaled():
			return 128 + int(ws.Signal()), nil
		case ws.Stopped():
			if err := t.stopped(pid, ws); err != nil && !errors.Is(err, unix.ESRCH) { // it was killed meanwhile
				return 0, err
			}
		}
	}
}

// stopped deals with a thread that has stopped and lets it go on.
func (t *tracer) stopped(pid int, ws unix.WaitStatus) error {
	signal := ws.StopSignal()
	switch event := int(ws) >> 16; event {
	case unix.PTRACE_EVENT_SECCOMP:
		if err := t.tell(pid); err != nil {
			return err
		}
	case unix.PTRACE_EVENT_EXEC:
		if err := hideShortcut(pid); err != nil {
			return err
		}
	case unix.PTRACE_EVENT_STOP:
		if signal != unix.SIGTRAP { // it is to stand still until SIGCONT
			return ptrace(unix.PTRACE_LISTEN, pid, 0, 0)
		}
	case 0:
		return ptrace(unix.PTRACE_CONT, pid, 0, uintptr(signal))
	}
	return ptrace(unix.PTRACE_CONT, pid, 0, 0)
}

// tell answers the question for the time that a thread is about to ask.
func (t *tracer) tell(pid int) error {
	var regs unix.PtraceRegs
	if err := unix.PtraceGetRegs(pid, &regs); err != nil {
		return err
	}
	now := time.Now().Add(time.Duration(t.at()))
	var answer [16]byte // struct timespec
	binary.LittleEndian.PutUint64(answer[:], uint64(now.Unix()))
	binary.LittleEndian.PutUint64(answer[8:], uint64(now.Nanosecond()))
	if _, err := unix.PtracePokeData(pid, uintptr(regs.Rsi), answer[:]); err != nil {
		return err
	}
	regs.Orig_rax, regs.Rax = ^uint64(0), 0 // no call is made, and it succeeds
	return unix.PtraceSetRegs(pid, &regs)
}

// hideShortcut takes the address of the page that tells the time out of the auxiliary vector of a program that is about to begin.
func hideShortcut(pid int) error {
	const shortcut, ignore = 33, 1 // AT_SYSINFO_EHDR, AT_IGNORE
	vector, err := os.ReadFile(fmt.Sprintf("/proc/%d/auxv", pid))
	if err != nil {
		return err
	}
	var regs unix.PtraceRegs
	if err := unix.PtraceGetRegs(pid, &regs); err != nil {
		return err
	}
	stack := make([]byte, 1<<18) // arguments and environment come first
	n, err := unix.PtracePeekData(pid, uintptr(regs.Rsp), stack)
	if at := bytes.Index(stack[:n], vector[:32]); at >= 0 {
		for i := 0; i+16 <= len(vector); i += 16 {
			if binary.LittleEndian.Uint64(vector[i:]) == shortcut {
				_, err := unix.PtracePokeData(pid, uintptr(regs.Rsp)+uintptr(at+i), binary.LittleEndian.AppendUint64(nil, ignore))
				return err
			}
		}
		return nil
	}
	return fmt.Errorf("no auxiliary vector on the stack of %d (%d octets): %w", pid, n, err)
}
