package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"knot-resolver/internal/limits"
)

// parse reads one file, JSON or YAML. The root is a mapping, empty for an empty
// file; it is nil only when there are errors.
func parse(data []byte, file string) (*node, Errors) {
	root, errs := parseAny(data, file)
	if root == nil {
		return nil, errs
	}
	switch root.kind {
	case kindMap:
		return root, nil
	case kindNull:
		root.kind = kindMap
		return root, nil
	}
	p := parser{file: file}
	p.fail(root.pos, "", "expected a mapping at the top level, got %s", root.describe())
	return nil, p.errs
}

// parseAny reads one value of any kind, JSON or YAML; it is nil only when there are errors.
func parseAny(data []byte, file string) (*node, Errors) {
	p := parser{file: file}
	if len(data) > limits.ConfigBytes {
		p.fail(pos{file: file}, "", "larger than %d MiB", limits.ConfigBytes>>20)
		return nil, p.errs
	}
	if !utf8.Valid(data) {
		p.fail(invalidUTF8(data, file), "", "not valid UTF-8")
		return nil, p.errs
	}
	var root *node
	if isJSON(data) {
		root = p.json(data)
	} else {
		root = p.yaml(data)
	}
	if len(p.errs) > 0 {
		return nil, p.errs
	}
	return root, nil
}

type parser struct {
	file    string
	errs    Errors
	aliases int // alias expansions the current value is inside of
	copied  int // values made by expanding aliases
}

func (p *parser) fail(at pos, pointer, format string, args ...any) {
	p.errs = append(p.errs, Error{
		Pointer: pointer, File: at.file, Line: at.line, Column: at.column,
		Message: fmt.Sprintf(format, args...),
	})
}

// yaml parses the only YAML document of the file.
func (p *parser) yaml(data []byte) *node {
	empty := &node{pos: pos{p.file, 1, 1}}
	loader, err := yaml.NewLoader(bytes.NewReader(data))
	if err != nil {
		p.syntax(err)
		return empty
	}
	var first, second yaml.Node
	if err := loader.Load(&first); err == io.EOF {
		return empty
	} else if err != nil {
		p.syntax(err)
		return empty
	}
	if err := loader.Load(&second); err == nil {
		p.fail(p.at(&second), "", "a second YAML document; expected only one")
	} else if err != io.EOF {
		p.syntax(err)
	}
	if len(first.Content) == 0 {
		return empty
	}
	return p.convert(first.Content[0], "", 0)
}

func (p *parser) syntax(err error) {
	at := pos{file: p.file}
	message := strings.TrimPrefix(err.Error(), "yaml: ")
	var detail *yaml.LoadError
	if errors.As(err, &detail) {
		at.line, at.column = detail.Mark.Line, detail.Mark.Column
		message = detail.Message
	}
	p.fail(at, "", "not valid YAML or JSON: %s", message)
}

func (p *parser) at(y *yaml.Node) pos { return pos{p.file, y.Line, y.Column} }

// convert copies a YAML node into our tree; it never returns nil.
func (p *parser) convert(y *yaml.Node, pointer string, depth int) *node {
	n := &node{pos: p.at(y)}
	if depth > limits.ConfigDepth {
		p.fail(n.pos, pointer, "nested deeper than %d levels", limits.ConfigDepth)
		return n
	}
	if p.aliases > 0 {
		if p.copied++; p.copied > limits.ConfigAliasNodes {
			if p.copied == limits.ConfigAliasNodes+1 {
				p.fail(n.pos, pointer, "aliases stand for more than %d values", limits.ConfigAliasNodes)
			}
			return n
		}
	}
	switch y.Kind {
	case yaml.AliasNode:
		p.aliases++
		n = p.convert(y.Alias, pointer, depth+1)
		p.aliases--
		n.pos = p.at(y)
	case yaml.ScalarNode:
		p.scalar(n, y, pointer)
	case yaml.SequenceNode:
		n.kind = kindList
		for i, item := range y.Content {
			n.items = append(n.items, p.convert(item, joinIndex(pointer, i), depth+1))
		}
	case yaml.MappingNode:
		n.kind = kindMap
		p.mapping(n, y, pointer, depth)
	}
	return n
}

func (p *parser) mapping(n *node, y *yaml.Node, pointer string, depth int) {
	keys := newKeySet(p, pointer)
	for i := 0; i+1 < len(y.Content); i += 2 {
		key := y.Content[i]
		if key.Kind == yaml.AliasNode {
			key = key.Alias
		}
		at := p.at(y.Content[i])
		if key.Kind != yaml.ScalarNode {
			p.fail(at, pointer, "a key has to be a word, not a mapping or list")
			continue
		}
		if key.Tag == "!!merge" {
			p.fail(at, pointer, "merge keys (<<) are not supported; give several files or repeat the options")
			continue
		}
		if !keys.add(key.Value, at) {
			continue
		}
		value := p.convert(y.Content[i+1], join(pointer, key.Value), depth+1)
		n.keys = append(n.keys, entry{at, key.Value, value})
	}
}

var (
	integerText = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)
	numberText  = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)
)

// scalar resolves a scalar the way YAML 1.1 and JSON agree on, without the
// traps of YAML 1.1 (octal, base 60): those are strings here, and so are refused
// where a number is expected.
func (p *parser) scalar(n *node, y *yaml.Node, pointer string) {
	n.kind, n.text, n.plain = kindString, y.Value, y.Value
	tagged := y.Style&yaml.TaggedStyle != 0
	if tagged && y.Tag != "!!str" && y.Tag != "!" {
		p.fail(n.pos, pointer, "YAML tag %s is not supported", y.Tag)
		return
	}
	const quoted = yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle
	if tagged || y.Style&quoted != 0 {
		return
	}
	switch y.Value {
	case "", "~", "null", "Null", "NULL":
		n.kind = kindNull
	case "true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON":
		n.kind, n.text = kindBool, "true"
	case "false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF":
		n.kind, n.text = kindBool, "false"
	default:
		if integerText.MatchString(y.Value) {
			n.kind = kindInt
		} else if numberText.MatchString(y.Value) {
			n.kind = kindFloat
		}
	}
}

// invalidUTF8 finds the first byte that is not UTF-8.
func invalidUTF8(data []byte, file string) pos {
	at := pos{file, 1, 1}
	for len(data) > 0 {
		r, size := utf8.DecodeRune(data)
		if r == utf8.RuneError && size == 1 {
			break
		}
		at.column++
		if r == '\n' {
			at.line, at.column = at.line+1, 1
		}
		data = data[size:]
	}
	return at
}
