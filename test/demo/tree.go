package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// tree is the resolver's process tree by its root.
type tree struct {
	root   *exec.Cmd
	exited chan struct{} // closed after the root has ended
	up     bool          // it has answered, so it has to understand kresctl stop
}

// launch starts the resolver. It gets a process group of its own, so that a
// Ctrl-C does not end it before the demo has said goodbye.
func (s *stage) launch() error {
	log, err := os.Create(s.path(logName))
	if err != nil {
		return err
	}
	defer log.Close()
	t := &tree{root: exec.Command(filepath.Join(s.bin, "knot-resolver"), "-c", s.path(configName)), exited: make(chan struct{})}
	t.root.Stdout, t.root.Stderr = log, log
	t.root.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := t.root.Start(); err != nil {
		return err
	}
	go func() {
		t.root.Wait() // the status is looked at by those who care
		close(t.exited)
	}()
	s.tree = t
	return nil
}

func (t *tree) running() bool {
	if t == nil {
		return false
	}
	select {
	case <-t.exited:
		return false
	default:
		return true
	}
}

// ended waits for the end of the root.
func (t *tree) ended(wait time.Duration) bool {
	select {
	case <-t.exited:
		return true
	case <-time.After(wait):
		return false
	}
}

// stopWait is how long each way to stop the system may take.
const stopWait = 10 * time.Second

// stop ends the system: politely, by signal, by force. It returns an error if
// the polite way was not enough.
func (s *stage) stop() error {
	if !s.tree.running() {
		return s.sweep(nil)
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopWait)
	defer cancel()
	_, err := s.kresctl(ctx, "stop")
	if err == nil && s.tree.ended(stopWait) {
		return s.sweep(nil)
	}
	if err == nil {
		err = fmt.Errorf("the system was still up %v after kresctl stop", stopWait)
	}
	if !s.tree.up {
		err = nil
	}
	for end := time.Now().Add(stopWait); time.Now().Before(end) && s.tree.running(); s.tree.ended(time.Second) {
		s.tree.root.Process.Signal(syscall.SIGTERM) // again, as the program may have been about to become the supervisor
	}
	return s.sweep(err)
}

// sweep kills what is still there and adds that to the error.
func (s *stage) sweep(err error) error {
	if s.alone(time.Second) { // children of a killed root need a moment to follow it
		return err
	}
	for _, p := range s.processes() {
		err = errors.Join(err, fmt.Errorf("left behind and killed: %s, pid %d", p.title, p.pid))
		syscall.Kill(p.pid, syscall.SIGKILL)
	}
	s.alone(stopWait)
	return err
}

// alone waits until no process of the resolver is left.
func (s *stage) alone(wait time.Duration) bool {
	for end := time.Now().Add(wait); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if len(s.processes()) == 0 {
			return true
		}
	}
	return false
}

// kresctl runs a command of the control program and returns what it printed.
func (s *stage) kresctl(ctx context.Context, args ...string) (string, error) {
	c := exec.CommandContext(ctx, filepath.Join(s.bin, "kresctl"), append([]string{"-s", s.path(socketName)}, args...)...)
	var out, errs strings.Builder
	c.Stdout, c.Stderr = &out, &errs
	if err := c.Run(); err != nil {
		return "", fmt.Errorf("kresctl %s: %w\n%s", strings.Join(args, " "), err, strings.TrimSpace(errs.String()))
	}
	return out.String(), nil
}

// control runs kresctl in front of the audience.
func (s *stage) control(ctx context.Context, args ...string) (string, error) {
	s.printf("  $ kresctl %s\n", strings.Join(args, " "))
	return s.kresctl(ctx, args...)
}
