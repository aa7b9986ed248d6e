package limits

import "time"

// Bounds of the log of queries and answers in dnstap format (internal/qlog).
const (
	// TapBacklog is the number of messages that wait for the receiver; more are dropped and counted.
	TapBacklog = 8192

	// TapBytes is how much the queries and answers that wait may take, in bytes. With the garbage of a process that is some 10 MiB
	// when the receiver stops reading, however long the answers are.
	TapBytes = 4 << 20

	// TapRetry is the time between attempts to reach a receiver that is not there.
	TapRetry = time.Second

	// TapTime bounds the handshake with a receiver and each transmission.
	TapTime = 5 * time.Second

	// TapFlush is how long messages wait for company.
	TapFlush = 200 * time.Millisecond
)
