package config

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Option describes one option, or one section that groups options. The table of
// all of them is the only place where the configuration is defined.
type Option struct {
	// Path is the place in the tree, without leading slash. "[]" behind a name
	// makes it a list: "network/listen[]/port".
	Path string
	// Type says what values are accepted; nil for a section.
	Type Type
	// Default is the value used when the option is absent, in YAML; empty = unset.
	Default string
	// Required options have to be given wherever their section is.
	Required bool
	// Doc is the meaning, one line.
	Doc string
	// Class is what a change costs; unset = as the section it is in.
	Class Class
	// Status says whether the option does anything yet; unset = as its section.
	Status Status
	// Only lists the values that can be written today when not all of Type can.
	Only []string
	// Ours marks an addition to the options of the original.
	Ours bool

	// shorthand names the option of a list's section that stands for the whole
	// section when an item is not a mapping.
	shorthand string
	// check looks at the options of a section together; it runs only when each
	// of them is valid.
	check func(*checker, *section)
}

// Status says whether an option does anything yet.
type Status uint8

const (
	statusInherit Status = iota
	// Supported options work as documented.
	Supported
	// NotYet options are checked, and refused when set to anything but the default.
	NotYet
)

// String names the status for the documentation.
func (s Status) String() string {
	if s == NotYet {
		return "not supported yet"
	}
	return "supported"
}

// Schema returns the table: every option in the order of the documentation,
// sections before what they contain, classes and statuses resolved.
func Schema() []Option {
	var all []Option
	for _, b := range schemaTree().kids {
		all = b.appendOptions(all)
	}
	return all
}

// table is the schema as written in the files schema_*.go.
func table() []Option {
	return slices.Concat(
		topOptions(), optionsOptions(), networkOptions(), viewsOptions(), localDataOptions(),
		forwardOptions(), cacheOptions(), dnssecOptions(), loggingOptions(), limitingOptions(),
	)
}

// branch is the table arranged as a tree.
type branch struct {
	Option
	name string // last element of the path
	list bool
	def  *node // the default, without position; nil = unset
	kids []*branch
}

var schemaTree = sync.OnceValue(func() *branch {
	root := &branch{Option: Option{Class: Worker, Status: Supported, check: checkRoot}}
	for _, o := range table() {
		root.insert(o)
	}
	return root
})

func (b *branch) insert(o Option) {
	elements := strings.Split(o.Path, "/")
	parent := b
	for _, e := range elements[:len(elements)-1] {
		parent = parent.kid(strings.TrimSuffix(e, "[]"))
		if parent == nil || parent.Type != nil {
			panic("BUG: the schema has no section for " + o.Path)
		}
	}
	name, list := strings.CutSuffix(elements[len(elements)-1], "[]")
	if parent.kid(name) != nil {
		panic("BUG: twice in the schema: " + o.Path)
	}
	if o.Class == classInherit {
		o.Class = parent.Class
	}
	if o.Status == statusInherit {
		o.Status = parent.Status
	}
	parent.kids = append(parent.kids, &branch{Option: o, name: name, list: list, def: defaultNode(o)})
}

func (b *branch) kid(name string) *branch {
	for _, k := range b.kids {
		if k.name == name {
			return k
		}
	}
	return nil
}

func (b *branch) names() []string {
	names := make([]string, len(b.kids))
	for i, k := range b.kids {
		names[i] = k.name
	}
	return names
}

func (b *branch) appendOptions(all []Option) []Option {
	all = append(all, b.Option)
	for _, k := range b.kids {
		all = k.appendOptions(all)
	}
	return all
}

// defaultNode parses the default of an option; nil when it has none.
func defaultNode(o Option) *node {
	if o.Default == "" {
		return nil
	}
	root, errs := parse([]byte("default: "+o.Default), "")
	if len(errs) > 0 {
		panic(fmt.Sprintf("BUG: default of %s: %v", o.Path, errs))
	}
	n := root.child("default")
	n.forget()
	return n
}

// forget removes the positions from a tree that is not from a file.
func (n *node) forget() {
	n.pos = pos{}
	for i := range n.keys {
		n.keys[i].pos = pos{}
		n.keys[i].value.forget()
	}
	for _, item := range n.items {
		item.forget()
	}
}
