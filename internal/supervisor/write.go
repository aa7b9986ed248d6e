package supervisor

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"knot-resolver/internal/limits"
)

// defaultSocketMode lets only the owner control the processes.
const defaultSocketMode = 0o600

// Write renders the configuration into the run directory, atomically: readers
// see either the old or the new file.
func (c *Conf) Write() error {
	text, err := c.Render()
	if err != nil {
		return fmt.Errorf("supervisor configuration: %w", err)
	}
	path := Path(c.Dir)
	tmp := path + ".tmp"
	if err := writeNew(tmp, text, 0o600); err != nil {
		return fmt.Errorf("supervisor configuration: %w", err)
	}
	if err := os.Rename(tmp, path); err != nil {
		return fmt.Errorf("supervisor configuration: %w", err)
	}
	return nil
}

// writeNew writes a file that is not there, in place of whatever is: a link that somebody
// has put there is not followed.
func writeNew(name string, text []byte, mode os.FileMode) error {
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}

// WritePID writes the pid file of a supervisor.
func WritePID(dir string, pid int) error {
	return writeNew(PIDPath(dir), []byte(strconv.Itoa(pid)+"\n"), 0o644)
}

// Render returns the configuration file. It fails when a value cannot be
// expressed in the format.
func (c *Conf) Render() ([]byte, error) {
	if !filepath.IsAbs(c.Dir) {
		return nil, fmt.Errorf("run directory %q is not absolute", c.Dir)
	}
	w := &writer{}
	sock := escapePercent(SocketPath(c.Dir))
	w.section("unix_http_server")
	w.set("file", sock)
	w.set("chmod", fmt.Sprintf("%#o", cmp.Or(c.SocketMode, defaultSocketMode).Perm()))

	w.section("supervisord")
	w.set("pidfile", escapePercent(PIDPath(c.Dir)))
	w.set("directory", escapePercent(c.Dir))
	w.set("nodaemon", "true")
	w.set("logfile", "/dev/null")
	w.set("logfile_maxbytes", "0")
	w.set("loglevel", cmp.Or(c.LogLevel, "info"))

	w.section("rpcinterface:supervisor")
	w.set("supervisor.rpcinterface_factory", "supervisor.rpcinterface:make_main_rpcinterface")
	w.section("supervisorctl")
	w.set("serverurl", "unix://"+sock)

	seen := map[string]bool{}
	for i := range c.Programs {
		p := &c.Programs[i]
		if seen[p.Name] {
			return nil, fmt.Errorf("program %s: defined twice", p.Name)
		}
		seen[p.Name] = true
		if err := w.program(p); err != nil {
			return nil, fmt.Errorf("program %s: %w", p.Name, err)
		}
	}
	if len(c.Listener) > 0 {
		w.section("eventlistener:" + listenerName)
		w.set("command", quoteArgs(c.Listener))
		w.set("events", "PROCESS_STATE_FATAL")
		w.set("stderr_logfile", "/dev/stderr")
		w.set("stderr_logfile_maxbytes", "0")
	}
	return []byte(w.text.String()), w.err
}

// writer collects the lines of the file and the first value that cannot be
// written.
type writer struct {
	text strings.Builder
	at   string
	err  error
}

func (w *writer) section(name string) {
	if w.at != "" {
		w.text.WriteByte('\n')
	}
	w.at = name
	w.text.WriteString("[" + name + "]\n")
}

func (w *writer) set(key, value string) {
	if err := validValue(value); err != nil && w.err == nil {
		w.err = fmt.Errorf("[%s] %s: %w", w.at, key, err)
	}
	w.text.WriteString(key + "=" + value + "\n")
}

// validValue refuses what the INI format would change: there are no quotes or
// escapes at this level.
func validValue(value string) error {
	if strings.TrimSpace(value) != value {
		return errors.New("white space at either end")
	}
	if cutComment(value) != value {
		return fmt.Errorf("comment sign after white space in %q", value)
	}
	for _, r := range value {
		if r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 || r == '\ufffd' {
			return fmt.Errorf("character %U in %q", r, value)
		}
	}
	return nil
}

func (w *writer) program(p *Program) error {
	if err := p.check(); err != nil {
		return err
	}
	w.section("program:" + p.Name)
	w.set("command", quoteArgs(p.Command))
	if p.NumProcs > 0 {
		w.set("process_name", numberedName)
		w.set("numprocs", strconv.Itoa(p.NumProcs))
	}
	if p.Dir != "" {
		w.set("directory", escapePercent(p.Dir))
	}
	w.set("priority", strconv.Itoa(p.Priority))
	w.set("autostart", strconv.FormatBool(p.AutoStart))
	w.set("autorestart", string(cmp.Or(p.AutoRestart, RestartUnexpected)))
	w.set("exitcodes", joinInts(p.exitCodes()))
	w.set("startsecs", strconv.Itoa(p.StartSecs))
	w.set("startretries", strconv.Itoa(p.StartRetries))
	w.set("stopsignal", strings.TrimPrefix(unix.SignalName(cmp.Or(p.StopSignal, syscall.SIGTERM)), "SIG"))
	w.set("stopwaitsecs", strconv.Itoa(p.StopWaitSecs))
	w.set("killasgroup", strconv.FormatBool(p.KillAsGroup))
	// The real supervisord passes child output on to its own, unlabelled.
	for _, stream := range []string{"stdout", "stderr"} {
		w.set(stream+"_logfile", "/dev/"+stream)
		w.set(stream+"_logfile_maxbytes", "0")
	}
	return w.environment(p.Env)
}

func (w *writer) environment(env map[string]string) error {
	if len(env) == 0 {
		return nil
	}
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(env)) {
		if !validEnvKey(key) {
			return fmt.Errorf("environment: bad variable name %q", key)
		}
		value, err := quoteEnv(escapePercent(env[key]))
		if err != nil {
			return fmt.Errorf("environment: %s: %w", key, err)
		}
		parts = append(parts, key+"="+value)
	}
	w.set("environment", strings.Join(parts, ","))
	return nil
}

// check refuses programs that no supervisor could run.
func (p *Program) check() error {
	if !validName(p.Name) {
		return fmt.Errorf("bad program name %q", p.Name)
	}
	if len(p.Command) == 0 || p.Command[0] == "" {
		return errors.New("no command")
	}
	if p.NumProcs < 0 || p.NumProcs > limits.SupervisorProcesses {
		return fmt.Errorf("numprocs %d is not in 0..%d", p.NumProcs, limits.SupervisorProcesses)
	}
	if p.StartSecs < 0 || p.StartRetries < 0 || p.StopWaitSecs < 0 {
		return errors.New("startsecs, startretries and stopwaitsecs cannot be negative")
	}
	if unix.SignalName(cmp.Or(p.StopSignal, syscall.SIGTERM)) == "" {
		return fmt.Errorf("stop signal %d has no name", p.StopSignal)
	}
	return nil
}

func (p *Program) exitCodes() []int {
	if len(p.ExitCodes) == 0 {
		return []int{0}
	}
	return p.ExitCodes
}

// ExpectedExit reports whether the program may end with this exit status.
func (p *Program) ExpectedExit(status int) bool { return slices.Contains(p.exitCodes(), status) }

func validName(name string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-.0123456789"
	return name != "" && strings.Trim(name, letters) == ""
}

func joinInts(list []int) string {
	parts := make([]string, len(list))
	for i, n := range list {
		parts[i] = strconv.Itoa(n)
	}
	return strings.Join(parts, ",")
}
