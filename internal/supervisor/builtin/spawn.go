package builtin

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"

	"knot-resolver/internal/supervisor"
)

// executable finds the file of a command; the error is a *supervisor.Fault.
func executable(command string) (string, error) {
	path, err := exec.LookPath(command)
	switch {
	case err == nil, errors.Is(err, exec.ErrDot):
		return path, nil
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, exec.ErrNotFound):
		return "", supervisor.NewFault(supervisor.NoFile, "can't find command '"+command+"'")
	}
	return "", supervisor.NewFault(supervisor.NotExecutable, "command at '"+command+"' is not executable")
}

// spawn forks and executes the process. It must run on the loop's thread. The
// child is the leader of a new process group and dies with the supervisor.
func (l *loop) spawn(p *process) (pid int, err error) {
	path, err := executable(p.spec.Command[0])
	if err != nil {
		return 0, err
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		return 0, fmt.Errorf("spawn %s: %w", p.spec.Name, err)
	}
	defer null.Close()
	outR, outW, err := os.Pipe()
	if err != nil {
		return 0, fmt.Errorf("spawn %s: %w", p.spec.Name, err)
	}
	defer outW.Close()
	errR, errW, err := os.Pipe()
	if err != nil {
		outR.Close()
		return 0, fmt.Errorf("spawn %s: %w", p.spec.Name, err)
	}
	defer errW.Close()

	pid, err = syscall.ForkExec(path, p.spec.Command, &syscall.ProcAttr{
		Dir:   p.spec.Dir,
		Env:   l.environment(p),
		Files: []uintptr{null.Fd(), outW.Fd(), errW.Fd()},
		Sys:   &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL},
	})
	if err != nil {
		outR.Close()
		errR.Close()
		return 0, fmt.Errorf("spawn %s: %s: %w", p.spec.Name, path, err)
	}
	l.out.readers.Add(2)
	go l.out.forward(outR, fmt.Sprintf(" %s[%d]: ", p.spec.Name, pid))
	go l.out.forward(errR, fmt.Sprintf(" %s[%d] (stderr): ", p.spec.Name, pid))
	return pid, nil
}

// environment is the supervisor's own, with supervisord's variables and those of
// the program on top.
func (l *loop) environment(p *process) []string {
	env := map[string]string{}
	for _, entry := range os.Environ() {
		key, value, _ := strings.Cut(entry, "=")
		env[key] = value
	}
	env["SUPERVISOR_ENABLED"] = "1"
	env["SUPERVISOR_SERVER_URL"] = "unix://" + supervisor.SocketPath(l.conf.Dir)
	env["SUPERVISOR_PROCESS_NAME"] = p.spec.Name
	env["SUPERVISOR_GROUP_NAME"] = p.group()
	maps.Copy(env, p.spec.Env)

	list := make([]string, 0, len(env))
	for _, key := range slices.Sorted(maps.Keys(env)) {
		list = append(list, key+"="+env[key])
	}
	return list
}
