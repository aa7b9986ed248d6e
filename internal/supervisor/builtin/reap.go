package builtin

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// reap collects every child that has ended, including orphans of children, which
// the kernel hands to the supervisor.
func (l *loop) reap() {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
		p := l.pids[pid]
		if p == nil {
			continue
		}
		delete(l.pids, pid)
		if p.spec.Program.KillAsGroup {
			// What is left of the group keeps its number from being used again.
			_ = syscall.Kill(-pid, syscall.SIGKILL)
		}
		p.ended(status)
	}
}

// killAdopted ends what children have left behind outside of their process
// groups. Killing a process may bring its own children up, hence the loop.
func killAdopted() {
	for {
		pids := childPIDs()
		if len(pids) == 0 {
			return
		}
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		for _, pid := range pids {
			for {
				if _, err := syscall.Wait4(pid, nil, 0, nil); err != syscall.EINTR {
					break
				}
			}
		}
	}
}

// childPIDs lists the child processes of all threads. A kernel that does not show
// them makes it empty.
func childPIDs() []int {
	var pids []int
	files, _ := filepath.Glob("/proc/self/task/*/children")
	for _, file := range files {
		text, _ := os.ReadFile(file)
		for field := range strings.FieldsSeq(string(text)) {
			if pid, err := strconv.Atoi(field); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}
