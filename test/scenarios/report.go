package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"knot-resolver/internal/testnet/rpl"
)

// readKnown reads the list of known failures: a name and a reason on each line.
func readKnown(file string) (map[string]string, error) {
	known := make(map[string]string)
	f, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return known, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for in := bufio.NewScanner(f); in.Scan(); {
		name, reason, _ := strings.Cut(strings.TrimSpace(in.Text()), " ")
		if name == "" || strings.HasPrefix(name, "#") {
			continue
		}
		if reason = strings.TrimSpace(reason); reason == "" {
			return nil, fmt.Errorf("%s: %s without reason", file, name)
		}
		known[name] = reason
	}
	return known, nil
}

// print writes the line of a scenario, and the reasons below it.
func (o options) print(w io.Writer, p *played, known map[string]string) {
	line := fmt.Sprintf("%-14v %s", p.Verdict, p.name)
	switch {
	case p.Verdict == rpl.NotApplicable:
		line += ": " + strings.Join(p.Reasons, "; ")
	case p.Verdict == rpl.Failed && p.Step > 0:
		line += fmt.Sprintf(" (step %d, %s:%d)", p.Step, p.file, p.Line)
	case p.Verdict == rpl.Passed && p.Level != rpl.Strict:
		line += " (" + p.Level.String() + ")"
	}
	if p.Variant != "" && (p.Verdict == rpl.Failed || o.verbose) {
		line += " " + p.Variant
	}
	if reason, ok := known[p.name]; ok && p.Verdict == rpl.Failed {
		line += " - known: " + reason
	}
	fmt.Fprintln(w, line)
	if p.Verdict == rpl.Failed || o.verbose && p.Verdict == rpl.Passed {
		for _, reason := range p.Reasons {
			fmt.Fprintln(w, "   ", reason)
		}
	}
	if o.explain && p.Verdict == rpl.Failed {
		fmt.Fprintln(w, p.Trace)
	}
}

// tally counts results.
type tally struct {
	strict, portable, failed, notApplicable int
	unexpected                              int // failures not known, and known ones that passed
	notes                                   []string
	slowest                                 string
	longest                                 time.Duration
}

func (t *tally) add(p *played, known map[string]string) {
	_, expected := known[p.name]
	switch {
	case p.Verdict == rpl.NotApplicable:
		t.notApplicable++
	case p.Verdict == rpl.Failed:
		t.failed++
	case p.Level == rpl.Strict:
		t.strict++
	default:
		t.portable++
	}
	if p.Verdict == rpl.Failed && !expected {
		t.unexpected++
	}
	if p.Verdict == rpl.Passed && expected {
		t.unexpected++
		t.notes = append(t.notes, p.name+" is a known failure but passed")
	}
	if p.took > t.longest {
		t.slowest, t.longest = p.name, p.took
	}
}

func (t *tally) print(w io.Writer, took time.Duration) {
	for _, note := range t.notes {
		fmt.Fprintln(w, note)
	}
	fmt.Fprintf(w, "%d passed (%d strictly), %d failed (%d unexpectedly), %d not applicable, in %v; slowest %s %v\n",
		t.strict+t.portable, t.strict, t.failed, t.unexpected, t.notApplicable, took.Round(time.Millisecond), t.slowest, t.longest.Round(time.Millisecond))
}
