package worker

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/explain"
	"knot-resolver/internal/iterate"
)

// stepGroups are the log groups of what is done for a question, under the names of the original.
var stepGroups = map[explain.Kind]string{
	explain.KindCache: "cache", explain.KindRule: "rules", explain.KindCut: "zoncut", explain.KindReferral: "zoncut",
	explain.KindVerify: "valdtr", explain.KindProof: "valdtr", explain.KindKeys: "valdtr", explain.KindAsk: "iterat",
	explain.KindMinimise: "iterat", explain.KindAlias: "iterat", explain.KindServer: "select",
}

const otherSteps = "resolv"

// queryLog logs at level debug what is done for every question that the cache does not answer.
type queryLog struct {
	groups map[string]*slog.Logger
	number atomic.Uint64 // of questions logged
}

// newQueryLog takes nil for a log that nobody reads.
func newQueryLog(log *slog.Logger) *queryLog {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	l := &queryLog{groups: map[string]*slog.Logger{otherSteps: log.With("group", otherSteps)}}
	for _, group := range stepGroups {
		l.groups[group] = log.With("group", group)
	}
	return l
}

// begin returns where to record what is done, nil when nobody would read it.
func (l *queryLog) begin(ctx context.Context) *explain.Node {
	for _, log := range l.groups {
		if log.Enabled(ctx, slog.LevelDebug) {
			return explain.New()
		}
	}
	return nil
}

// end logs what was recorded: a line for each step, indented, all with a number of the question.
func (l *queryLog) end(ctx context.Context, node *explain.Node, q iterate.Question, out *iterate.Outcome) {
	if node == nil {
		return
	}
	const numbers = 100_000 // five digits
	request := fmt.Sprintf("[%05d] ", l.number.Add(1)%numbers)
	result := out.RCode.String()
	if out.EDE != dns.NoEDE {
		result += fmt.Sprintf(" EDE %d", out.EDE)
	}
	l.groups[otherSteps].DebugContext(ctx, request+q.Name.String()+" "+q.Type.String()+": "+result, "secure", out.Secure, "reason", out.Reason)
	l.steps(ctx, node.Snapshot().Steps, request+"  ")
}

func (l *queryLog) steps(ctx context.Context, steps []*explain.Step, indent string) {
	for _, s := range steps {
		group, ok := stepGroups[s.Kind]
		if !ok {
			group = otherSteps
		}
		l.groups[group].DebugContext(ctx, indent+strings.TrimSpace(explain.Line(s)))
		l.steps(ctx, s.Steps, indent+"  ")
	}
}
