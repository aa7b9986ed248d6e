package limits

import "time"

// Bounds of automatic trust anchor updates (RFC 5011).
const (
	// TrustHoldDown is how long a new key must be seen before it is trusted, and how long a revoked one is
	// remembered (RFC 5011 sections 2.4.1 and 2.4.2).
	TrustHoldDown = 30 * 24 * time.Hour
	// TrustMissing is how long a key that is no longer published stays trusted (resolver.md 8.1).
	TrustMissing = 4 * TrustHoldDown
	// TrustRefreshMin, TrustRefreshMax and TrustRetryMax bound the time between looks at the keys of a zone, after a
	// success and after a failure (RFC 5011 section 2.3).
	TrustRefreshMin, TrustRefreshMax, TrustRetryMax = time.Hour, 15 * 24 * time.Hour, 24 * time.Hour
	// TrustReread is how often a worker that does not update an anchor file itself looks whether another one did.
	TrustReread = time.Minute
	// TrustFile is the most octets of an anchor file: sixteen keys of 16384 bits.
	TrustFile = 64 << 10
	// TrustKeys is the most keys of one zone in an anchor file. Even a zone that rolls its keys carelessly has a handful.
	TrustKeys = 32
)

// Bounds of the queries that tell a zone which of its keys are trusted (RFC 8145).
const (
	// SignalTags is the most key tags in one query: a label has no room for more.
	SignalTags = 12
	// SignalQueries is what one such query may cost upstream.
	SignalQueries = 6
)
