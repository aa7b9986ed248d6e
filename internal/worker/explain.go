package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/explain"
	"knot-resolver/internal/iterate"
	"knot-resolver/internal/limits"
	"knot-resolver/internal/server"
)

// Explain resolves a name live and returns what was done for it.
func (w *Worker) Explain(ctx context.Context, name, rrtype string) (*explain.Trace, error) {
	owner, err := dns.ParseName(name)
	if err != nil {
		return nil, fmt.Errorf("name %q: %w", name, err)
	}
	t, ok := dns.ParseType(rrtype)
	if !ok {
		return nil, fmt.Errorf("%q is no record type", rrtype)
	}
	if t.IsMeta() {
		return nil, fmt.Errorf("type %v cannot be resolved", t)
	}
	budget, node, start := new(limits.Budget), explain.New(), time.Now()
	who := new(asker)
	who.set(w, new(server.Request)) // a client without a view
	q := iterate.Question{Name: owner.Lower(), Type: t, Fresh: true, Policy: who}
	out := w.final(q, w.resolve(ctx, q, budget, node, who.translates()))
	trace := &explain.Trace{Name: owner.String(), Type: t.String(), Root: node.Root(), RCode: out.RCode.String(), Secure: out.Secure,
		Reason: out.Reason, Spent: budget.Spending(), Micros: time.Since(start).Microseconds()}
	switch {
	case out.Silent:
		trace.RCode, trace.Reason = "no answer", "a rule leaves the query without an answer"
	case out.Truncated:
		trace.RCode, trace.Reason = "truncated", "a rule sends clients to TCP"
	}
	if out.EDE != dns.NoEDE {
		trace.EDE = fmt.Sprintf("%d (%v)", uint16(out.EDE), out.EDE)
	}
	for i := range out.Answer {
		trace.Answer = append(trace.Answer, explain.Records(&out.Answer[i])...)
	}
	return trace, nil
}

// Clear describes records to be removed from the cache.
type Clear struct {
	Name  string // with everything below; empty means all
	Exact bool   // the name alone
	Type  string // one type of an exact name
	Limit int    // of records in one round, 0 = none
}

// Forget drops what this process keeps besides the shared cache.
func (w *Worker) Forget() {
	w.engine.Forget()
	w.packets.Clear()
}

// ClearCache removes records and returns how many.
func (w *Worker) ClearCache(c Clear) (int, error) {
	defer w.Forget()
	if c.Name == "" || c.Name == "." && !c.Exact {
		entries := int(w.cache.Store().Stats().Entries)
		return entries, w.cache.Store().Clear()
	}
	name, err := dns.ParseName(c.Name)
	if err != nil {
		return 0, fmt.Errorf("name %q: %w", c.Name, err)
	}
	var t dns.Type
	if c.Type != "" {
		var ok bool
		if t, ok = dns.ParseType(c.Type); !ok || !c.Exact {
			return 0, errors.New("rr-type must be a record type and needs exact-name")
		}
	}
	return w.cache.Clear(name.Lower(), c.Exact, t, c.Limit)
}
