package limits

import "time"

// Bounds of loading whole zones into the cache (internal/prefill).
const (
	// PrefillBytes is the largest zone file: the root zone takes 2.2 MB.
	PrefillBytes = 32 << 20
	// PrefillRecords is the most records of a zone; the root has 25 000.
	PrefillRecords = 200_000
	// PrefillBatch is how many entries are queued for the cache at once; what clients need is queued beside them.
	PrefillBatch = StoreQueueOps / 8
	// PrefillDownload is how long getting a zone may take, PrefillRedirects how often the server may point elsewhere (MG-13).
	PrefillDownload, PrefillRedirects = time.Minute, 3
	// PrefillRetry is the pause after a failure (resolver.md 7.6), PrefillJitter what it and the interval vary by, so that not all
	// resolvers ask at the same moment.
	PrefillRetry, PrefillJitter = 10 * time.Minute, 10 * time.Second
	// PrefillLook is how often a file is looked at that others write, and how soon another worker takes over from one that died.
	PrefillLook = time.Minute
)
