package config

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"knot-resolver/internal/limits"
)

// Document is a raw configuration: what the user wrote, with positions, before
// any schema is applied. It is immutable.
type Document struct {
	files []string
	base  string
	root  *node
}

// Load reads and merges configuration files in the order given. Relative paths
// in them are relative to the directory of the first one. The error is an
// [Errors], or the error of reading a file.
func Load(files []string) (*Document, error) {
	if len(files) == 0 {
		return nil, fmt.Errorf("load configuration: no file given")
	}
	var doc *Document
	var errs Errors
	for _, name := range files {
		data, err := readFile(name)
		if err != nil {
			return nil, fmt.Errorf("load configuration: %w", err)
		}
		root, mistakes := parse(data, name)
		errs = append(errs, mistakes...)
		switch {
		case root == nil:
		case doc == nil:
			doc = &Document{root: root}
		default:
			doc.root, mistakes = merge(doc.root, root, "")
			errs = append(errs, mistakes...)
		}
	}
	if len(errs) > 0 {
		return nil, errs.sorted(files)
	}
	base, err := filepath.Abs(filepath.Dir(files[0]))
	if err != nil {
		return nil, fmt.Errorf("load configuration %s: %w", files[0], err)
	}
	doc.files, doc.base = files, base
	return doc, nil
}

func readFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limits.ConfigBytes+1))
	if err != nil {
		return nil, err
	}
	return data, nil
}

// Parse reads a configuration from memory; name is shown as the file in errors.
// Relative paths stay relative until [Document.WithBase] says where they start.
// The error is an [Errors].
func Parse(data []byte, name string) (*Document, error) {
	root, errs := parse(data, name)
	if len(errs) > 0 {
		return nil, errs.sorted([]string{name})
	}
	return &Document{files: []string{name}, root: root}, nil
}

// ParseValue turns one value of any kind, JSON or YAML, into JSON; name is shown
// as the file in errors. The error is an [Errors].
func ParseValue(data []byte, name string) ([]byte, error) {
	root, errs := parseAny(data, name)
	if len(errs) > 0 {
		return nil, errs.sorted([]string{name})
	}
	return root.appendJSON(nil), nil
}

// WithBase returns the document with relative paths taken from dir, which has
// to be absolute.
func (d *Document) WithBase(dir string) *Document {
	c := *d
	c.base = dir
	return &c
}

// Base returns the directory that relative paths start from; empty = the
// working directory.
func (d *Document) Base() string { return d.base }

// Files returns the names of the files the document was made of.
func (d *Document) Files() []string { return d.files }

// Get returns the raw value a JSON pointer leads to, as encoding/json would
// (numbers are json.Number), and whether there is one.
func (d *Document) Get(pointer string) (any, bool) {
	n := d.root.find(pointer)
	if n == nil {
		return nil, false
	}
	return n.value(), true
}

// JSON returns the raw tree, only what the user wrote, keys in that order.
func (d *Document) JSON() []byte { return d.root.appendJSON(nil) }

// JSONAt returns the part of [Document.JSON] a JSON pointer leads to, nil when
// it leads nowhere.
func (d *Document) JSONAt(pointer string) []byte {
	n := d.root.find(pointer)
	if n == nil {
		return nil
	}
	return n.appendJSON(nil)
}

// checkDirectories warns when relative paths may not mean what they seem to.
func (d *Document) checkDirectories(c *checker) {
	for _, name := range d.files {
		if filepath.Dir(name) != filepath.Dir(d.files[0]) {
			c.warn(pos{file: name}, "", "in another directory than %s, where relative paths start from", d.files[0])
		}
	}
}
