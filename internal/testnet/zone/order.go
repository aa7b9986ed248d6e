package zone

import (
	"slices"

	"github.com/miekg/dns"
)

// sortKey is the name as raw lower-case labels, root first: comparing two keys
// label by label is the canonical order of RFC 4034 section 6.1.
func sortKey(name string) []string {
	var wire [256]byte
	n, err := dns.PackDomainName(dns.CanonicalName(name), wire[:], 0, nil, false)
	if err != nil {
		return nil
	}
	var labels []string
	for i := 0; i < n && wire[i] != 0; i += int(wire[i]) + 1 {
		labels = append(labels, string(wire[i+1:i+1+int(wire[i])]))
	}
	slices.Reverse(labels)
	return labels
}

// sortNames sorts names canonically.
func sortNames(names []string) {
	keys := make(map[string][]string, len(names))
	for _, n := range names {
		keys[n] = sortKey(n)
	}
	slices.SortFunc(names, func(a, b string) int { return slices.Compare(keys[a], keys[b]) })
}

// parent is the name without its first label; the root is its own parent.
func parent(name string) string {
	i, end := dns.NextLabel(name, 0)
	if end {
		return "."
	}
	return name[i:]
}

// nextCloser is the ancestor-or-self of name that is one label longer than
// encloser (RFC 5155 section 1.3).
func nextCloser(name, encloser string) string {
	for parent(name) != encloser && name != "." {
		name = parent(name)
	}
	return name
}

// wildcard is the name "*.parent".
func wildcard(parent string) string {
	if parent == "." {
		return "*."
	}
	return "*." + parent
}
