package logging

import (
	"context"
	"log/slog"
	"slices"
	"strings"
)

// handler makes an entry of each record: "message key=value".
type handler struct {
	log   *Log
	group string
	attrs string // formatted already
	space string // prefix of keys, from WithGroup
}

// Enabled reports whether records of the level are written.
func (h *handler) Enabled(_ context.Context, l slog.Level) bool {
	s := h.log.settings.Load()
	return l >= s.level || slices.Contains(s.debug, h.group)
}

// Handle queues one record.
func (h *handler) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	b.WriteString(escape(r.Message))
	b.WriteString(h.attrs)
	r.Attrs(func(a slog.Attr) bool {
		b.WriteString(formatAttr(h.space, a))
		return true
	})
	h.log.queue.add(&entry{target: h.log.settings.Load().target, level: r.Level, group: h.group, text: b.String(), pc: r.PC})
	return nil
}

// WithAttrs returns a handler that adds attributes to every record.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := *h
	for _, a := range attrs {
		if a.Key == Group && h.space == "" {
			c.group = a.Value.String()
			continue
		}
		c.attrs += formatAttr(h.space, a)
	}
	return &c
}

// WithGroup returns a handler that puts name before the keys that follow.
func (h *handler) WithGroup(name string) slog.Handler {
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
	return " " + space + a.Key + "=" + quote(v.String())
}
