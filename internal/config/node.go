package config

import (
	"encoding/json"
	"strconv"
)

// kind is what a raw value is, before any schema is looked at.
type kind uint8

const (
	kindNull kind = iota
	kindBool
	kindInt
	kindFloat
	kindString
	kindMap
	kindList
)

// String names the kind the way error messages do.
func (k kind) String() string {
	return [...]string{"null", "a boolean", "an integer", "a number", "a string", "a mapping", "a list"}[k]
}

// pos is a place in a configuration file.
type pos struct {
	file         string
	line, column int
}

// node is one value of the raw tree.
type node struct {
	pos
	kind  kind
	text  string // scalars: booleans are "true" or "false", numbers are as in JSON
	plain string // scalars: exactly as written
	keys  []entry
	items []*node
}

// entry is one key of a mapping, in the order written.
type entry struct {
	pos   // of the key
	key   string
	value *node
}

// child returns the value of a key, nil when there is none.
func (n *node) child(key string) *node {
	for i := range n.keys {
		if n.keys[i].key == key {
			return n.keys[i].value
		}
	}
	return nil
}

// describe shows the value in an error message, short.
func (n *node) describe() string {
	const most = 60
	switch n.kind {
	case kindNull, kindMap, kindList:
		return n.kind.String()
	case kindString:
		text := []rune(n.plain)
		if len(text) > most {
			text = append(text[:most], '…')
		}
		return strconv.Quote(string(text))
	default:
		return n.plain
	}
}

// value turns the tree into what encoding/json would produce, numbers as
// [json.Number].
func (n *node) value() any {
	switch n.kind {
	case kindBool:
		return n.text == "true"
	case kindInt, kindFloat:
		return json.Number(n.text)
	case kindString:
		return n.text
	case kindMap:
		m := make(map[string]any, len(n.keys))
		for _, e := range n.keys {
			m[e.key] = e.value.value()
		}
		return m
	case kindList:
		l := make([]any, len(n.items))
		for i, item := range n.items {
			l[i] = item.value()
		}
		return l
	}
	return nil
}

// appendJSON writes the tree as JSON, keys in the order written.
func (n *node) appendJSON(dst []byte) []byte {
	switch n.kind {
	case kindNull:
		return append(dst, "null"...)
	case kindBool, kindInt, kindFloat:
		return append(dst, n.text...)
	case kindString:
		return appendJSONString(dst, n.text)
	case kindMap:
		dst = append(dst, '{')
		for i, e := range n.keys {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(appendJSONString(dst, e.key), ':')
			dst = e.value.appendJSON(dst)
		}
		return append(dst, '}')
	default:
		dst = append(dst, '[')
		for i, item := range n.items {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = item.appendJSON(dst)
		}
		return append(dst, ']')
	}
}

func appendJSONString(dst []byte, s string) []byte {
	quoted, err := json.Marshal(s)
	if err != nil {
		panic("BUG: a string does not marshal: " + err.Error())
	}
	return append(dst, quoted...)
}
