package supervisor

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// ErrOrphan is returned by DieWithParent when the supervisor has already died.
var ErrOrphan = errors.New("the supervisor has died")

// DieWithParent makes the kernel kill this process when its supervisor dies. The
// built-in supervisor asks for the same when it forks, but supervisord cannot,
// and file capabilities reset it. A process that was not started by a supervisor
// is left alone. After ErrOrphan the caller must exit.
func DieWithParent() error {
	if os.Getenv("SUPERVISOR_ENABLED") == "" {
		return nil
	}
	parent := os.Getppid()
	result := make(chan error)
	go func() {
		// The setting belongs to a thread and goes with it, so this one is
		// never given back.
		runtime.LockOSThread()
		err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0)
		result <- err
		if err == nil {
			select {}
		}
	}()
	if err := <-result; err != nil {
		return fmt.Errorf("set parent death signal: %w", err)
	}
	if os.Getppid() != parent {
		return ErrOrphan
	}
	return nil
}
