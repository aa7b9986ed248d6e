// Package predict finds the questions that will be asked soon, by when they were asked before, and plans what must be done to have
// the answers ready. It asks nobody.
package predict

import (
	"sync"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/limits"
)

// Question is a name and type that clients ask for.
type Question struct {
	Name dns.Name // lower case
	Type dns.Type
}

// Table remembers in which windows of time questions were asked. It is safe for concurrent use.
//
// A question must be asked limits.PredictAsked times in a window to count there: names made up by somebody are asked once. What is
// not asked for a whole period is forgotten.
type Table struct {
	mu      sync.Mutex
	period  int // windows remembered
	window  int // number of the present one
	now     map[Question]int
	history map[Question]*record
}

// record is the history of a question: one bit for each window, in a ring.
type record []uint64

func (r record) has(window, period int) bool {
	i := window % period
	return r[i/64]&(1<<(i%64)) != 0
}

func (r record) set(window, period int, asked bool) {
	i := window % period
	r[i/64] &^= 1 << (i % 64)
	if asked {
		r[i/64] |= 1 << (i % 64)
	}
}

// count returns in how many windows the question was asked.
func (r record) count(period int) (n int) {
	for i := range period {
		if r.has(i, period) {
			n++
		}
	}
	return n
}

// New makes a Table that remembers so many windows.
func New(period int) *Table {
	return &Table{period: min(period, limits.PredictPeriod), now: make(map[Question]int), history: make(map[Question]*record)}
}

// Note says that a question is being asked.
func (t *Table) Note(q Question) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n := t.now[q]; n > 0 || len(t.now) < limits.PredictQuestions {
		t.now[q] = n + 1
	}
}

// Turn ends a window and returns what is expected in the next.
func (t *Table) Turn() (expected []Question) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for q, n := range t.now {
		if n >= limits.PredictAsked && t.history[q] == nil && len(t.history) < limits.PredictQuestions {
			fresh := make(record, (t.period+63)/64)
			t.history[q] = &fresh
		}
	}
	for q, r := range t.history {
		r.set(t.window, t.period, t.now[q] >= limits.PredictAsked)
		if r.count(t.period) == 0 {
			delete(t.history, q)
		} else if t.expects(*r) {
			expected = append(expected, q)
		}
	}
	clear(t.now)
	t.window++
	return expected
}

// expects says whether a question will be asked in the window after the present one: it was at that place of the last
// period, or it is asked nearly always.
func (t *Table) expects(r record) bool {
	const nearly = 4 // of a row of five
	if t.window+1 >= t.period && r.has(t.window+1, t.period) {
		return true
	}
	row := 0
	for i := range min(5, t.period, t.window+1) {
		if r.has(t.window-i, t.period) {
			row++
		}
	}
	return row >= min(nearly, t.period)
}

// Stats returns how many questions are remembered, and how many windows have ended.
func (t *Table) Stats() (learned, windows int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.history), t.window
}
