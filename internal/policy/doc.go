// Package policy answers names from a compiled rule set: local data and the special-use names.
//
// It is the read side. Rules are written by package policy/compile and stored by package
// policy/ruledb; what lies between the two is the layout in this package. A [Rules] value never
// changes: a new rule set is a new value.
//
// The order of look-up is that of resolver.md 6.1: the exact name and type, then a CNAME at the
// name, then the closest enclosing subtree. Deeper rules win over shallower ones, whatever their kind.
package policy
