package config

import (
	"fmt"
	"maps"
	"strings"
)

// Type is a kind of value an option can have.
type Type interface {
	// String describes valid values so that it fits after "expected".
	String() string
	// check turns a raw value into a typed one; it reports mistakes to c and
	// returns nil then.
	check(c *checker, at string, n *node) any
	// schema is the JSON schema of the raw value.
	schema() jsonObject
}

// jsonObject is a piece of a JSON schema.
type jsonObject map[string]any

// scalar is a type whose raw values are single words.
type scalar struct {
	name   string
	parse  func(n *node) (any, error) // an error says more than "expected …"; it may be errMismatch
	object jsonObject
}

// errMismatch is the error of a scalar's parse when name says it all.
var errMismatch = fmt.Errorf("mismatch")

func (s scalar) String() string     { return s.name }
func (s scalar) schema() jsonObject { return maps.Clone(s.object) }

func (s scalar) check(c *checker, at string, n *node) any {
	v, err := s.parse(n)
	switch {
	case err == nil:
		return v
	case err == errMismatch:
		c.fail(n.pos, at, "expected %s, got %s", s.name, n.describe())
	default:
		c.fail(n.pos, at, "expected %s, got %s: %v", s.name, n.describe(), err)
	}
	return nil
}

// text adapts a parser of strings: the scalar accepts quoted and plain strings,
// and numbers, which are strings without quotes.
func text(parse func(string) (any, error)) func(*node) (any, error) {
	return func(n *node) (any, error) {
		switch n.kind {
		case kindString, kindInt, kindFloat:
			return parse(n.plain)
		case kindBool:
			return nil, fmt.Errorf("put it in quotes if the word itself is meant")
		}
		return nil, errMismatch
	}
}

func boolean() Type {
	return scalar{"true or false", func(n *node) (any, error) {
		if n.kind != kindBool {
			return nil, errMismatch
		}
		return n.text == "true", nil
	}, jsonObject{"type": "boolean"}}
}

// str is any text, for people or passed on as it is.
func str() Type {
	return scalar{"a string", text(func(s string) (any, error) { return s, nil }), jsonObject{"type": []string{"string", "number"}}}
}

// characterString is text for a TXT record (RFC 1035 section 3.3).
func characterString() Type {
	const most = 255 // octets
	return scalar{fmt.Sprintf("a string of at most %d bytes", most), text(func(s string) (any, error) {
		if len(s) > most {
			return nil, errMismatch
		}
		return s, nil
	}), jsonObject{"type": []string{"string", "number"}, "maxLength": most}}
}

// enum is one of some words.
func enum(words ...string) Type {
	name := "one of " + strings.Join(words, ", ")
	if len(words) == 1 {
		name = words[0]
	}
	parse := text(func(s string) (any, error) {
		for _, w := range words {
			if s == w {
				return s, nil
			}
		}
		if w := nearest(s, words); w != "" {
			return nil, fmt.Errorf("did you mean %s?", w)
		}
		return nil, errMismatch
	})
	return scalar{name, parse, jsonObject{"enum": words}}
}
