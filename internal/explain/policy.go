package explain

import (
	"fmt"
	"io"
	"strings"
)

// Policy is what the configured rules do to a query that nobody has asked.
type Policy struct {
	Name     string `json:"name"`
	Type     string `json:"type"`
	Client   string `json:"client,omitempty"`
	Protocol string `json:"protocol"`

	View      int      `json:"view"` // place in the configuration from 1; 0 is none
	Tags      []string `json:"tags,omitempty"`
	Treatment string   `json:"treatment,omitempty"`  // of all queries of the view: refused, noanswer
	Options   []string `json:"exceptions,omitempty"` // of the view, such as "minimize: false"

	Steps []PolicyStep `json:"steps"` // one for each name along aliases made by rules
}

// PolicyStep is what the rules say about one name.
type PolicyStep struct {
	Name    string   `json:"name"`
	Verdict string   `json:"verdict"` // resolve, answer, nodata, nxdomain, passthru, drop, tcp-only, yxdomain, refused
	Source  string   `json:"source,omitempty"`
	List    string   `json:"list,omitempty"` // response policy zone, as in statistics
	Rule    string   `json:"rule,omitempty"` // as its list or the configuration has it
	EDE     string   `json:"ede,omitempty"`
	Records []string `json:"records,omitempty"`
	// Unless names the lists that may decide otherwise, when they see what is found.
	Unless []string `json:"unless,omitempty"`
	// DryRun is what lists in dry run would have done.
	DryRun []string `json:"dry-run,omitempty"`
}

// RenderPolicy writes the verdict for people.
func RenderPolicy(w io.Writer, p *Policy) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s", p.Name, p.Type)
	if p.Client != "" {
		fmt.Fprintf(&b, " from %s", p.Client)
	}
	fmt.Fprintf(&b, " over %s\nview: ", p.Protocol)
	if p.View == 0 {
		b.WriteString("none")
	} else {
		fmt.Fprintf(&b, "/views/%d", p.View-1)
	}
	for _, part := range append([]string{p.Treatment}, p.Options...) {
		if part != "" {
			fmt.Fprintf(&b, ", %s", part)
		}
	}
	if len(p.Tags) > 0 {
		fmt.Fprintf(&b, "\ntags: %s", strings.Join(p.Tags, ", "))
	}
	b.WriteByte('\n')
	for _, s := range p.Steps {
		s.render(&b)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (s *PolicyStep) render(b *strings.Builder) {
	fmt.Fprintf(b, "%s: %s", s.Name, s.Verdict)
	if s.EDE != "" {
		fmt.Fprintf(b, ", EDE %s", s.EDE)
	}
	b.WriteByte('\n')
	line := func(what, value string) {
		if value != "" {
			fmt.Fprintf(b, "  %s: %s\n", what, value)
		}
	}
	line("by", s.Source)
	line("list", s.List)
	line("rule", s.Rule)
	for _, r := range s.Records {
		line("record", r)
	}
	line("unless what is found matches a rule of", strings.Join(s.Unless, ", "))
	for _, d := range s.DryRun {
		line("in dry run", d)
	}
}
