package config

import "fmt"

// merge combines two trees into a new one: mappings key by key, everything else
// may be given only once, even with equal values.
func merge(a, b *node, pointer string) (*node, Errors) {
	if a.kind != kindMap || b.kind != kindMap {
		return a, Errors{{
			Pointer: pointer, File: b.file, Line: b.line, Column: b.column,
			Message: fmt.Sprintf("already given in %s:%d:%d; only mappings are merged, every other value may be in one file only",
				a.file, a.line, a.column),
		}}
	}
	var errs Errors
	merged := *a
	merged.keys = append([]entry(nil), a.keys...)
	index := make(map[string]int, len(a.keys))
	for i, e := range a.keys {
		index[e.key] = i
	}
	for _, e := range b.keys {
		i, both := index[e.key]
		if !both {
			merged.keys = append(merged.keys, e)
			continue
		}
		value, mistakes := merge(merged.keys[i].value, e.value, join(pointer, e.key))
		merged.keys[i].value = value
		errs = append(errs, mistakes...)
	}
	return &merged, errs
}
