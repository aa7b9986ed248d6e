package iterate

import (
	"strings"
	"testing"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/limits"
)

func TestMinimised(t *testing.T) {
	for _, c := range []struct {
		name        string
		known, step int
		want        string
		last        bool
	}{
		{"a.b.c", 0, 0, "c.", false},
		{"a.b.c", 1, 1, "b.c.", false},
		{"a.b.c", 2, 2, "a.b.c.", true},
		{"a.b.c", 3, 0, "a.b.c.", true},
		{".", 0, 0, ".", true},
		{"com", 0, 0, "com.", true},
		{"a.b.c", 0, limits.MinimisedSteps, "a.b.c.", true},
		{"1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16", 4, 4, "11.12.13.14.15.16.", false}, // 12 labels in 6 steps
	} {
		if got, last := minimised(dns.MustName(c.name), c.known, c.step); got.String() != c.want || last != c.last {
			t.Errorf("%s after %d labels and %d steps: %v, last %v", c.name, c.known, c.step, got, last)
		}
	}
}

// TestMinimisedSteps walks names of every length: the first steps add one label, all of them fit the bound.
func TestMinimisedSteps(t *testing.T) {
	for labels := 1; labels <= 127; labels++ {
		name := dns.MustName(strings.Repeat("x.", labels))
		known, step := 0, 0
		for ; ; step++ {
			next, last := minimised(name, known, step)
			if next.Labels() <= known && labels > known || !name.Under(next) {
				t.Fatalf("%d labels, step %d: from %d to %d", labels, step, known, next.Labels())
			}
			if step < limits.MinimisedSingly && next.Labels() != known+1 {
				t.Fatalf("%d labels, step %d adds %d", labels, step, next.Labels()-known)
			}
			known = next.Labels()
			if last {
				break
			}
		}
		if known != labels || step > limits.MinimisedSteps {
			t.Errorf("%d labels: %d after %d steps", labels, known, step)
		}
	}
}
