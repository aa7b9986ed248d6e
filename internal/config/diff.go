package config

import "reflect"

// Change is one option with another value than before.
type Change struct {
	Pointer string // JSON pointer; a list is compared as a whole
	Class   Class  // what applying the change costs
}

// Diff lists what differs between two configurations, in the order of the
// schema. Values are compared, not texts: 60s and 1m are the same.
func Diff(before, after *Valid) []Change {
	return diffSections(nil, schemaTree(), before.root, after.root)
}

// Cost joins the classes of all changes; [None] when there are none.
func Cost(changes []Change) Class {
	cost := None
	for _, c := range changes {
		cost |= c.Class
	}
	if cost != None {
		cost &^= None
	}
	return cost
}

func diffSections(changes []Change, b *branch, before, after *section) []Change {
	for _, k := range b.kids {
		x, y := before.fields[k.name], after.fields[k.name]
		if k.Type == nil && !k.list {
			changes = diffSections(changes, k, x.v.(*section), y.v.(*section))
			continue
		}
		if !reflect.DeepEqual(plain(x), plain(y)) {
			changes = append(changes, Change{y.at, k.joinedClass()})
		}
	}
	return changes
}

// joinedClass is the class of the option and of everything below it.
func (b *branch) joinedClass() Class {
	class := b.Class
	for _, k := range b.kids {
		class |= k.joinedClass()
	}
	return class
}
