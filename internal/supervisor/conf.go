package supervisor

import (
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ProcessNum stands for the number of the process, 0 to NumProcs-1, inside the
// strings of a Program that runs several processes.
const ProcessNum = "%(process_num)d"

// RetryForever is a StartRetries value that never leads to FATAL in practice.
const RetryForever = 1_000_000_000

// Conf is a supervisor's whole configuration.
type Conf struct {
	Dir        string      // run directory, absolute; configuration, socket and pid file live here
	LogLevel   string      // supervisord's name of the level: critical, error, warn, info or debug; empty is info
	SocketMode fs.FileMode // permissions of the RPC socket; 0 is 0600
	Programs   []Program
	Listener   []string // command that runs ShutdownOnFatal, for the real supervisord only; may be empty
}

// Path returns the configuration file of the supervisor of run directory dir.
func Path(dir string) string { return filepath.Join(dir, "supervisord.conf") }

// SocketPath returns the XML-RPC socket of the supervisor of run directory dir.
func SocketPath(dir string) string { return filepath.Join(dir, "supervisord.sock") }

// PIDPath returns the pid file of the supervisor of run directory dir.
func PIDPath(dir string) string { return filepath.Join(dir, "supervisord.pid") }

// Restart says when a process that ended by itself is started again.
type Restart string

// The restart policies, in supervisord's words.
const (
	RestartNever      Restart = "false"
	RestartUnexpected Restart = "unexpected" // unless it exited with one of ExitCodes
	RestartAlways     Restart = "true"
)

// Program describes one program. In Command, Dir and Env every ProcessNum is
// replaced by the number of the process; all other text is literal.
type Program struct {
	Name         string            // name of the program and of its process group
	NumProcs     int               // 0: one process called Name; n: Name0 to Name(n-1)
	Command      []string          // argv; looked up in PATH when it holds no slash
	Dir          string            // working directory; empty is the supervisor's
	Priority     int               // lower starts earlier and stops later
	AutoStart    bool              // start together with the supervisor
	AutoRestart  Restart           // empty is RestartUnexpected
	ExitCodes    []int             // expected exit statuses; empty is 0
	StartSecs    int               // seconds of uptime until a process counts as RUNNING; 0 is at once
	StartRetries int               // failed starts in a row that lead to FATAL, when exceeded
	StopSignal   syscall.Signal    // 0 is SIGTERM
	StopWaitSecs int               // seconds between StopSignal and SIGKILL
	KillAsGroup  bool              // SIGKILL goes to the whole process group
	Env          map[string]string // added to the supervisor's own environment
}

// Process is one process of a program, with all strings expanded.
type Process struct {
	Program *Program
	Name    string
	Command []string
	Dir     string
	Env     map[string]string
}

// Processes lists the processes of the program in order of their number.
func (p *Program) Processes() []Process {
	if p.NumProcs == 0 {
		return []Process{p.process(p.Name, 0)}
	}
	list := make([]Process, p.NumProcs)
	for i := range list {
		list[i] = p.process(p.Name+strconv.Itoa(i), i)
	}
	return list
}

func (p *Program) process(name string, num int) Process {
	expand := func(s string) string { return strings.ReplaceAll(s, ProcessNum, strconv.Itoa(num)) }
	out := Process{Program: p, Name: name, Dir: expand(p.Dir)}
	for _, arg := range p.Command {
		out.Command = append(out.Command, expand(arg))
	}
	if len(p.Env) > 0 {
		out.Env = make(map[string]string, len(p.Env))
	}
	for key, value := range p.Env {
		out.Env[key] = expand(value)
	}
	return out
}

// FullName joins group and process as the RPC methods expect it: "manager" when
// both are equal, else "kresd:kresd0".
func FullName(group, name string) string {
	if group == name {
		return name
	}
	return group + ":" + name
}

// seconds is the form durations have in the file.
func seconds(n int) time.Duration { return time.Duration(n) * time.Second }

// StartTime returns StartSecs as a duration.
func (p *Program) StartTime() time.Duration { return seconds(p.StartSecs) }

// StopWait returns StopWaitSecs as a duration.
func (p *Program) StopWait() time.Duration { return seconds(p.StopWaitSecs) }
