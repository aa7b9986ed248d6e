package compile

import (
	"fmt"
	"slices"

	"knot-resolver/internal/policy"
)

// View is a view with its tags by name.
type View struct {
	policy.View          // without Number and Tags, which are given here
	Tags        []string // names
	Pointer     string   // the place in the configuration: a JSON pointer
}

// views adds all views.
func (b *builder) views(all []View) (faults []error) {
	for i, v := range all {
		tags, err := b.tags(v.Tags)
		if err != nil {
			faults = append(faults, &Error{Pointer: v.Pointer, Reason: err.Error()})
		}
		v.View.Number, v.View.Tags = i+1, tags
		b.meta.Views = append(b.meta.Views, v.View)
	}
	return faults
}

// tags gives names their bits, in the order of their first use.
func (b *builder) tags(names []string) (set policy.Tags, err error) {
	for _, name := range names {
		i := slices.Index(b.meta.Tags, name)
		if i < 0 {
			i = len(b.meta.Tags)
			b.meta.Tags = append(b.meta.Tags, name)
		}
		if i >= policy.MaxTags {
			return 0, fmt.Errorf("more than %d different tags", policy.MaxTags)
		}
		set |= 1 << i
	}
	return set, nil
}
