package config

import (
	"fmt"
	"strings"
)

// value is one checked value and where it came from.
type value struct {
	at string // JSON pointer
	pos
	given bool // by the user, not a default
	v     any
}

// list is a non-empty list of one type; its value is []value.
type list struct {
	item   Type
	orItem bool // a single item without the list is accepted too
	unique bool
}

func listOf(item Type) Type     { return list{item: item} }
func listOrItem(item Type) Type { return list{item: item, orItem: true} }
func setOf(item Type) Type      { return list{item: item, unique: true} }

func (l list) String() string {
	if l.orItem {
		return fmt.Sprintf("%v, or a list of such", l.item)
	}
	return fmt.Sprintf("a list, each item %v", l.item)
}

func (l list) schema() jsonObject {
	array := jsonObject{"type": "array", "items": l.item.schema(), "minItems": 1}
	if l.unique {
		array["uniqueItems"] = true
	}
	if l.orItem {
		return jsonObject{"anyOf": []jsonObject{l.item.schema(), array}}
	}
	return array
}

func (l list) check(c *checker, at string, n *node) any {
	if n.kind != kindList {
		if !l.orItem {
			c.fail(n.pos, at, "expected %v, got %s", l, n.describe())
			return nil
		}
		v := l.item.check(c, at, n)
		if v == nil {
			return nil
		}
		return []value{{at, n.pos, true, v}}
	}
	if len(n.items) == 0 {
		c.fail(n.pos, at, "expected at least one item in the list; leave the option out instead")
		return nil
	}
	values := make([]value, 0, len(n.items))
	seen := map[any]int{}
	for i, item := range n.items {
		v := l.item.check(c, joinIndex(at, i), item)
		if v == nil {
			continue
		}
		if first, dup := seen[item.plain]; l.unique && dup {
			c.fail(item.pos, joinIndex(at, i), "%s is in the list already, as item %d", item.describe(), first)
		}
		seen[item.plain] = i
		values = append(values, value{joinIndex(at, i), item.pos, true, v})
	}
	if len(values) < len(n.items) {
		return nil
	}
	return values
}

// dict is a mapping with keys of one type to values of another; its value is
// []pair, in the order written.
type dict struct {
	key   scalar
	value Type
}

type pair struct {
	key   any
	value value
}

func (d dict) String() string { return fmt.Sprintf("a mapping of %v to %v", d.key, d.value) }

func (d dict) schema() jsonObject {
	return jsonObject{"type": "object", "additionalProperties": d.value.schema()}
}

func (d dict) check(c *checker, at string, n *node) any {
	if n.kind != kindMap {
		c.fail(n.pos, at, "expected %v, got %s", d, n.describe())
		return nil
	}
	pairs := make([]pair, 0, len(n.keys))
	seen := make(map[any]pos, len(n.keys))
	for _, e := range n.keys {
		below := join(at, e.key)
		key := d.key.check(c, below, &node{pos: e.pos, kind: kindString, text: e.key, plain: e.key})
		v := d.value.check(c, below, e.value)
		if key == nil || v == nil {
			continue
		}
		if first, dup := seen[key]; dup {
			c.fail(e.pos, below, "duplicate key: %q means the same as the key in line %d", e.key, first.line)
			continue
		}
		seen[key] = e.pos
		pairs = append(pairs, pair{key, value{below, e.value.pos, true, v}})
	}
	if len(pairs) < len(n.keys) {
		return nil
	}
	return pairs
}

// either is a value of one of several types, tried in order.
type either []Type

func (e either) String() string {
	names := make([]string, len(e))
	for i, t := range e {
		names[i] = t.String()
	}
	return strings.Join(names, ", or ")
}

func (e either) schema() jsonObject {
	var any []jsonObject
	for _, t := range e {
		any = append(any, t.schema())
	}
	return jsonObject{"anyOf": any}
}

func (e either) check(c *checker, at string, n *node) any {
	for _, t := range e {
		trial := *c
		trial.errs = nil
		if v := t.check(&trial, at, n); v != nil && len(trial.errs) == 0 {
			return v
		}
	}
	c.fail(n.pos, at, "expected %v, got %s", e, n.describe())
	return nil
}
