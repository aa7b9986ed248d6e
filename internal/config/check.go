package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"knot-resolver/internal/limits"
)

// checker collects the mistakes of one pass over a raw tree.
type checker struct {
	errs     Errors
	refused  Errors // valid, but not supported yet
	warnings Errors
	strict   bool
	base     string
	cpus     int
}

// fail records a mistake. Those beyond limits.ConfigErrors are only counted.
func (c *checker) fail(at pos, pointer, format string, args ...any) {
	if c.full() {
		c.errs = append(c.errs, Error{})
		return
	}
	c.errs = append(c.errs, mistake(at, pointer, format, args...))
}

func (c *checker) full() bool { return len(c.errs) >= limits.ConfigErrors }

func (c *checker) refuse(at pos, pointer, format string, args ...any) {
	c.refused = append(c.refused, mistake(at, pointer, format, args...))
}

func (c *checker) warn(at pos, pointer, format string, args ...any) {
	c.warnings = append(c.warnings, mistake(at, pointer, format, args...))
}

func mistake(at pos, pointer, format string, args ...any) Error {
	return Error{Pointer: pointer, File: at.file, Line: at.line, Column: at.column, Message: fmt.Sprintf(format, args...)}
}

// section is a checked mapping with the defaults of what was not written.
type section struct {
	at string // JSON pointer
	pos
	given  bool // written by the user
	fields map[string]value
}

// section checks a mapping against its part of the schema. n is nil when it is
// absent: then it consists of defaults.
func (c *checker) section(b *branch, at string, n *node) *section {
	s := &section{at: at, fields: make(map[string]value, len(b.kids))}
	if n == nil {
		n = &node{kind: kindMap}
	} else {
		s.pos, s.given = n.pos, true
	}
	if n.kind != kindMap {
		c.fail(n.pos, at, "expected a mapping with %s, got %s", strings.Join(b.names(), ", "), n.describe())
		return s
	}
	before := len(c.errs)
	for _, e := range n.keys {
		if b.kid(e.key) == nil {
			c.unknown(b, e, at)
		}
	}
	for _, k := range b.kids {
		s.fields[k.name] = c.option(k, join(at, k.name), n.child(k.name))
		if k.Required && s.given && n.child(k.name) == nil {
			c.fail(s.pos, at, "%q is missing: %s", k.name, k.describe())
		}
	}
	if b.check != nil && len(c.errs) == before {
		b.check(c, s)
	}
	return s
}

func (c *checker) unknown(b *branch, e entry, at string) {
	if c.full() {
		c.fail(e.pos, "", "")
		return
	}
	message := fmt.Sprintf("unknown option %q", e.key)
	if w := nearest(e.key, b.names()); w != "" {
		message += fmt.Sprintf("; did you mean %q?", w)
	} else {
		message += "; valid here: " + strings.Join(b.names(), ", ")
	}
	c.fail(e.pos, join(at, e.key), "%s", message)
}

// describe says what kind of value belongs at the branch.
func (b *branch) describe() string {
	switch {
	case b.Type != nil:
		return "expected " + b.Type.String()
	case b.list:
		return "expected a list"
	}
	return "expected a mapping"
}

// option checks one option or section; n is nil when it is absent.
func (c *checker) option(b *branch, at string, n *node) value {
	given := n != nil
	if given && n.kind == kindNull && b.Default == "" && !b.Required && (b.Type != nil || b.list) {
		n, given = nil, false
	}
	if b.Type == nil && !b.list {
		s := c.section(b, at, n)
		return value{at, s.pos, given, s}
	}
	if n == nil {
		if n = b.def; n == nil {
			return value{at: at}
		}
	}
	before := len(c.errs)
	v := value{at, n.pos, given, c.leaf(b, at, n)}
	if given && (b.list || len(c.errs) == before) {
		c.supported(b, v, n)
	}
	return v
}

func (c *checker) leaf(b *branch, at string, n *node) any {
	if b.Type != nil {
		return b.Type.check(c, at, n)
	}
	if n.kind != kindList {
		c.fail(n.pos, at, "expected a list, got %s", n.describe())
		return nil
	}
	if len(n.items) == 0 {
		c.fail(n.pos, at, "expected at least one item in the list; leave the option out instead")
		return nil
	}
	sections := make([]*section, len(n.items))
	for i, item := range n.items {
		if b.shorthand != "" && item.kind != kindMap {
			item = &node{pos: item.pos, kind: kindMap, keys: []entry{{item.pos, b.shorthand, item}}}
		}
		sections[i] = c.section(b, joinIndex(at, i), item)
	}
	return sections
}

// supported refuses what is valid but not implemented.
func (c *checker) supported(b *branch, v value, n *node) {
	if b.Only != nil {
		items, isList := v.v.([]value)
		if !isList {
			items = []value{v}
		}
		for _, item := range items {
			if !slices.Contains(b.Only, fmt.Sprint(item.v)) {
				c.refuse(item.pos, item.at, "%v is not supported yet; supported: %s", item.v, strings.Join(b.Only, ", "))
			}
		}
		return
	}
	if b.Status != NotYet {
		return
	}
	if b.Default == "" {
		c.refuse(n.pos, v.at, "not supported yet; leave it out")
		return
	}
	if def := c.leaf(b, v.at, b.def); !reflect.DeepEqual(plain(def), plain(v.v)) {
		c.refuse(n.pos, v.at, "not supported yet; leave it out or keep the default %s", b.Default)
	}
}
