// Package policy says what the configured rules do to a query: to which view its client belongs, what
// local data and response policy zones (RPZ) say about the name, about addresses and about servers.
//
// It is the read side. Rules are written by package policy/compile and stored by package
// policy/ruledb; what lies between the two is the layout in this package. A [Rules] value never
// changes: a new rule set is a new value.
//
// Local data is looked up as resolver.md 6.1 has it: the exact name and type, then a CNAME at the
// name, then the closest enclosing subtree. Response policy zones are lists in an order: of all that
// have a rule for a query the first decides, and in it the closest rule (draft-ietf-dnsop-dns-rpz
// section 5). Between local data and a list the closer rule counts, at the same name local data.
package policy
