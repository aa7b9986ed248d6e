package limits

import "time"

// Bounds of the conversation with servers (package upstream).
const (
	// UDPPortMin and UDPPortMax bound the source ports of UDP queries: 64 512 of them, where the
	// kernel's own choice draws from 28 232 (SP-01).
	UDPPortMin, UDPPortMax = 1024, 65535
	// UDPPortTries is how many occupied source ports are met before the kernel chooses: with half
	// of all ports in use that happens once in 256 queries.
	UDPPortTries = 8

	// SpoofGuesses is how many packets with a wrong id or question are read before the question
	// goes to TCP. Each is one chance of 1 in 65 536 for a forger, each lost true answer costs a
	// timeout, so few are enough (SP-05).
	SpoofGuesses = 16
	// WeakGrace is the part of the timeout (1/WeakGrace) that is still waited for the true answer
	// after a sign that anybody could forge: an ICMP error, or an error reply without a question.
	WeakGrace = 4

	// StreamConnect is how long a TCP connection may take to open (resolver.md 4.7).
	StreamConnect = 2 * time.Second
	// StreamHandshake is how long TLS may take to begin on it (resolver.md 4.7).
	StreamHandshake = 6 * time.Second
	// StreamSessions is how many TLS sessions are kept to resume, of each way to know a server: more
	// than any such server has addresses.
	StreamSessions = 32
	// QueryPadding is the block, in octets, that queries over TLS are filled up to (RFC 8467 section 4.1).
	QueryPadding = 128
	// StreamAnswer is the least time waited for an answer over TCP: one lost segment costs a
	// retransmission timeout of up to a second.
	StreamAnswer = 2 * time.Second
	// StreamInactive closes an upstream connection on which nothing arrives (resolver.md 4.7).
	StreamInactive = 12 * time.Second
	// StreamStrays is how many messages nobody asked for are read from one connection before it
	// is closed: late answers are few, a flood is an attack.
	StreamStrays = 64
	// StreamsPerServer is the most connections to one server, and StreamConnectRate the most
	// opened to it per second (AM-12).
	StreamsPerServer, StreamConnectRate = 8, 10
	// UpstreamStreams is the most upstream connections of one worker: a descriptor, a goroutine and
	// a read buffer each.
	UpstreamStreams = 1024

	// ServerRecords is the most servers whose round-trip times are remembered (about 130 bytes each).
	ServerRecords = 16384
	// InitialRTO is the timeout of a server never heard of (resolver.md 4.5), MaxRTO that of any,
	// MinRTTSlack the least room above the smoothed round-trip time.
	InitialRTO, MaxRTO, MinRTTSlack = 400 * time.Millisecond, 10 * time.Second, 20 * time.Millisecond
	// MaxBackoff is the most doublings of a timeout.
	MaxBackoff = 8
	// DeadTimeouts in a row make a server dead, if its timeout had reached DeadRTO (resolver.md 4.5).
	DeadTimeouts, DeadRTO = 4, 800 * time.Millisecond
	// ServerDead is the default of ns-timeout: how long a dead server is left alone.
	ServerDead = time.Second
	// ExploreOneIn is how rarely another than the best server is asked, to learn about it.
	ExploreOneIn = 20
	// TCPAfterTimeouts of one server in one query the question goes over TCP, and so does one whose
	// timeout is above TCPAboveRTO (resolver.md 4.5, FT-34).
	TCPAfterTimeouts, TCPAboveRTO = 2, 2 * time.Second
	// RescueApart is how long UDP must have brought nothing since TCP first helped out, so that it counts as broken: longer than
	// a queue on the way takes to drain.
	RescueApart = time.Second
	// IPv6Timeouts is how many /48 networks must be silent, and no IPv6 server heard, for IPv6 to count as broken.
	IPv6Timeouts = 6
	// ServerQuirk is how long a fault of a server (no EDNS, no case, no UDP) is remembered (SP-11, FT-34).
	ServerQuirk = 10 * time.Minute
)

// ForwardTimeout is how long a resolver that works for us may take: it asks others in turn.
const ForwardTimeout = 2 * time.Second

// HedgeLeast and HedgeMost bound how long one of several configured servers may be silent before another is asked as
// well; between them it is the server's own timeout. The least is what most names take a resolver that has to ask others, the
// most keeps the cost of a dead server below a second.
const HedgeLeast, HedgeMost = 200 * time.Millisecond, 500 * time.Millisecond
