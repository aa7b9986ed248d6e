package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sort"
	"unicode/utf8"

	"knot-resolver/internal/limits"
)

// isJSON reports whether the file is JSON. YAML includes nearly all of JSON, but
// not its way of escaping characters beyond 16 bits.
func isJSON(data []byte) bool {
	start := bytes.TrimLeft(data, " \t\r\n")
	return len(start) > 0 && (start[0] == '{' || start[0] == '[') && json.Valid(data)
}

// jsonParser reads a file that is known to be JSON.
type jsonParser struct {
	*parser
	data  []byte
	dec   *json.Decoder
	lines []int // offset of each line
}

func (p *parser) json(data []byte) *node {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	j := jsonParser{p, data, dec, []int{0}}
	for i, b := range data {
		if b == '\n' {
			j.lines = append(j.lines, i+1)
		}
	}
	return j.value("", 0)
}

// next returns the next token and where it starts.
func (j *jsonParser) next() (json.Token, pos) {
	offset := int(j.dec.InputOffset())
	for offset < len(j.data) && bytes.IndexByte([]byte(" \t\r\n:,"), j.data[offset]) >= 0 {
		offset++
	}
	line := sort.SearchInts(j.lines, offset+1)
	column := utf8.RuneCount(j.data[j.lines[line-1]:offset]) + 1
	token, err := j.dec.Token()
	if err != nil {
		panic("BUG: valid JSON does not parse: " + err.Error())
	}
	return token, pos{j.file, line, column}
}

// value reads one value; beyond the depth limit it is empty.
func (j *jsonParser) value(pointer string, depth int) *node {
	token, at := j.next()
	n := &node{pos: at}
	if depth == limits.ConfigDepth+1 {
		j.fail(at, pointer, "nested deeper than %d levels", limits.ConfigDepth)
	}
	switch t := token.(type) {
	case bool:
		n.kind, n.text = kindBool, fmt.Sprint(t)
	case json.Number:
		n.kind, n.text = kindFloat, t.String()
		if integerText.MatchString(n.text) {
			n.kind = kindInt
		}
	case string:
		n.kind, n.text = kindString, t
	case json.Delim:
		if t == '{' {
			n.kind = kindMap
			j.object(n, pointer, depth)
			break
		}
		n.kind = kindList
		for i := 0; j.dec.More(); i++ {
			n.items = append(n.items, j.value(joinIndex(pointer, i), depth+1))
		}
		j.next()
	}
	n.plain = n.text
	return n
}

func (j *jsonParser) object(n *node, pointer string, depth int) {
	keys := newKeySet(j.parser, pointer)
	for j.dec.More() {
		token, at := j.next()
		key := token.(string)
		value := j.value(join(pointer, key), depth+1)
		if keys.add(key, at) {
			n.keys = append(n.keys, entry{at, key, value})
		}
	}
	j.next()
}

// keySet finds duplicate keys of one mapping.
type keySet struct {
	p       *parser
	pointer string
	seen    map[string]pos
}

func newKeySet(p *parser, pointer string) keySet { return keySet{p, pointer, map[string]pos{}} }

// add reports whether the key is new, and a mistake when it is not.
func (k keySet) add(key string, at pos) bool {
	if first, dup := k.seen[key]; dup {
		k.p.fail(at, join(k.pointer, key), "duplicate key %q, first given in line %d", key, first.line)
		return false
	}
	k.seen[key] = at
	return true
}
