package rpl

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
)

// Verdict is how a scenario ended.
type Verdict uint8

// The verdicts.
const (
	Passed Verdict = iota
	Failed
	NotApplicable
)

func (v Verdict) String() string { return [...]string{"pass", "FAIL", "not applicable"}[v] }

// Result is what came out of playing a scenario.
type Result struct {
	Verdict Verdict
	Level   Level    // of a scenario that passed
	Variant string   // which setting of an option left open it failed with
	Step    int      // that failed
	Line    int      // of that step in the file
	Reasons []string // why it failed or does not apply, or passed at a lesser level only
	Differ  []string // answers that the cache tells otherwise
	Trace   string   // the traffic and, of a failed answer, its resolution
}

// Options of Play.
type Options struct {
	Explain bool // record traces
}

// Play runs a scenario. It never fails t, which is needed for the bubble alone. A scenario with an option left open
// is played with both values, and the worse result counts.
func Play(t *testing.T, s *Scenario, o Options) Result {
	up, err := s.Setup()
	if err != nil {
		return Result{Verdict: Failed, Reasons: []string{"options: " + err.Error()}}
	}
	if reasons := up.NotApplicable(); len(reasons) > 0 {
		return Result{Verdict: NotApplicable, Reasons: reasons}
	}
	if up.Minimise != Both {
		return once(t, s, up, up.Minimise == On, o)
	}
	with := once(t, s, up, true, o)
	without := once(t, s, up, false, o)
	with.Differ = append(with.Differ, without.Differ...)
	without.Differ = with.Differ
	switch {
	case with.Verdict == Failed && without.Verdict == Failed:
		return with
	case with.Verdict == Failed || without.Verdict == Passed && with.Level > without.Level:
		with.Variant = "with name minimisation"
		return with
	case without.Verdict == Failed || without.Level > with.Level:
		without.Variant = "without name minimisation"
		return without
	}
	return with
}

// once plays a scenario in a bubble of its own.
func once(t *testing.T, s *Scenario, up *Setup, minimise bool, o Options) (result Result) {
	defer func() {
		if e := recover(); e != nil {
			result = Result{Verdict: Failed, Reasons: []string{fmt.Sprint("bubble: ", e)}}
		}
	}()
	synctest.Test(t, func(t *testing.T) {
		r := start(s, up, minimise, o)
		defer r.stop()
		r.play()
		result = r.result()
	})
	return result
}

// result of a run that has ended.
func (r *run) result() Result {
	r.mu.Lock()
	res := Result{Level: r.level, Reasons: r.reasons, Differ: r.differing}
	r.mu.Unlock()
	if r.options.Explain {
		res.Trace = strings.Join(r.transcript, "\n")
	}
	if r.failed != nil {
		res.Verdict, res.Step, res.Line, res.Reasons = Failed, r.failed.Number, r.failed.Line, r.failure
	}
	return res
}
