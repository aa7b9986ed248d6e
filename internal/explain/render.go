package explain

import (
	"fmt"
	"io"
	"sort"
	"strings"
	"time"
)

// Render writes the trace as a tree for people.
func Render(w io.Writer, t *Trace) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s: %s\n", t.Name, t.Type, verdict(t))
	if t.Reason != "" {
		fmt.Fprintf(&b, "because: %s\n", t.Reason)
	}
	for _, line := range t.Answer {
		fmt.Fprintf(&b, "  %s\n", line)
	}
	b.WriteByte('\n')
	if t.Root != nil {
		renderSteps(&b, t.Root.Steps, "")
	}
	fmt.Fprintf(&b, "\ntook %v", (time.Duration(t.Micros) * time.Microsecond).Round(10*time.Microsecond))
	if len(t.Spent) > 0 {
		fmt.Fprintf(&b, "; spent %s", spending(t.Spent))
	}
	b.WriteByte('\n')
	_, err := io.WriteString(w, b.String())
	return err
}

func verdict(t *Trace) string {
	text := t.RCode
	switch {
	case t.Secure:
		text += ", secure (validated)"
	case t.RCode != "SERVFAIL":
		text += ", not secured by DNSSEC"
	}
	if t.EDE != "" {
		text += ", EDE " + t.EDE
	}
	return text
}

func spending(spent map[string]int) string {
	parts := make([]string, 0, len(spent))
	for kind, n := range spent {
		parts = append(parts, fmt.Sprintf("%d %s", n, kind))
	}
	sort.Strings(parts)
	return strings.Join(parts, ", ")
}

func renderSteps(b *strings.Builder, steps []*Step, indent string) {
	for i, s := range steps {
		branch, below := "├─ ", "│  "
		if i == len(steps)-1 {
			branch, below = "└─ ", "   "
		}
		fmt.Fprintf(b, "%s%s%s\n", indent, branch, Line(s))
		renderSteps(b, s.Steps, indent+below)
	}
}

// Line says one step in a line.
func Line(s *Step) string {
	parts := []string{string(s.Kind)}
	add := func(format, value string) {
		if value != "" {
			parts = append(parts, fmt.Sprintf(format, value))
		}
	}
	add("%s", s.Name)
	add("%s", s.Type)
	add("zone %s", s.Zone)
	add("@%s", s.Server)
	add("%s", s.Transport)
	if s.RTTMicros > 0 {
		parts = append(parts, (time.Duration(s.RTTMicros) * time.Microsecond).String())
	}
	add("%s", s.RCode)
	add("[%s]", s.Class)
	add("%s", s.Verdict)
	add("EDE %s", s.EDE)
	add("— %s", s.Text)
	return strings.Join(parts, " ")
}
