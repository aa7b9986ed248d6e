package limits

import "time"

// Bounds of the statistics of use (internal/cache/usage).
const (
	// UsageHalfLife is the time in which a count loses half of its weight: what is asked for in
	// working hours is still known in the evening, and forgotten after some days.
	UsageHalfLife = 5 * time.Hour

	// UsageShare is how many bytes of cache there are to one counter: about the size of an entry, so
	// that each can have its own. UsageSlotsMin and UsageSlotsMax bound the number of counters, of 8
	// bytes each: the collector reads them all, and in a larger cache the popular entries win them.
	UsageShare    = 256
	UsageSlotsMin = 1 << 10
	UsageSlotsMax = 1 << 22

	// UsageRing is the number of uses that a process remembers until they are added to the counters,
	// each UsageDrain. More uses than that overwrite each other, which leaves a fair sample.
	UsageRing  = 8192
	UsageDrain = 250 * time.Millisecond

	// UsageSample is which part of the answers that a worker repeats from its own memory counts, one
	// in so many, with that weight: making the key of each would cost as much as repeating it.
	UsageSample = 64

	// UsageRetry is the time between attempts to open counters that could not be opened.
	UsageRetry = time.Minute
)
