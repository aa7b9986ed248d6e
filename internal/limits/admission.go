package limits

import "time"

// Bounds of work in a worker and of its clients' shares in it (packages admit and server).
const (
	// ResolvingHung is how old a request in work is that will not end: three times what a resolution may take.
	ResolvingHung = 3 * ResolutionTime
	// HungShare is the part of Resolving, one in so many, that may be held by such requests before the worker is replaced.
	HungShare = 4

	// Resolving is how many requests of one worker may be in Resolve at the same time (B27 asks
	// for at least 2048). Each costs a goroutine and an answer buffer, about 16 KiB.
	Resolving = 4096
	// ResolvingLeast is how far that goes down when processors cannot keep up: enough to keep two
	// cores busy with resolutions that mostly wait for servers.
	ResolvingLeast = 64
	// StartDelay is how late the starts of ResolvingWindow may be in the mean before fewer requests are
	// worked on: whoever is ready to run waits as long, those who answer from the cache too.
	StartDelay, ResolvingWindow = 2 * time.Millisecond, 50 * time.Millisecond

	// Waiting is how many datagrams, and how many messages on streams, wait to be worked on: 1.3 KiB each, 10 MiB together (the
	// original defers 64 MiB). With Resolving it is 10 000 clients who ask for one name at once (FT-48).
	Waiting = 4096
	// WaitingTime is how long messages may: later the client has asked again (resolver.md 10). Datagrams have less: their
	// clients are told to come over TCP then, where nobody is in their way who is not there.
	WaitingTime, DatagramWaitingTime = time.Second, 300 * time.Millisecond
	// WaitingCheck is how often it is looked who has waited too long, or is worked on too long.
	WaitingCheck = 20 * time.Millisecond
	// ResolvingAge is how long a request is worked on before another that waits may take its place (CM-09);
	// those whose servers answer are done by then.
	ResolvingAge = 200 * time.Millisecond

	// Pending is how many requests of one client (IPv6: of one /64) are worked on or wait, by UDP and on streams each (B25). A forwarder or a
	// load balancer has that many; who has more is given a price factor of 0 by a view.
	Pending = 1000
	// DatagramAge is how old an answer by UDP may be when its client had more than half of Pending: the pulse of CM-08.
	DatagramAge = 1900 * time.Millisecond

	// PrioritySources is how many networks are told apart by what is spent on them: 4 MiB (resolver.md 10).
	PrioritySources = 1 << 19

	// What things cost a processor, about: a query from the caches with its system calls, a miss without its queries, a
	// query to a server and its answer, a connection, a P-256 check, and a block of SHA-1. A core does 15 000 misses of
	// one query in a second (test/lab/overload). Only their proportions matter.
	CostOfHit           = 5 * time.Microsecond
	CostOfMiss          = 30 * time.Microsecond
	CostOfUpstreamQuery = 40 * time.Microsecond
	CostOfConnect       = 100 * time.Microsecond
	CostOfCryptoUnit    = 100 * time.Microsecond
	CostOfNSEC3Block    = 400 * time.Nanosecond
)
