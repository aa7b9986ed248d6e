//go:build !race

package worker

// raceEnabled tells that allocation counts mean nothing.
const raceEnabled = false
