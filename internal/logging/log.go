package logging

import (
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"

	"knot-resolver/internal/config"
)

// Levels beside those of slog.
const (
	LevelNotice   = slog.Level(2)  // between info and warning
	LevelCritical = slog.Level(12) // above error
)

// Group is the attribute that names the part of a process a record comes from:
// log.With("group", "cache").
const Group = "group"

// Options of a Log. All but Process may be left out.
type Options struct {
	// Process is the group of all records until a part of the process sets its own, and the name that
	// syslog and the journal know it by.
	Process string
	// Prefix returns what each line to a stream begins with.
	Prefix func() string

	Stdout, Stderr io.Writer // nil = those of the process
	Syslog         string    // socket of the syslog daemon; empty = /dev/log
	Journal        string    // socket of the journal; empty = that of systemd, if it runs
}

// Log is the log of a process.
type Log struct {
	*slog.Logger
	process  string
	settings atomic.Pointer[settings]
	queue    *queue
}

// New returns a Log; Close ends it.
func New(o Options, c config.Logging) *Log {
	l := &Log{process: o.Process, queue: newQueue(o)}
	l.Configure(c)
	l.Logger = slog.New(&handler{log: l, group: o.Process})
	return l
}

// settings are what the configuration says.
type settings struct {
	target config.LogTarget
	level  slog.Level
	debug  []string // groups that log everything
}

// Configure changes level, groups and target of all that is logged from now on.
func (l *Log) Configure(c config.Logging) {
	s := &settings{target: c.Target, level: level(c.Level), debug: c.Groups}
	if slices.Contains(c.Groups, l.process) {
		s.level = slog.LevelDebug
	}
	l.settings.Store(s)
}

// Counters returns how many lines were written and how many were lost.
func (l *Log) Counters() (written, dropped uint64) {
	return l.queue.written.Load(), l.queue.dropped.Load()
}

// Close writes what waits, but for no longer than limits.LogPatience. Later lines are lost.
func (l *Log) Close() { l.queue.close() }

// Plain returns a writer of lines that have no level: on a stream they are written as they are, for
// syslog and the journal they are of level notice.
func (l *Log) Plain() io.Writer { return plain{l} }

type plain struct{ *Log }

func (p plain) Write(text []byte) (int, error) {
	for line := range strings.Lines(string(text)) {
		p.queue.add(&entry{
			target: p.settings.Load().target, level: LevelNotice, group: p.process, text: escape(strings.TrimSuffix(line, "\n")), bare: true,
		})
	}
	return len(text), nil
}

func level(l config.LogLevel) slog.Level {
	switch l {
	case config.LogCrit:
		return LevelCritical
	case config.LogErr:
		return slog.LevelError
	case config.LogWarning:
		return slog.LevelWarn
	case config.LogInfo:
		return slog.LevelInfo
	case config.LogDebug:
		return slog.LevelDebug
	}
	return LevelNotice
}

// severities are the names of levels and their numbers in syslog (RFC 5424 section 6.2.1), the highest first.
var severities = [...]struct {
	least  slog.Level
	name   string
	number int
}{
	{LevelCritical, "CRITICAL", 2}, {slog.LevelError, "ERROR", 3}, {slog.LevelWarn, "WARNING", 4},
	{LevelNotice, "NOTICE", 5}, {slog.LevelInfo, "INFO", 6}, {-1 << 31, "DEBUG", 7},
}

func severity(l slog.Level) (name string, number int) {
	for _, s := range severities {
		if l >= s.least {
			return s.name, s.number
		}
	}
	return "DEBUG", 7
}
