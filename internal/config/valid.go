package config

import (
	"fmt"
	"os"
	"runtime"
	"strings"
)

// ValidateOptions say how a document is checked. The zero value is fine.
type ValidateOptions struct {
	// Strict also checks that paths exist and have the permissions needed by
	// the user this process runs as.
	Strict bool
	// Env looks up environment variables; nil = [os.Getenv].
	Env func(string) string
	// CPUs bounds the number of workers and is the meaning of "workers: auto";
	// 0 = as many as this process may use.
	CPUs int
	// Hostname is the default of the option; empty = that of the machine.
	Hostname string
	// Warn, if set, is told what is accepted but probably not meant.
	Warn func(Error)
}

// Valid is a checked configuration: typed values, defaults filled in.
type Valid struct {
	root *section
	doc  *Document
	opts ValidateOptions
}

// Validate checks the document against the schema. The error is an [Errors]
// with every mistake.
func (d *Document) Validate(opts ValidateOptions) (*Valid, error) {
	opts = opts.withDefaults()
	c := checker{strict: opts.Strict, base: d.base, cpus: opts.CPUs}
	root := c.section(schemaTree(), "", d.root)
	v := &Valid{root, d, opts}
	d.checkDirectories(&c)
	if len(c.errs) == 0 {
		v.checkEnvironment(&c)
	}
	if errs := append(cut(c.errs), c.refused...); len(errs) > 0 {
		return nil, errs.sorted(d.files)
	}
	if opts.Warn != nil {
		for _, w := range c.warnings.sorted(d.files) {
			opts.Warn(w)
		}
	}
	return v, nil
}

func (o ValidateOptions) withDefaults() ValidateOptions {
	if o.Env == nil {
		o.Env = os.Getenv
	}
	if o.CPUs == 0 {
		o.CPUs = runtime.NumCPU()
	}
	if o.Hostname == "" {
		// Without a name of its own the machine is known by the usual one.
		if o.Hostname, _ = os.Hostname(); o.Hostname == "" {
			o.Hostname = "localhost"
		}
	}
	return o
}

// checkEnvironment checks what the outside contributes to the configuration.
func (v *Valid) checkEnvironment(c *checker) {
	if get[string](v.root, "logging/target") != targetFromEnv {
		return
	}
	switch target := v.opts.Env(targetVariable); target {
	case "", string(LogStdout), string(LogStderr), string(LogSyslog):
	default:
		at := v.root.value("logging/target")
		c.fail(at.pos, at.at, "environment variable %s is %q; expected syslog, stderr or stdout", targetVariable, target)
	}
}

// value returns the value at a path below the section, "cache/size-max".
func (s *section) value(path string) value {
	name, rest, more := strings.Cut(path, "/")
	v, ok := s.fields[name]
	if !ok {
		panic(fmt.Sprintf("BUG: the schema has no %s in %s", path, s.at))
	}
	if !more {
		return v
	}
	return v.v.(*section).value(rest)
}

// get returns the value at a path below the section, the zero value when unset.
func get[T any](s *section, path string) T {
	v := s.value(path)
	if v.v == nil {
		var zero T
		return zero
	}
	return v.v.(T)
}

// items returns the items of a list at a path below the section.
func items[T any](s *section, path string) []T {
	values := get[[]value](s, path)
	if len(values) == 0 {
		return nil
	}
	list := make([]T, len(values))
	for i, v := range values {
		list[i] = v.v.(T)
	}
	return list
}

// plain strips positions and origins, leaving what can be compared.
func plain(v any) any {
	switch v := v.(type) {
	case value:
		return plain(v.v)
	case *section:
		m := make(map[string]any, len(v.fields))
		for name, field := range v.fields {
			m[name] = plain(field)
		}
		return m
	case []*section:
		return plainList(v)
	case []value:
		return plainList(v)
	case []pair:
		l := make([]any, len(v))
		for i, p := range v {
			l[i] = [2]any{p.key, plain(p.value)}
		}
		return l
	}
	return v
}

func plainList[T any](values []T) []any {
	l := make([]any, len(values))
	for i, v := range values {
		l[i] = plain(v)
	}
	return l
}
