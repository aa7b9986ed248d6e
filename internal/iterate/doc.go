// Package iterate resolves names: from the closest known zone cut it walks referrals to
// the servers of the name, follows aliases, and validates what it hears.
//
// One resolution is straight-line code with blocking calls on one goroutine. A [job] is
// such a resolution or a sub-resolution of it (server addresses, keys); all jobs of one
// client query share a context, a deadline and one [limits.Budget]. What is learnt goes to
// the cache entry by entry, so that a resolution that failed half-way was not in vain.
//
// Decisions are pure functions: [classify] what a response is, [minimised] which name to
// ask next, [chain] where an alias leads. The loops around them (walk.go, ask.go) do the I/O.
package iterate
