//go:build !race

package kru

// raceEnabled tells that allocation counts mean nothing.
const raceEnabled = false
