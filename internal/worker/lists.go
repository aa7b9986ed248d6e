package worker

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"knot-resolver/internal/iterate"
	"knot-resolver/internal/policy"
	"knot-resolver/internal/server"
)

// listCounters count the hits of response policy zones by their names, over changes of the rules.
type listCounters struct{ all sync.Map } // of *listCounter

type listCounter struct{ hits, dry atomic.Uint64 }

func (c *listCounters) of(list string) *listCounter {
	n, ok := c.all.Load(list)
	if !ok {
		n, _ = c.all.LoadOrStore(list, new(listCounter))
	}
	return n.(*listCounter)
}

// told counts and logs the rules of lists that were applied, and returns how many.
func (w *Worker) told(j iterate.Judge, req *server.Request) int {
	who, ok := j.(*judge)
	if !ok || len(who.hits) == 0 {
		return 0
	}
	lists := who.rules.Lists()
	for i := range who.hits {
		h := &who.hits[i]
		l := &lists[h.rule.List-1]
		if c := w.lists.of(l.Name); h.shadow {
			c.dry.Add(1)
		} else {
			c.hits.Add(1)
		}
		if l.LogIP || l.LogQ {
			w.logHit(l, h, req)
		}
	}
	return len(who.hits)
}

// levelNotice is between info and warning, as in the log of all processes.
const levelNotice = slog.Level(2)

func (w *Worker) logHit(l *policy.List, h *hit, req *server.Request) {
	attrs := []slog.Attr{slog.String("list", l.Name), slog.String("rule", h.rule.Trigger()), slog.String("action", h.rule.Kind.String())}
	if l.LogIP {
		attrs = append(attrs, slog.String("user", req.Client.Addr().String()))
	}
	if l.LogQ {
		attrs = append(attrs, slog.String("name", h.name.String()))
	}
	if h.shadow {
		attrs = append(attrs, slog.Bool("dry-run", true))
	}
	w.ruleLog.LogAttrs(context.Background(), levelNotice, "response policy", attrs...)
}

// listMetrics are the counters of lists and what rules they have. Dots separate the parts of a counter's name, so those
// of a list's name are written as slashes.
func (w *Worker) listMetrics() map[string]any {
	all := map[string]any{}
	for _, l := range w.rules.Load().Lists() {
		c := w.lists.of(l.Name)
		all[strings.ReplaceAll(l.Name, ".", "/")] = map[string]any{"hits": c.hits.Load(), "dry_run_hits": c.dry.Load(), "rules": l.Rules, "bad": l.Bad}
	}
	return all
}

// applied says whether a rule of a list decided.
func applied(j iterate.Judge) bool {
	who, ok := j.(*judge)
	return ok && slices.ContainsFunc(who.hits, func(h hit) bool { return !h.shadow })
}

// hitsOf returns the rules of lists that were applied, or would have been.
func hitsOf(j iterate.Judge) []hit {
	if who, ok := j.(*judge); ok {
		return who.hits
	}
	return nil
}

// withHits adds those of a look-up before, which was for the same question of a client.
func withHits(j iterate.Judge, before []hit) iterate.Judge {
	if who, ok := j.(*judge); ok && len(before) > 0 {
		who.hits = append(before, who.hits...)
	}
	return j
}
