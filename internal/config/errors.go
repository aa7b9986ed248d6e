package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"knot-resolver/internal/limits"
)

// Error is one mistake in a configuration.
type Error struct {
	Pointer string // JSON pointer (RFC 6901) of the value; empty = the whole document
	File    string // as given by the user; empty when not from a file
	Line    int    // from 1; 0 = unknown
	Column  int    // from 1, in characters
	Message string // what is wrong and what would be valid
}

// Error formats the mistake on one line: place, pointer, message.
func (e Error) Error() string {
	var b strings.Builder
	if e.File != "" {
		b.WriteString(e.File + ":")
	}
	if e.Line > 0 {
		fmt.Fprintf(&b, "%d:%d:", e.Line, e.Column)
	}
	if b.Len() > 0 {
		b.WriteByte(' ')
	}
	fmt.Fprintf(&b, "[%s] %s", e.Pointer, e.Message)
	return b.String()
}

// Errors are all mistakes of a configuration, in the order of their places. An
// Errors value returned as an error is never empty.
type Errors []Error

// Error formats one mistake per line under a header.
func (e Errors) Error() string {
	header := "configuration error:"
	if len(e) > 1 {
		header = fmt.Sprintf("%d configuration errors:", len(e))
	}
	lines := []string{header}
	for _, one := range e {
		lines = append(lines, "\t"+one.Error())
	}
	return strings.Join(lines, "\n")
}

// cut leaves so many mistakes as a person can read, and says how many there are.
func cut(errs Errors) Errors {
	more := len(errs) - limits.ConfigErrors
	if more <= 0 {
		return errs
	}
	errs = slices.Clone(errs[:limits.ConfigErrors])
	errs[len(errs)-1].Message += fmt.Sprintf("; and %d mistakes more", more)
	return errs
}

// WithoutPlaces returns the mistakes with their pointers only, for a text that
// nobody has written.
func (e Errors) WithoutPlaces() Errors {
	bare := make(Errors, len(e))
	for i, one := range e {
		bare[i] = Error{Pointer: one.Pointer, Message: one.Message}
	}
	return bare
}

// sorted orders the mistakes by place, files in the order given.
func (e Errors) sorted(files []string) Errors {
	slices.SortStableFunc(e, func(a, b Error) int {
		return cmp.Or(
			cmp.Compare(slices.Index(files, a.File), slices.Index(files, b.File)),
			cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Column, b.Column),
		)
	})
	return slices.Compact(e)
}
