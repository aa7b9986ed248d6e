package limits

import "time"

// Bounds of the listeners (package server).
const (
	// UDPBatch is how many datagrams one recvmmsg or sendmmsg moves. At 64 the cost of the
	// system call is spread thin enough not to show in a profile; more only adds latency.
	UDPBatch = 64

	// UDPTrainDatagram is the longest datagram that shares a train with others: one that fits
	// the smallest MTU of IPv6, as the kernel fragments no trains.
	UDPTrainDatagram = 1232
	// UDPTrainBytes bounds a train: with its headers it is a packet of at most 65,535 octets.
	UDPTrainBytes = 65000
	// UDPTrainRefusals is after how many trains in a row that had to be taken apart a socket
	// sends datagrams singly: the kernel or the network card cannot cut them here.
	UDPTrainRefusals = 16

	// QueryBytes is the longest query accepted on any transport. A question needs 271 bytes
	// with its header; the rest is room for EDNS options. Longer datagrams are dropped and
	// streams announcing a longer message closed, so a client can never make us buffer 64 KiB.
	QueryBytes = 4096

	// UsualQueryBytes is the room the copy of a query starts with: the longest name and some options.
	UsualQueryBytes = 512

	// UDPAnswerBytes is the room an answer buffer starts with: the largest datagram sent by
	// default (1232) and most configured ones fit without growing it.
	UDPAnswerBytes = 4096

	// MinClientPort is the lowest source port answered. Ports below are services, not resolvers'
	// clients: answering them feeds reflection loops (TR-22). Port 0 cannot be answered at all.
	MinClientPort = 1024

	// UDPReceiveBuffer is the receive buffer asked of the kernel per UDP socket, in bytes. It has
	// to hold what arrives while a worker is being replaced: 0.2 s at 100 000 queries/s of 768
	// bytes kernel memory each, as the kernel grants twice of it; 4 MiB lost some of them. What
	// it holds waits for 40 ms under an overload of 500 000 cached answers/s (FT-46: at most 50).
	// Without CAP_NET_ADMIN the kernel caps it at net.core.rmem_max.
	UDPReceiveBuffer = 8 << 20

	// IdleGoroutines is how many goroutines that resolved something wait for more. Their stacks are about 16 KiB, 1 MiB together.
	IdleGoroutines = 64

	// JournalSlots is how many misses of one socket outlive their worker: all that may be in work or wait. 0.6 KiB each, of
	// which only those take memory that have been used.
	JournalSlots = Resolving + Waiting
	// JournalAge is how old a query of a dead worker may be to be taken up again: later its client has asked again, and
	// answers that were collected and leave at once are a pulse (CM-08).
	JournalAge = 2 * time.Second
	// JournalReplays is how often: what killed two workers in a row is what killed them.
	JournalReplays = 1

	// ReaderWatch is how often it is looked whether the reader of a UDP socket is held by a request. Two looks are far more
	// than a batch takes.
	ReaderWatch = 100 * time.Millisecond
	// ReaderYield is the pause of a reader that is back and has stand-ins: of two who want to read a socket, who has just done
	// so would go first for ever.
	ReaderYield = time.Millisecond
	// StandIns is how many loops at most take the place of a reader that is held. The cache is set aside before the second
	// is needed (StoreStall); a request that holds all of them is a fault that the health check tells. 0.5 MiB each.
	StandIns = 4

	// ListenBacklog is the length of the queue of connections not yet accepted: what comes in a quarter of a second to a
	// worker that is busy. A client that does not fit tries again after a second; with the original's 128 (resolver.md 1)
	// that happened after 8 ms at 16,000 connections per second. The kernel's somaxconn bounds it further.
	ListenBacklog = 4096
	// TCPFastOpen is how many fast-open requests may be pending per socket (resolver.md 1).
	TCPFastOpen = 16
	// TCPDeferAccept is how long the kernel waits for a query before it shows us the connection.
	TCPDeferAccept = 2 * time.Second
	// TCPUserTimeout is how long sent data may stay unacknowledged before the kernel ends the
	// connection: the bound on clients that vanish or close their window (TR-02).
	TCPUserTimeout = 1 * time.Second

	// Streams is how many client connections one worker holds, where there are descriptors for them (see Divide). Idle ones cost 5 KiB
	// each, of which 2 are the stack of a goroutine: 50 MiB together, and some milliseconds in each garbage collection, which has
	// to look at all stacks. Forwarders and applications that keep a connection open are thousands behind a large resolver.
	Streams = 10000
	// StreamsPerClient is the part of Streams one address (IPv6: one /64) may hold, so four
	// clients at least are needed to fill it (TR-01: at most 25 %).
	StreamsPerClient = Streams / 4
	// StreamEvictions is how many connections are looked at for the one that has been idle longest, when a new one needs its
	// place. It is one of the longest hundredth then, whatever others do, and costs less than the new one itself.
	StreamEvictions = 128
	// StreamSeats is how many connections keep a goroutine and a buffer, 12 KiB, while they wait for their next query, and
	// StreamSeated how long: clients that ask one query after the other are answered as fast as can be. Without either they
	// wait in 4 KiB, and starting to work again costs some microseconds.
	StreamSeats, StreamSeated = 256, 250 * time.Millisecond
	// StreamClientBitsV6 is the prefix length that counts as one client in IPv6.
	StreamClientBitsV6 = 64

	// StreamPipeline is the default of tcp-pipeline: queries of one connection in work at once.
	StreamPipeline = 100
	// StreamIdle is how long a connection lives without an outstanding query, how long it may
	// take to send its first query, and how long any single query may take to arrive (TR-01).
	StreamIdle = 10 * time.Second
	// StreamWrite is how long one write of at most StreamBuffered bytes may take (TR-02: a client
	// that does not read is closed within 5 s).
	StreamWrite = 4 * time.Second
	// StreamBuffered is how many answer bytes wait for a slow reader before work on its further
	// queries stops (TR-02 allows 128 KiB; one answer of 64 KiB may go on top).
	StreamBuffered = 60 << 10
	// StreamLinger bounds how long a half-closed connection waits for its outstanding answers:
	// more than any resolution takes.
	StreamLinger = 15 * time.Second

	// WorkerDrain is how long queries in work may take when their worker stops; later their clients have asked again.
	WorkerDrain = 2 * time.Second
	// StreamDrain is how long a worker that stops waits for queries that are on their way over
	// connections already accepted. New connections wait meanwhile, so it has to be short.
	StreamDrain = 20 * time.Millisecond
	// StreamDrainMax ends that for a client that never pauses.
	StreamDrainMax = 10 * StreamDrain
	// StreamCloseWait is how long a connection closed by us, at shutdown, still swallows what the
	// client sends: closing with unread data makes the kernel reset it, and answers get lost.
	StreamCloseWait = 200 * time.Millisecond

	// AcceptPause is the rest taken when accept fails, for want of descriptors most of all (TR-04).
	AcceptPause = 50 * time.Millisecond
)
