package gc

import "sync"

// Totals add up the results of all runs, for metrics. The zero value is ready; it is safe for
// concurrent use.
type Totals struct {
	mu          sync.Mutex
	last        Result
	collections uint64
	runs        uint64
	sum         Result
}

// Observe takes in one run; it is meant for Options.Observe.
func (t *Totals) Observe(r Result) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.runs++
	t.last.Usage = r.Usage
	if !r.Collected {
		return
	}
	t.last = r
	t.collections++
	s := &t.sum
	s.Chosen += r.Chosen
	s.Deleted += r.Deleted
	s.Gone += r.Gone
	s.Refreshed += r.Refreshed
	s.Failed += r.Failed
	s.DeletedBytes += r.DeletedBytes
	s.Transactions += r.Transactions
	s.Analysis += r.Analysis
	s.Deletion += r.Deletion
}

// Metrics returns the totals by their names; usage_ratio and limit_category are those of now and of
// the last collection.
func (t *Totals) Metrics() map[string]any {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := &t.sum
	return map[string]any{
		"usage_ratio": t.last.Usage / 100, "limit_category": t.last.Plan.Limit,
		"runs": t.runs, "collections": t.collections,
		"records_chosen": s.Chosen, "records_deleted": s.Deleted, "records_gone": s.Gone, "records_refreshed": s.Refreshed,
		"records_failed": s.Failed, "deleted_bytes": s.DeletedBytes, "transactions": s.Transactions,
		"analysis_seconds": s.Analysis.Seconds(), "deletion_seconds": s.Deletion.Seconds(),
	}
}
