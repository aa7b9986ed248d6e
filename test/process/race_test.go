//go:build race

package process

// buildFlags make the programs look for data races when the tests do.
var buildFlags = []string{"-race"}
