package kresctl

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"knot-resolver/internal/config"
)

// schema is as much of a JSON schema as completion needs.
type schema struct {
	Properties map[string]schema
	Items      *schema
	AnyOf      []schema
	OneOf      []schema
}

// completePointer offers the options below what has been typed of a JSON pointer.
func completePointer(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	var s schema
	if json.Unmarshal(config.JSONSchema(), &s) != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	end := strings.LastIndexByte(typed, '/')
	if end < 0 {
		return []string{"/"}, cobra.ShellCompDirectiveNoSpace | cobra.ShellCompDirectiveNoFileComp
	}
	parent := typed[:end]
	for token := range strings.SplitSeq(strings.TrimPrefix(parent, "/"), "/") {
		if token != "" {
			s = s.step(token)
		}
	}
	var list []string
	for name := range s.children() {
		if candidate := parent + "/" + name; strings.HasPrefix(candidate, typed) {
			list = append(list, candidate)
		}
	}
	slices.Sort(list)
	return list, cobra.ShellCompDirectiveNoSpace | cobra.ShellCompDirectiveNoFileComp
}

// children are the properties of the schema and of its alternatives.
func (s schema) children() map[string]schema {
	all := map[string]schema{}
	for name, child := range s.Properties {
		all[name] = child
	}
	for _, alternative := range slices.Concat(s.AnyOf, s.OneOf) {
		for name, child := range alternative.children() {
			all[name] = child
		}
	}
	return all
}

// step goes to a property, or to the items of a list.
func (s schema) step(token string) schema {
	if child, ok := s.children()[token]; ok {
		return child
	}
	if s.Items != nil {
		return *s.Items
	}
	for _, alternative := range slices.Concat(s.AnyOf, s.OneOf) {
		if alternative.Items != nil {
			return *alternative.Items
		}
	}
	return schema{}
}
