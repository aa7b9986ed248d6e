package server

import (
	"iter"
	"sync/atomic"
)

// Counters counts what the listeners of a [Server] did since it was made.
type Counters struct {
	UDPQueries    atomic.Uint64 // datagrams received
	UDPAnswers    atomic.Uint64 // datagrams sent
	UDPBatches    atomic.Uint64 // receive calls that returned datagrams
	UDPBadPort    atomic.Uint64 // dropped: source port below limits.MinClientPort
	UDPTooLong    atomic.Uint64 // dropped: longer than limits.QueryBytes
	UDPSendErrors atomic.Uint64 // answers the kernel refused

	UDPReplayed    atomic.Uint64 // queries taken up that a process that died had received
	UDPReplayDrops atomic.Uint64 // those that are not: too old, in work twice when processes died, or damaged
	UDPStandIns    atomic.Uint64 // loops started because a request held the reader of a socket

	TCPAccepted   atomic.Uint64 // connections taken
	TCPRefused    atomic.Uint64 // connections closed at once: too many, in total or of this client
	TCPEvicted    atomic.Uint64 // idle connections closed to make room
	TCPTimeouts   atomic.Uint64 // connections closed because nothing, or too little, arrived
	TCPBadFrames  atomic.Uint64 // connections closed for a bad length field
	TCPWriteFails atomic.Uint64 // connections closed because an answer could not be written
	TCPQueries    atomic.Uint64 // messages received
	TCPAnswers    atomic.Uint64 // messages sent
	TCPOpen       atomic.Int64  // connections open now
	AcceptErrors  atomic.Uint64 // failed accepts

	Resolving atomic.Int64 // requests in Handler.Resolve now
	Hung      atomic.Int64 // of them, those that do not end

	ShedCrowded   atomic.Uint64 // requests turned away: their client has too many in work
	ShedDisplaced atomic.Uint64 // too many wait, and others go first
	ShedLate      atomic.Uint64 // they waited too long
	ShedEvicted   atomic.Uint64 // they were worked on for long while others waited
}

func (c *Counters) refused(why refusal) {
	switch why {
	case crowded:
		c.ShedCrowded.Add(1)
	case displaced:
		c.ShedDisplaced.Add(1)
	case late:
		c.ShedLate.Add(1)
	case evicted:
		c.ShedEvicted.Add(1)
	}
}

// All yields every counter with its metric name, in a fixed order.
func (c *Counters) All() iter.Seq2[string, int64] {
	return func(yield func(string, int64) bool) {
		for _, e := range []struct {
			name  string
			value int64
		}{
			{"udp_queries", int64(c.UDPQueries.Load())},
			{"udp_answers", int64(c.UDPAnswers.Load())},
			{"hung", c.Hung.Load()},
			{"udp_stand_ins", int64(c.UDPStandIns.Load())},
			{"udp_batches", int64(c.UDPBatches.Load())},
			{"udp_bad_port", int64(c.UDPBadPort.Load())},
			{"udp_too_long", int64(c.UDPTooLong.Load())},
			{"udp_send_errors", int64(c.UDPSendErrors.Load())},
			{"udp_replayed", int64(c.UDPReplayed.Load())},
			{"udp_replay_drops", int64(c.UDPReplayDrops.Load())},
			{"tcp_accepted", int64(c.TCPAccepted.Load())},
			{"tcp_refused", int64(c.TCPRefused.Load())},
			{"tcp_evicted", int64(c.TCPEvicted.Load())},
			{"tcp_timeouts", int64(c.TCPTimeouts.Load())},
			{"tcp_bad_frames", int64(c.TCPBadFrames.Load())},
			{"tcp_write_fails", int64(c.TCPWriteFails.Load())},
			{"tcp_queries", int64(c.TCPQueries.Load())},
			{"tcp_answers", int64(c.TCPAnswers.Load())},
			{"tcp_open", c.TCPOpen.Load()},
			{"accept_errors", int64(c.AcceptErrors.Load())},
			{"resolving", c.Resolving.Load()},
			{"shed_crowded", int64(c.ShedCrowded.Load())},
			{"shed_displaced", int64(c.ShedDisplaced.Load())},
			{"shed_late", int64(c.ShedLate.Load())},
			{"shed_evicted", int64(c.ShedEvicted.Load())},
		} {
			if !yield(e.name, e.value) {
				return
			}
		}
	}
}
