package kru

import (
	"time"

	"golang.org/x/sys/unix"
)

// clock turns times into milliseconds of the machine's monotonic clock, which all processes share. They wrap
// around after 49 days, which only differences see.
type clock struct {
	start time.Time
	at    time.Duration // what the machine's clock showed then
}

func newClock() clock {
	var ts unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) != nil {
		ts = unix.Timespec{}
	}
	return clock{time.Now(), time.Duration(ts.Nano())}
}

func (c *clock) tick(now time.Time) uint32 {
	return uint32((c.at + now.Sub(c.start)) / time.Millisecond)
}
