//go:build race

package kru

const raceEnabled = true
