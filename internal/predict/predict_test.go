package predict

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/limits"
)

func question(name string) Question { return Question{dns.MustName(name), dns.TypeA} }

// play notes each question in the windows whose place in its text is not a dot, and returns in the same form in which windows
// it was expected.
func play(period int, asked map[string]string) map[string]string {
	t := New(period)
	expected := map[string]string{}
	length := 0
	for name, windows := range asked {
		expected[name] = "."
		length = len(windows)
	}
	for i := range length {
		for name, windows := range asked {
			if windows[i] != '.' {
				for range limits.PredictAsked {
					t.Note(question(name))
				}
			}
		}
		next := t.Turn()
		for name := range asked {
			mark := "."
			if slices.Contains(next, question(name)) {
				mark = "x"
			}
			expected[name] += mark
		}
	}
	return expected
}

func TestExpected(t *testing.T) {
	asked := map[string]string{
		"daily":    "x.......x.......x.......",
		"always":   "xxxxxxxxxxxxxxxxxxxxxxxx",
		"once":     "..x.....................",
		"stopped":  "xxxxxx..................",
		"gaps":     "xxxx.xxxx.xxxx.xxxx.xxxx",
		"sporadic": "x...x.....x..x....x.....",
	}
	want := map[string]string{
		"daily":    "........x.......x.......x",
		"always":   "....xxxxxxxxxxxxxxxxxxxxx",
		"once":     "..........x..............",
		"stopped":  "....xxxxxxxxxx...........",
		"gaps":     "....xxxxxxxxxxxxxxxxxxxxx",
		"sporadic": "........x...x.....x..x...",
	}
	got := play(8, asked)
	for name := range asked {
		if got[name] != want[name] {
			t.Errorf("%-10s asked    %s\n\texpected %s\n\twant     %s", name, asked[name], got[name], want[name])
		}
	}
}

// TestMadeUpNames: names asked once are not remembered, and many of them neither push out others nor take memory.
func TestMadeUpNames(t *testing.T) {
	table := New(4)
	for window := range 6 {
		for range limits.PredictAsked {
			table.Note(question("regular"))
		}
		for i := range limits.PredictQuestions + 10 {
			table.Note(question(fmt.Sprintf("x%d.made.up", i)))
		}
		next := table.Turn()
		if learned, windows := table.Stats(); learned != 1 || windows != window+1 {
			t.Errorf("window %d: %d learned, %d windows", window, learned, windows)
		}
		if window > 3 && (len(next) != 1 || next[0] != question("regular")) {
			t.Errorf("window %d: expected %v", window, next)
		}
	}
}

func TestForgets(t *testing.T) {
	table := New(3)
	for range limits.PredictAsked {
		table.Note(question("a"))
	}
	for range 3 {
		table.Turn()
	}
	if learned, _ := table.Stats(); learned != 1 {
		t.Errorf("%d learned within the period", learned)
	}
	table.Turn()
	if learned, _ := table.Stats(); learned != 0 {
		t.Errorf("%d learned after the period", learned)
	}
}

func TestPlan(t *testing.T) {
	var p Plan
	start := time.Unix(1000, 0)
	for i, name := range []string{"c", "a", "d", "b"} {
		p.Add(question(name), start.Add(time.Duration([]int{3, 1, 3, 2}[i])*time.Second))
	}
	var taken []string
	for now := start; p.Len() > 0; now = now.Add(time.Second) {
		for q, ok := p.Take(now); ok; q, ok = p.Take(now) {
			taken = append(taken, fmt.Sprintf("%d%s", now.Unix()-start.Unix(), q.Name))
		}
		if next, ok := p.Next(); ok && !next.After(now) {
			t.Errorf("at %v: next is %v", now, next)
		}
	}
	if got := strings.Join(taken, " "); got != "1a. 2b. 3c. 3d." {
		t.Error(got)
	}
	p.Add(question("e"), start)
	p.Clear()
	if _, ok := p.Next(); ok {
		t.Error("not cleared")
	}
}
