//go:build !race

package storetest

// raceEnabled tells that allocation counts mean nothing.
const raceEnabled = false
