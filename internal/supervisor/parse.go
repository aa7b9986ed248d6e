package supervisor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"knot-resolver/internal/limits"
)

const numberedName = "%(program_name)s" + ProcessNum

// supervisord's defaults of the settings that are not plain zero values.
const (
	defaultPriority     = 999
	defaultStartSecs    = 1
	defaultStartRetries = 3
	defaultStopWaitSecs = 10
)

// Read parses the configuration file at path.
func Read(path string) (*Conf, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("supervisor configuration: %w", err)
	}
	conf, err := Parse(string(text))
	if err != nil {
		return nil, fmt.Errorf("supervisor configuration %s: %w", path, err)
	}
	return conf, nil
}

// Parse reads a configuration file as Write renders it. Settings it does not know
// are errors that name the line; those about log files are ignored, because the
// built-in supervisor forwards all output.
func Parse(text string) (*Conf, error) {
	if len(text) > limits.SupervisorConfBytes {
		return nil, fmt.Errorf("longer than %d bytes", limits.SupervisorConfBytes)
	}
	sections, err := parseINI(text)
	if err != nil {
		return nil, err
	}
	conf := &Conf{}
	seen := map[string]bool{}
	for _, s := range sections {
		if seen[s.name] {
			return nil, fmt.Errorf("line %d: section [%s] repeated", s.line, s.name)
		}
		seen[s.name] = true
		if err := conf.section(s); err != nil {
			return nil, err
		}
	}
	if conf.Dir == "" {
		return nil, errors.New("no file in [unix_http_server]")
	}
	return conf, nil
}

func (c *Conf) section(s section) error {
	kind, name, _ := strings.Cut(s.name, ":")
	switch kind {
	case "rpcinterface", "supervisorctl":
		return nil // these only concern the real supervisord and its tools
	case "unix_http_server", "supervisord", "eventlistener":
		for _, set := range s.settings {
			if err := c.global(kind, set); err != nil {
				return fmt.Errorf("line %d: [%s] %s: %w", set.line, s.name, set.key, err)
			}
		}
		return nil
	case "program":
		p, err := parseProgram(name, s)
		if err == nil {
			c.Programs = append(c.Programs, p)
		}
		return err
	}
	return fmt.Errorf("line %d: unknown section [%s]", s.line, s.name)
}

var errUnknown = errors.New("unknown setting")

func (c *Conf) global(kind string, set setting) error {
	value, err := expand(set.value, nil)
	if err != nil {
		return err
	}
	switch kind + "." + set.key {
	case "unix_http_server.file":
		c.Dir = filepath.Dir(value)
		if !filepath.IsAbs(value) || SocketPath(c.Dir) != value {
			return fmt.Errorf("%q is not an absolute path of a supervisord.sock", value)
		}
	case "unix_http_server.chmod":
		mode, err := strconv.ParseUint(value, 8, 9)
		if err != nil {
			return err
		}
		c.SocketMode = fs.FileMode(mode)
	case "supervisord.loglevel":
		c.LogLevel = value
	case "eventlistener.command":
		c.Listener, err = splitArgs(value)
		return err
	case "supervisord.pidfile", "supervisord.directory", "supervisord.nodaemon",
		"supervisord.logfile", "supervisord.logfile_maxbytes",
		"eventlistener.events", "eventlistener.stderr_logfile", "eventlistener.stderr_logfile_maxbytes":
		// Fixed by the run directory, or without meaning here.
	default:
		return errUnknown
	}
	return nil
}

func parseProgram(name string, s section) (Program, error) {
	p := Program{
		Name: name, Priority: defaultPriority, AutoStart: true,
		AutoRestart: RestartUnexpected, StartSecs: defaultStartSecs, StartRetries: defaultStartRetries,
		StopSignal: syscall.SIGTERM, StopWaitSecs: defaultStopWaitSecs,
	}
	vars := map[string]string{"program_name": name, "group_name": name, "process_num": ProcessNum}
	numProcs, numbered := 1, false
	for _, set := range s.settings {
		var err error
		switch set.key {
		case "numprocs":
			numProcs, err = strconv.Atoi(set.value)
		case "process_name":
			numbered = set.value == numberedName
			if !numbered && set.value != "%(program_name)s" {
				err = fmt.Errorf("only %s and %%(program_name)s are supported", numberedName)
			}
		default:
			err = p.set(set.key, set.value, vars)
		}
		if err != nil {
			return p, fmt.Errorf("line %d: [%s] %s: %w", set.line, s.name, set.key, err)
		}
	}
	if numbered {
		p.NumProcs = numProcs
	}
	err := p.check()
	if err == nil && (numProcs < 1 || (numProcs > 1 && !numbered)) {
		err = fmt.Errorf("numprocs %d does not fit process_name", numProcs)
	}
	if err != nil {
		return p, fmt.Errorf("line %d: [%s]: %w", s.line, s.name, err)
	}
	return p, nil
}

func (p *Program) set(key, raw string, vars map[string]string) error {
	if ignoredSetting(key) {
		return nil
	}
	value, err := expand(raw, vars)
	if err != nil {
		return err
	}
	switch key {
	case "command":
		p.Command, err = splitArgs(value)
	case "directory":
		p.Dir = value
	case "priority":
		p.Priority, err = strconv.Atoi(value)
	case "autostart":
		p.AutoStart, err = strconv.ParseBool(value)
	case "autorestart":
		p.AutoRestart, err = parseRestart(value)
	case "exitcodes":
		p.ExitCodes, err = parseInts(value)
	case "startsecs":
		p.StartSecs, err = strconv.Atoi(value)
	case "startretries":
		p.StartRetries, err = strconv.Atoi(value)
	case "stopsignal":
		p.StopSignal, err = ParseSignal(value)
	case "stopwaitsecs":
		p.StopWaitSecs, err = strconv.Atoi(value)
	case "killasgroup":
		p.KillAsGroup, err = strconv.ParseBool(value)
	case "environment":
		p.Env, err = splitEnv(value)
	default:
		err = errUnknown
	}
	return err
}

func ignoredSetting(key string) bool {
	return strings.HasPrefix(key, "stdout_") || strings.HasPrefix(key, "stderr_")
}

func parseRestart(value string) (Restart, error) {
	switch r := Restart(strings.ToLower(value)); r {
	case RestartNever, RestartUnexpected, RestartAlways:
		return r, nil
	}
	return "", fmt.Errorf("%q is not true, false or unexpected", value)
}

func parseInts(value string) ([]int, error) {
	var list []int
	for part := range strings.SplitSeq(value, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil {
			return nil, err
		}
		list = append(list, n)
	}
	return list, nil
}

// ParseSignal reads a signal as supervisord names it: HUP, SIGHUP or 1.
func ParseSignal(text string) (syscall.Signal, error) {
	name := strings.ToUpper(strings.TrimSpace(text))
	if n, err := strconv.Atoi(name); err == nil {
		if unix.SignalName(syscall.Signal(n)) == "" {
			return 0, fmt.Errorf("no signal %d", n)
		}
		return syscall.Signal(n), nil
	}
	if !strings.HasPrefix(name, "SIG") {
		name = "SIG" + name
	}
	sig := unix.SignalNum(name)
	if sig == 0 {
		return 0, fmt.Errorf("no signal %q", text)
	}
	return sig, nil
}
