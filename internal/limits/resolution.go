package limits

import "time"

// Bounds of one resolution: a client query with all its sub-queries.
const (
	// UpstreamQueries sent for one client query, on every path together (B1).
	UpstreamQueries = 100
	// AliasStepQueries of those may go into one link of a chain of aliases (B2): the rest must not be spent on the first.
	AliasStepQueries = 50
	// ResolutionTime ends a resolution with SERVFAIL (B3).
	ResolutionTime = 10 * time.Second
	// Nesting of name-server address look-ups (B4).
	Nesting = 7
	// AliasSteps is the most CNAME and DNAME steps followed (B5).
	AliasSteps = 11
	// NSKept is the most NS records kept of a delegation, NSUsed of them are tried (B6a).
	NSKept, NSUsed = 20, 13
	// AddressesPerNS is the most glue or looked-up addresses used of one server name (B6b).
	AddressesPerNS = 6
	// NSLookupsPerCut and NSLookups bound look-ups of server addresses per delegation and in total (B6c).
	NSLookupsPerCut, NSLookups = 10, 32
	// NSLookupFailures ends the search for server addresses (B6d): against NXNS.
	NSLookupFailures = 5
	// MinimisedSteps of QNAME minimisation per query; the first MinimisedSingly add one label each (B7, RFC 9156 section 2.3).
	MinimisedSteps, MinimisedSingly = 10, 4
	// FlatAfter is how many minimised questions in a row show that a zone has no cuts below it: from then on its servers, who would see the
	// whole name anyway, are asked for it at once. FlatZones is how many zones are remembered for that, about 100 octets each.
	FlatAfter, FlatZones = 4, 16384
	// SameQuestion to one address over one transport (B8).
	SameQuestion = 3
	// BytesIn accepted from upstream (B9).
	BytesIn = 256 << 10
	// Connects to upstream servers (B10).
	Connects = 8
	// SignatureChecks and SignatureFailures of public-key operations (B11, B12).
	SignatureChecks, SignatureFailures = 32, 8
	// CryptoUnits is the weight of those operations; 1 unit is one P-256 check, about 0.1 ms.
	CryptoUnits = 400
	// KeysPerTag is the most keys tried that share algorithm and tag (B13).
	KeysPerTag = 2
	// DSRecords looked at per zone and Digests computed per query (B14).
	DSRecords, Digests = 8, 16
	// NSEC3Iterations above which a proof counts as insecure (B15, RFC 9276 section 3.2).
	NSEC3Iterations = 50
	// NSEC3Blocks is SHA-1 blocks of NSEC3 hashing per query, NSEC3Records proof RRsets per response (B16).
	NSEC3Blocks, NSEC3Records = 600, 8
	// RSAModulusBits: longer keys are not run at all, they only cost time (DW-10).
	RSAModulusBits = 4096
	// ServersPerCut is the most addresses tried for one question at one cut.
	ServersPerCut = 26
	// Referrals followed for one name: no real chain of delegations is longer.
	Referrals = 32
	// WaitersPerResolution is the most clients attached to one resolution in flight: all that can be in work. B26
	// asks for 1 000, but then most clients of a hot name that runs out would be told a failure (FT-48).
	WaitersPerResolution = Resolving
	// Resolutions in flight per worker (B27).
	Resolutions = 4096
)

// LastPatience is how long the only server left is waited for at least when it is asked for the last time: a client's stub
// asks again after a few seconds.
const LastPatience = time.Second

// Patience is how long the only server left is waited for at least, by how often it has been asked over UDP: nobody else can
// help, and one that usually answers within milliseconds may have a bad moment. The first time its own measure counts, since
// most datagrams that do not come are lost.
func Patience(asked int) time.Duration {
	switch asked {
	case 0, 1:
		return 0
	case SameQuestion:
		return LastPatience
	}
	return InitialRTO
}

// TTL caps (B24).
const (
	// NegativeTTL caps how long a denial is kept, in seconds (RFC 2308 section 5 suggests 1 to 3 hours).
	NegativeTTL = 3600
	// BogusTTL is how long a failed validation is remembered, in seconds.
	BogusTTL = 5
	// BogusKeysTTL is how long keys that do not validate are remembered, in seconds: what fails then is a whole zone, each name of which
	// would ask for them again (RFC 4035 section 4.7; RFC 9520 section 3.2 has longer times for such failures, up to 300 s).
	BogusKeysTTL = 30
	// FailureTTL is how long a failed resolution is remembered, in seconds (RFC 9520 section 3.2; AM-19).
	FailureTTL = 5
	// DelegationTTL is the least time a delegation lives, in seconds, whatever the zone's own NS set says: its parent is not to be
	// asked more often than that.
	DelegationTTL = 60
	// RootHintsTTL is how long the built-in hints are used without asking again, in seconds.
	RootHintsTTL = 3600
)

// BogusServers is how many servers may give answers to one question that do not validate, before it is given up:
// one broken secondary must not break a zone, but each try costs signature checks.
const BogusServers = 3

// KeyringZones is how many zones' keys a worker keeps parsed: about 1 KiB each.
const KeyringZones = 16384

// Bounds of answers from cached denial records (RFC 8198).
const (
	// AggressiveBlocks is SHA-1 blocks hashed for one answer (DW-06).
	AggressiveBlocks = 150
	// AggressiveSalt is the longest salt, in octets, of NSEC3 records kept for it (B16).
	AggressiveSalt = 64
)

// Bounds of stale answers, refreshing and priming.
const (
	// StaleWindow is how long after its end an entry may still be served, and StaleTTL with which TTL (B28).
	StaleWindow, StaleTTL = 24 * time.Hour, 30
	// StaleAfter is how long servers may take before a stale answer is given (RFC 8767 section 5).
	StaleAfter = 1800 * time.Millisecond
	// FallbackAfter is how long servers may take before the resolvers of last resort are asked as well
	// (resolver.md 5.1).
	FallbackAfter = 3 * time.Second
	// FallbackFailures is how many questions are remembered that they failed to answer, about 100 bytes each.
	FallbackFailures = 4096
	// Refreshing is how many entries are refreshed at once in the background (AM-15).
	Refreshing = 64
	// PrimingRetry is the pause after priming failed (RFC 8109 section 3).
	PrimingRetry = 10 * time.Second
)

// ClockCheck is how often the wall clock is compared with the monotonic one; a step back of more than ClockJump empties the cache.
// Together they are how long an entry can outlive its TTL (FT-24).
const ClockCheck, ClockJump = time.Second, 4 * time.Second
