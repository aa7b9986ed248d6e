package limits

import (
	"errors"
	"strings"
	"sync"
	"testing"
)

func TestBudget(t *testing.T) {
	for k := range kinds {
		b := new(Budget)
		limit := int(kindLimits[k])
		if limit <= 0 || k.String() == "" {
			t.Fatalf("kind %d: limit %d, name %q", k, limit, k)
		}
		if b.Share() != 0 {
			t.Errorf("%v: %d %% of a new budget is spent", k, b.Share())
		}
		if err := b.Charge(k, limit-1); err != nil || !b.Left(k) || b.Share() != 100*(limit-1)/limit {
			t.Errorf("%v: %v", k, err)
		}
		if err := b.Charge(k, 1); err != nil || b.Left(k) {
			t.Errorf("%v: %v at the limit", k, err)
		}
		var spent *Exceeded
		if err := b.Charge(k, 1); !errors.As(err, &spent) || spent.Kind != k || spent.Limit != limit || !strings.Contains(err.Error(), k.String()) {
			t.Errorf("%v: %v beyond the limit", k, err)
		}
		if b.Charge(k, 1) == nil {
			t.Errorf("%v: a broken budget recovers", k)
		}
		for other := range kinds {
			if (b.Spent(other) > 0) != (other == k) {
				t.Errorf("%v was charged to %v", k, other)
			}
		}
		if spending := b.Spending(); len(spending) != 1 || spending[k.String()] != limit+2 {
			t.Errorf("%v: spending %v", k, spending)
		}
	}
}

// TestBudgetOfMany has sub-queries that charge one budget at the same time.
func TestBudgetOfMany(t *testing.T) {
	b := new(Budget)
	var group sync.WaitGroup
	var paid [8]int
	for i := range paid {
		group.Go(func() {
			for range UpstreamQueries {
				if b.Charge(KindUpstreamQueries, 1) == nil {
					paid[i]++
				}
			}
		})
	}
	group.Wait()
	total := 0
	for _, n := range paid {
		total += n
	}
	if total != UpstreamQueries {
		t.Errorf("%d charges were paid", total)
	}
}

// TestPublishedBounds are promises to users (security specification, table B).
func TestPublishedBounds(t *testing.T) {
	for name, c := range map[string]struct{ got, most int }{
		"B1 upstream queries":      {UpstreamQueries, 100},
		"B4 nesting":               {Nesting, 7},
		"B5 aliases":               {AliasSteps, 11},
		"B7 minimisation":          {MinimisedSteps, 10},
		"B8 same question":         {SameQuestion, 3},
		"B9 octets":                {BytesIn, 256 << 10},
		"B10 connects":             {Connects, 8},
		"B11 signatures":           {SignatureChecks, 32},
		"B12 bad signatures":       {SignatureFailures, 8},
		"B13 keys of a tag":        {KeysPerTag, 2},
		"B14 DS":                   {DSRecords, 8},
		"B14 digests":              {Digests, 16},
		"B15 iterations":           {NSEC3Iterations, 50},
		"B16 hashing":              {NSEC3Blocks, 600},
		"B17 records":              {RRsetRecords, 256},
		"B18 signatures of a set":  {SignaturesPerRRset, 8},
		"B21 pointers":             {CompressionPointers, 126},
		"B22 options":              {EDNSOptions, 100},
		"B23 payload":              {UDPPayload, 1232},
		"B24 negative TTL":         {NegativeTTL, 3600},
		"B26 clients on one query": {WaitersPerResolution, Resolving}, // not 1,000: FT-48 wants one query for 10,000 clients
	} {
		if c.got > c.most || c.got <= 0 {
			t.Errorf("%s: %d, at most %d is promised", name, c.got, c.most)
		}
	}
	if Resolutions < 2048 {
		t.Error("B27: fewer than 2048 resolutions at once")
	}
}
