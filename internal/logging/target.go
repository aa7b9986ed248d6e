package logging

import (
	"io"
	"os"

	"knot-resolver/internal/config"
)

// target is where entries end up. It is used by one goroutine.
type target interface {
	// write writes one entry. It may take its time; an error means that the entry is lost.
	write(e *entry) error
	close()
}

func open(name config.LogTarget, o *Options) target {
	switch name {
	case config.LogStderr:
		return &stream{out: either(o.Stderr, os.Stderr), prefix: o.Prefix}
	case config.LogSyslog:
		return &datagrams{options: o, pid: os.Getpid(), fallback: &stream{out: either(o.Stdout, os.Stdout), prefix: o.Prefix}}
	}
	return &stream{out: either(o.Stdout, os.Stdout), prefix: o.Prefix}
}

func either(w, otherwise io.Writer) io.Writer {
	if w == nil {
		return otherwise
	}
	return w
}

// stream writes "[LEVEL] group: text", without the time: the supervisor adds it.
type stream struct {
	out    io.Writer
	prefix func() string // may be nil
	buf    []byte
}

func (s *stream) write(e *entry) error {
	b := s.buf[:0]
	if s.prefix != nil {
		b = append(b, s.prefix()...)
	}
	if !e.bare {
		name, _ := severity(e.level)
		b = append(append(append(append(append(b, '['), name...), "] "...), e.group...), ": "...)
	}
	b = append(append(b, e.text...), '\n')
	s.buf = b
	_, err := s.out.Write(b)
	return err
}

func (s *stream) close() {}
