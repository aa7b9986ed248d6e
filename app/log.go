package app

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"knot-resolver/internal/config"
)

// levelNotice is between info and warning.
const levelNotice = slog.Level(2)

// levelCritical is above error.
const levelCritical = slog.Level(12)

// groupKey is the attribute that names the part of a process a record comes
// from: log.With("group", "cache").
const groupKey = "group"

// newLog returns the logger of a process. The process name is the group of its
// records until a part sets its own.
func newLog(o config.Logging, process string) *slog.Logger {
	log, _ := newLiveLog(o, process)
	return log
}

// newLiveLog returns a logger with the function that changes its settings.
func newLiveLog(o config.Logging, process string) (*slog.Logger, func(config.Logging)) {
	h := &logHandler{settings: new(atomic.Pointer[logSettings]), mu: new(sync.Mutex), process: process, group: process}
	h.set(o)
	return slog.New(h), h.set
}

// newSupervisorLog returns the logger of the supervisor, which itself adds what it
// adds to the lines of its children.
func newSupervisorLog(level config.LogLevel) *slog.Logger {
	h := newLog(config.Logging{Level: level}, "supervisord").Handler().(*logHandler)
	h.prefix = func() string {
		return fmt.Sprintf("%s supervisor[%d]: ", time.Now().UTC().Format("2006-01-02T15:04:05.000Z"), os.Getpid())
	}
	return slog.New(h)
}

// logSettings is what the configuration says about a log.
type logSettings struct {
	out   io.Writer
	level slog.Level
	debug []string // groups that log everything
}

func (h *logHandler) set(o config.Logging) {
	s := &logSettings{os.Stdout, slogLevel(o.Level), o.Groups}
	if o.Target == config.LogStderr {
		s.out = os.Stderr
	}
	if slices.Contains(o.Groups, h.process) {
		s.level = slog.LevelDebug
	}
	h.settings.Store(s)
}

func slogLevel(l config.LogLevel) slog.Level {
	switch l {
	case config.LogCrit:
		return levelCritical
	case config.LogErr:
		return slog.LevelError
	case config.LogWarning:
		return slog.LevelWarn
	case config.LogInfo:
		return slog.LevelInfo
	case config.LogDebug:
		return slog.LevelDebug
	}
	return levelNotice
}

// logHandler writes "[LEVEL] group: message key=value", without the time: the
// supervisor adds it.
type logHandler struct {
	settings *atomic.Pointer[logSettings]
	mu       *sync.Mutex
	prefix   func() string // nil = none
	process  string
	group    string
	attrs    string // formatted already
	space    string // prefix of keys, from WithGroup
}

// Enabled reports whether records of the level are written.
func (h *logHandler) Enabled(_ context.Context, l slog.Level) bool {
	s := h.settings.Load()
	return l >= s.level || slices.Contains(s.debug, h.group)
}

// Handle writes one record as one line.
func (h *logHandler) Handle(_ context.Context, r slog.Record) error {
	var b bytes.Buffer
	if h.prefix != nil {
		b.WriteString(h.prefix())
	}
	b.WriteString("[" + levelName(r.Level) + "] " + h.group + ": " + oneLine(r.Message) + h.attrs)
	r.Attrs(func(a slog.Attr) bool {
		b.WriteString(formatAttr(h.space, a))
		return true
	})
	b.WriteByte('\n')
	h.mu.Lock()
	defer h.mu.Unlock()
	_, err := h.settings.Load().out.Write(b.Bytes())
	return err
}

// WithAttrs returns a handler that adds attributes to every record.
func (h *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := *h
	for _, a := range attrs {
		if a.Key == groupKey && h.space == "" {
			c.group = a.Value.String()
			continue
		}
		c.attrs += formatAttr(h.space, a)
	}
	return &c
}

// WithGroup returns a handler that puts name before the keys that follow.
func (h *logHandler) WithGroup(name string) slog.Handler {
	c := *h
	c.space += name + "."
	return &c
}

func formatAttr(space string, a slog.Attr) string {
	v := a.Value.Resolve()
	if v.Kind() == slog.KindGroup {
		var b strings.Builder
		for _, inner := range v.Group() {
			b.WriteString(formatAttr(space+a.Key+".", inner))
		}
		return b.String()
	}
	text := v.String()
	if text == "" || strings.ContainsAny(text, " \"=\n\t") {
		text = strconv.Quote(text)
	}
	return " " + space + a.Key + "=" + text
}

// oneLine keeps outside text from forging further lines.
func oneLine(text string) string { return strings.ReplaceAll(text, "\n", `\n`) }

func levelName(l slog.Level) string {
	switch {
	case l >= levelCritical:
		return "CRITICAL"
	case l >= slog.LevelError:
		return "ERROR"
	case l >= slog.LevelWarn:
		return "WARNING"
	case l >= levelNotice:
		return "NOTICE"
	case l >= slog.LevelInfo:
		return "INFO"
	}
	return "DEBUG"
}
