package policy_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/policy"
	"knot-resolver/internal/policy/compile"
)

// naiveRule is a rule as a linear search applies it.
type naiveRule struct {
	list     int // 0: local data
	name     string
	wildcard bool // everything below the name
	tags     policy.Tags
	dry      bool
	what     string // as describe prints it, without TTL and owner
}

// applies says whether the rule is about a name, for somebody with some tags, and how close it is.
func (r *naiveRule) applies(name string, tags policy.Tags) (depth int, ok bool) {
	if r.tags != 0 && r.tags&tags == 0 {
		return 0, false
	}
	if r.wildcard {
		return len(r.name), strings.HasSuffix(name, "."+r.name)
	}
	return len(r.name), name == r.name
}

// naive is what rules say by going through all of them: of each list the closest, of lists the first, of a list and local data the closer.
func naive(rules []naiveRule, name string, tags policy.Tags) (verdict string, list int) {
	var local, best *naiveRule
	localDepth := -1
	for i := range rules {
		if r := &rules[i]; r.list == 0 {
			if d, ok := r.applies(name, tags); ok && (d > localDepth || d == localDepth && local.tags == 0 && r.tags != 0) {
				local, localDepth = r, d
			}
		}
	}
	bestDepth := -1
	for i := range rules {
		r := &rules[i]
		d, ok := r.applies(name, tags)
		if r.list == 0 || r.dry || !ok || d <= localDepth {
			continue
		}
		if best == nil || r.list < best.list || r.list == best.list && d > bestDepth {
			best, bestDepth = r, d
		}
	}
	switch {
	case best != nil:
		return best.what, best.list
	case local != nil:
		return local.what, 0
	}
	return "-", 0
}

// TestFZ16: whatever rules there are, they say what a search through all of them says.
func TestFZ16(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	labels := []string{"a", "b", "c"}
	name := func() string {
		parts := []string{"zone"}
		for range r.IntN(4) {
			parts = append(parts, labels[r.IntN(len(labels))])
		}
		slices.Reverse(parts)
		return strings.Join(parts, ".")
	}
	actions := []struct{ target, kind string }{{".", "nxdomain"}, {"*.", "nodata"}, {"rpz-passthru.", "passthru"}, {"rpz-drop.", "drop"}, {"rpz-tcp-only.", "tcp-only"}, {"", "answer"}}
	tagSets := [][]string{nil, nil, {"x"}, {"y"}, {"x", "y"}}
	bits := func(tags []string) (set policy.Tags) {
		for _, tag := range tags {
			set |= map[string]policy.Tags{"x": 1, "y": 2}[tag]
		}
		return set
	}
	for range 300 {
		in := compile.Input{NoData: true, Views: []compile.View{{Tags: []string{"x", "y"}}}}
		var rules []naiveRule
		for i := range 4 {
			n, tags := name(), tagSets[r.IntN(3)] // one tag: between different ones the order of the configuration counts, which is tested elsewhere
			if slices.ContainsFunc(rules, func(o naiveRule) bool { return o.name == n && o.tags == bits(tags) }) {
				continue
			}
			in.Rules = append(in.Rules, compile.Rule{Names: []string{n}, Subtree: policy.SubtreeNXDomain, Tags: tags, Pointer: fmt.Sprint(i)})
			for _, wildcard := range []bool{false, true} {
				rules = append(rules, naiveRule{name: n, wildcard: wildcard, tags: bits(tags), what: "nxdomain"})
			}
		}
		for list := 1; list <= 3; list++ {
			var text strings.Builder
			z := compile.RPZ{File: fmt.Sprint(list), Tags: tagSets[r.IntN(len(tagSets))], DryRun: r.IntN(4) == 0}
			seen := map[string]bool{}
			for range r.IntN(8) {
				n, wildcard, action := name(), r.IntN(2) == 0, actions[r.IntN(len(actions))]
				owner := n
				if wildcard {
					owner = "*." + n
				}
				if seen[owner] {
					continue
				}
				seen[owner] = true
				if action.target == "" {
					fmt.Fprintf(&text, "%s A 192.0.2.1\n", owner)
				} else {
					fmt.Fprintf(&text, "%s CNAME %s\n", owner, action.target)
				}
				rules = append(rules, naiveRule{list, n, wildcard, bits(z.Tags), z.DryRun, action.kind})
			}
			z.Text = text.String() + "; end\n"
			in.RPZ = append(in.RPZ, z)
		}
		compiled := open(t, in)
		for range 60 {
			n, tags := name(), policy.Tags(r.IntN(4))
			v := compiled.Lookup(policy.Query{Name: dns.MustName(n), Type: dns.TypeA, Tags: tags}, true)
			got := "-"
			if v.Found {
				got = v.Kind.String()
			}
			if want, list := naive(rules, n, tags); got != want || v.Found && v.List != list {
				t.Fatalf("%s with tags %b: %s by list %d, want %s by %d\n%+v", n, tags, got, v.List, want, list, rules)
			}
		}
	}
}
