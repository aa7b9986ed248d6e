package predict

import (
	"cmp"
	"container/heap"
	"time"
)

// Plan is a list of questions, each with the time at which something must be done about it.
type Plan struct{ items planned }

type item struct {
	question Question
	due      time.Time
}

// Add plans a question.
func (p *Plan) Add(q Question, due time.Time) { heap.Push(&p.items, item{q, due}) }

// Next returns the time at which the first question is due; false when there is none.
func (p *Plan) Next() (time.Time, bool) {
	if len(p.items) == 0 {
		return time.Time{}, false
	}
	return p.items[0].due, true
}

// Take removes and returns the first question if it is due.
func (p *Plan) Take(now time.Time) (q Question, ok bool) {
	if len(p.items) == 0 || p.items[0].due.After(now) {
		return q, false
	}
	return heap.Pop(&p.items).(item).question, true
}

// Clear empties the plan.
func (p *Plan) Clear() { p.items = nil }

// Len is the number of questions planned.
func (p *Plan) Len() int { return len(p.items) }

// planned is a [heap.Interface] by time, then name.
type planned []item

func (p planned) Len() int      { return len(p) }
func (p planned) Swap(i, j int) { p[i], p[j] = p[j], p[i] }
func (p *planned) Push(x any)   { *p = append(*p, x.(item)) }

func (p planned) Less(i, j int) bool {
	return cmp.Or(p[i].due.Compare(p[j].due), cmp.Compare(p[i].question.Name, p[j].question.Name)) < 0
}

func (p *planned) Pop() any {
	last := len(*p) - 1
	x := (*p)[last]
	*p = (*p)[:last]
	return x
}
