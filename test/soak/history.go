package main

import (
	"fmt"
	"slices"
	"strings"
)

// history is the samples of all processes, in order.
type history struct {
	roles   []string
	samples map[string][]process
}

func (h *history) add(p process) {
	if h.samples == nil {
		h.samples = map[string][]process{}
	}
	key := fmt.Sprintf("%s %d", p.role, p.pid)
	if !slices.Contains(h.roles, key) {
		h.roles = append(h.roles, key)
	}
	h.samples[key] = append(h.samples[key], p)
}

// report compares the first and the last third of the samples of each process.
func (h *history) report() string {
	var b strings.Builder
	for _, key := range h.roles {
		list := h.samples[key]
		third := len(list) / 3
		if third == 0 {
			fmt.Fprintf(&b, "%s: %d samples are too few\n", key, len(list))
			continue
		}
		first, last := list[:third], list[len(list)-third:]
		fmt.Fprintf(&b, "%s: Rss %s, Pss %s\n", key, growth(first, last, func(p process) int { return p.rss }), growth(first, last, func(p process) int { return p.pss }))
	}
	return b.String()
}

// growth says by how much the mean has changed.
func growth(first, last []process, of func(process) int) string {
	before, after := mean(first, of), mean(last, of)
	return fmt.Sprintf("%.1f MiB, then %.1f MiB: %+.1f %%", before/1024, after/1024, 100*(after-before)/max(before, 1))
}

func mean(list []process, of func(process) int) float64 {
	sum := 0
	for _, p := range list {
		sum += of(p)
	}
	return float64(sum) / float64(len(list))
}
