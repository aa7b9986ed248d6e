// Package migrate brings configurations of versions before 6.1 to the present options
// (config.md section 8). It works on the text's own tree, so that comments, order, anchors
// and values stay as they are.
package migrate

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Change is one thing that was done to the tree.
type Change struct {
	Added   bool   // else removed
	Pointer string // JSON pointer of the option
}

// String is a line for people.
func (c Change) String() string {
	if c.Added {
		return "added " + c.Pointer
	}
	return "removed " + c.Pointer
}

// Do changes the document in place and lists what it did, in order. The document has to
// be a mapping.
func Do(document *yaml.Node) ([]Change, error) {
	root := document
	if root.Kind == yaml.DocumentNode && len(root.Content) == 1 {
		root = root.Content[0]
	}
	if root.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("the configuration is not a mapping")
	}
	t := &tree{root: root}
	for _, s := range steps {
		s(t)
	}
	t.cleanUp()
	return t.changes, nil
}

// step is one rule.
type step func(*tree)

// steps are all rules, in the order of their old paths.
var steps = []step{
	section("/cache/garbage-collector"),
	section("/cache/prefetch/prediction"),
	rename("/defer/enabled", "/defer/enable"),
	section("/dns64"),
	rename("/dns64/rev-ttl", "/dns64/reverse-ttl"),
	section("/dnssec"),
	drop("/dnssec/refresh-time"), drop("/dnssec/hold-down-time"), drop("/dnssec/time-skew-detection"), drop("/dnssec/keep-removed"),
	rename("/dnssec/trust-anchor-sentinel", "/dnssec/sentinel"),
	rename("/dnssec/trust-anchor-signal-query", "/dnssec/signal-query"),
	drop("/local-data/root-fallback-addresses"), drop("/local-data/root-fallback-addresses-files"),
	drop("/logging/debugging"),
	section("/logging/dnstap"),
	rename("/logging/dnssec-bogus", "/dnssec/log-bogus"),
	drop("/max-workers"),
	rename("/monitoring/enabled", "/monitoring/metrics"),
	section("/monitoring/graphite"),
	section("/network/proxy-protocol"),
	drop("/network/tls/auto-discovery"),
	rename("/network/tls/files-watchdog", "/network/tls/watchdog"),
	section("/rate-limiting"),
	drop("/webmgmt"),
}

// alwaysOn are sections without which their feature is on, so that they are not switched
// on by being written.
var alwaysOn = []string{"/dnssec"}

// drop removes an option that is no more.
func drop(path string) step {
	return func(t *tree) {
		if t.remove(path) != nil {
			t.note(false, path)
		}
	}
}

// rename moves an option. One that is at the new place already stays.
func rename(from, to string) step {
	return func(t *tree) {
		value := t.remove(from)
		if value == nil {
			return
		}
		t.note(false, from)
		if t.find(to) == nil {
			t.set(to, value)
			t.note(true, to)
		}
	}
}

// section turns false, true, null and a mapping, which meant on, into a mapping with the
// option enable.
func section(path string) step {
	return func(t *tree) {
		value := t.find(path)
		if value == nil {
			return
		}
		for value.Kind == yaml.AliasNode {
			value = value.Alias
		}
		enable := "true"
		switch {
		case value.Kind == yaml.MappingNode:
			if child(value, "enable") != nil || slices.Contains(alwaysOn, path) {
				return
			}
		case value.Kind == yaml.ScalarNode && (isFalse(value.Value) || value.Tag == "!!null"):
			enable = "false"
			fallthrough
		default:
			*value = yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", HeadComment: value.HeadComment, LineComment: value.LineComment, FootComment: value.FootComment}
		}
		value.Content = append([]*yaml.Node{
			{Kind: yaml.ScalarNode, Tag: "!!str", Value: "enable"},
			{Kind: yaml.ScalarNode, Tag: "!!bool", Value: enable},
		}, value.Content...)
		t.note(true, path+"/enable")
	}
}

// isFalse knows the words of YAML 1.1.
func isFalse(word string) bool {
	switch strings.ToLower(word) {
	case "false", "no", "off", "n":
		return true
	}
	return false
}

// tree is a document under change.
type tree struct {
	root    *yaml.Node
	changes []Change
}

func (t *tree) note(added bool, path string) { t.changes = append(t.changes, Change{added, path}) }

// parent walks to the mapping that holds the last element of path; nil when there is none.
func (t *tree) parent(path string) (m *yaml.Node, key string) {
	elements := strings.Split(path[1:], "/")
	m = t.root
	for _, e := range elements[:len(elements)-1] {
		if m = child(m, e); m == nil {
			return nil, ""
		}
	}
	return m, elements[len(elements)-1]
}

func (t *tree) find(path string) *yaml.Node {
	m, key := t.parent(path)
	if m == nil {
		return nil
	}
	return child(m, key)
}

// remove takes an option out and returns its value; nil when it was not there.
func (t *tree) remove(path string) *yaml.Node {
	m, key := t.parent(path)
	i := index(m, key)
	if i < 0 {
		return nil
	}
	value := m.Content[i+1]
	m.Content = slices.Delete(m.Content, i, i+2)
	return value
}

// set adds an option, and the sections above it when they are missing.
func (t *tree) set(path string, value *yaml.Node) {
	m := t.root
	elements := strings.Split(path[1:], "/")
	for _, e := range elements[:len(elements)-1] {
		next := child(m, e)
		if next == nil || next.Kind != yaml.MappingNode {
			next = &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
			put(m, e, next)
		}
		m = next
	}
	put(m, elements[len(elements)-1], value)
}

func put(m *yaml.Node, key string, value *yaml.Node) {
	if i := index(m, key); i >= 0 {
		m.Content[i+1] = value
		return
	}
	m.Content = append(m.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: key}, value)
}

// cleanUp removes what is empty at the top: it says nothing, and an empty list is not valid.
func (t *tree) cleanUp() {
	for i := 0; i+1 < len(t.root.Content); {
		key, value := t.root.Content[i], t.root.Content[i+1]
		empty := value.Kind == yaml.ScalarNode && value.Tag == "!!null" ||
			(value.Kind == yaml.MappingNode || value.Kind == yaml.SequenceNode) && len(value.Content) == 0
		if !empty {
			i += 2
			continue
		}
		t.root.Content = slices.Delete(t.root.Content, i, i+2)
		t.note(false, "/"+key.Value)
	}
}

func child(m *yaml.Node, key string) *yaml.Node {
	i := index(m, key)
	if i < 0 {
		return nil
	}
	return m.Content[i+1]
}

// index finds a key in a mapping; -1 when m is none or does not have it.
func index(m *yaml.Node, key string) int {
	for m != nil && m.Kind == yaml.AliasNode {
		m = m.Alias
	}
	if m == nil || m.Kind != yaml.MappingNode {
		return -1
	}
	for i := 0; i+1 < len(m.Content); i += 2 {
		if m.Content[i].Value == key {
			return i
		}
	}
	return -1
}
