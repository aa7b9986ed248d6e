package limits

import "time"

// Bounds of logs (internal/logging).
const (
	// LogBacklog is the number of lines that wait for a slow target; more are dropped and counted.
	LogBacklog = 4096

	// LogLine is the most bytes of one line: a datagram to syslog or the journal must hold it, and text
	// from outside must not fill the disk. The rest is cut off.
	LogLine = 8 << 10

	// LogPatience is how long the end of a process waits for its last lines to be written, and for how
	// long one line is tried to be sent to syslog.
	LogPatience = 500 * time.Millisecond
)
