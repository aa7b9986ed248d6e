package supervisor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
)

// RunReal runs the real supervisord found in PATH on the configuration file, as a child
// that dies with this process, until it ends. The end of ctx stops it. A SIGHUP goes on to
// the program of the given name: supervisord itself would restart everything. The error
// is nil after an orderly end.
func RunReal(ctx context.Context, confPath, reloads string, log *slog.Logger) error {
	path, err := exec.LookPath("supervisord")
	if err != nil {
		return fmt.Errorf("start supervisord: %w", err)
	}
	hangups := make(chan os.Signal, 1) // one pending is enough, reloads see the latest files
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)

	// The death signal belongs to the thread that forks.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	c := exec.Command(path, "-n", "-c", confPath)
	c.Stdout, c.Stderr = os.Stdout, os.Stderr
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := c.Start(); err != nil {
		return fmt.Errorf("start supervisord: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	client := NewClient(SocketPath(filepath.Dir(confPath)))
	stop := ctx.Done()
	for {
		select {
		case err := <-ended:
			if err != nil && ctx.Err() == nil {
				return fmt.Errorf("supervisord: %w", err)
			}
			return nil
		case <-hangups:
			go func() {
				if err := client.SignalProcess(ctx, reloads, syscall.SIGHUP); err != nil && !errors.Is(err, NotRunning) {
					log.Warn("forward SIGHUP", "error", err)
				}
			}()
		case <-stop:
			stop = nil
			c.Process.Signal(syscall.SIGTERM) // fails only when it has ended
		}
	}
}
