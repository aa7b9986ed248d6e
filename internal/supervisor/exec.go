package supervisor

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// Exec replaces this process by the real supervisord found in PATH, running in
// the foreground on the configuration file. The lock, when not nil, stays held
// by it. Exec only returns when that failed.
func Exec(confPath string, lock *LockFile) error {
	path, err := exec.LookPath("supervisord")
	if err != nil {
		return fmt.Errorf("start supervisord: %w", err)
	}
	if lock != nil {
		if err := lock.keepOnExec(); err != nil {
			return fmt.Errorf("start supervisord: keep lock: %w", err)
		}
	}
	err = syscall.Exec(path, []string{"supervisord", "-n", "-c", confPath}, os.Environ())
	return fmt.Errorf("start supervisord: exec %s: %w", path, err)
}
