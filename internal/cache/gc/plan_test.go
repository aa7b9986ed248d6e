package gc

import (
	"math"
	"testing"
)

func TestPlan(t *testing.T) {
	type bytes map[uint8]uint64
	for _, c := range []struct {
		name    string
		bytes   bytes
		release float64
		want    Plan
	}{
		{"empty", nil, 10, Plan{0, 1}},
		{"nothing to release", bytes{99: 100}, 0, Plan{99, 0}},
		{"part of the last category", bytes{99: 500, 0: 500}, 10, Plan{99, 0.2}},
		{"last category and part of the next", bytes{99: 50, 50: 100, 0: 850}, 10, Plan{50, 0.5}},
		{"categories that fit exactly", bytes{99: 50, 50: 50, 3: 900}, 10, Plan{3, 0}},
		{"all the same", bytes{7: 1000}, 10, Plan{7, 0.1}},
		{"everything", bytes{99: 50, 0: 50}, 100, Plan{0, 1}},
		{"more than everything", bytes{99: 50, 0: 50}, 200, Plan{0, 1}},
		{"beyond the categories", bytes{200: 100, 0: 100}, 25, Plan{99, 0.5}},
	} {
		var h Histogram
		for category, size := range c.bytes {
			h.Add(category, size)
		}
		if got := h.Plan(c.release); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

func TestPlanDeletes(t *testing.T) {
	p := Plan{Limit: 50, Share: 0.25}
	for _, c := range []struct {
		category uint8
		hash     uint64
		want     bool
	}{
		{49, 0, false},
		{50, 0, true},
		{50, math.MaxUint64 / 5, true},
		{50, math.MaxUint64 / 3, false},
		{50, math.MaxUint64, false},
		{51, math.MaxUint64, true},
		{255, math.MaxUint64, true},
	} {
		if got := p.Deletes(c.category, c.hash); got != c.want {
			t.Errorf("%d, %#x: %v", c.category, c.hash, got)
		}
	}
	if (Plan{Limit: 50, Share: 0}).Deletes(50, 0) {
		t.Error("a share of nothing deletes")
	}
	if !(Plan{Limit: 0, Share: 1}).Deletes(0, math.MaxUint64-1<<12) {
		t.Error("a share of all does not delete")
	}
}
