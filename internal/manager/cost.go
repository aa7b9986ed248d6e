package manager

import "knot-resolver/internal/config"

// compare lists the options that differ, as JSON pointers, and what changing
// all of them costs.
func compare(before, after *config.Valid) (pointers []string, cost config.Class) {
	changes := config.Diff(before, after)
	for _, c := range changes {
		pointers = append(pointers, c.Pointer)
	}
	return pointers, config.Cost(changes)
}
