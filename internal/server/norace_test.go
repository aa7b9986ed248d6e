//go:build !race

package server

// raceEnabled tells that allocation counts mean nothing.
const raceEnabled = false
