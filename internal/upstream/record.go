package upstream

import (
	"time"

	"knot-resolver/internal/limits"
)

// Record is what is remembered of one server. The zero value knows nothing. It is a plain
// value, so that a Store may keep it anywhere.
type Record struct {
	// SRTT and RTTVar are the smoothed round-trip time and its variation (RFC 6298); SRTT 0
	// means that the server was never heard.
	SRTT, RTTVar time.Duration
	// UDPHeard says that the last answers came over UDP.
	UDPHeard bool
	// Rescued is when TCP first brought an answer that UDP did not.
	Rescued time.Time
	// Timeouts in a row since the server was last heard.
	Timeouts int
	// DeadUntil is when a server that stopped answering is tried again.
	DeadUntil time.Time
	// EDNSBroken, CaseBroken and TCPNeeded are until when the server is asked without EDNS,
	// without 0x20, and over TCP.
	EDNSBroken, CaseBroken, TCPNeeded time.Time
}

// RTO is how long to wait for the server: (SRTT + max(4·RTTVar, 20 ms)) doubled for each
// timeout in a row, at most 10 s; 400 ms doubled for a server never heard.
func (r *Record) RTO() time.Duration {
	base := limits.InitialRTO
	if r.SRTT > 0 {
		base = r.SRTT + max(4*r.RTTVar, limits.MinRTTSlack)
	}
	return min(base<<min(r.Timeouts, limits.MaxBackoff), limits.MaxRTO)
}

// Known says whether the server was ever asked.
func (r *Record) Known() bool { return r.SRTT > 0 || r.Timeouts > 0 }

// heard takes in a round-trip time measured (RFC 6298 section 2).
func (r *Record) heard(rtt time.Duration) {
	rtt = max(rtt, time.Microsecond) // 0 would mean never heard
	if r.SRTT == 0 {
		r.SRTT, r.RTTVar = rtt, rtt/2
	} else {
		r.RTTVar += ((r.SRTT - rtt).Abs() - r.RTTVar) / 4
		r.SRTT += (rtt - r.SRTT) / 8
	}
	r.Timeouts, r.DeadUntil = 0, time.Time{}
}

// silent takes in that the server did not answer within the RTO it had when it was asked. Of many who ask at
// the same time only one makes the others wait longer: a moment's silence is one timeout, not one for each of them.
func (r *Record) silent(waited time.Duration, now time.Time, dead time.Duration) {
	if waited < r.RTO() {
		return
	}
	r.Timeouts++
	if r.Timeouts >= limits.DeadTimeouts && waited >= limits.DeadRTO {
		r.DeadUntil = now.Add(dead)
	}
}

// rescued takes in that TCP brought an answer after silence over UDP. Once may be loss, and so may many times
// in one moment; again later, with nothing over UDP meanwhile, or if UDP never worked, means that TCP is needed (FT-34).
func (r *Record) rescued(now time.Time) {
	switch {
	case r.UDPHeard:
		r.UDPHeard, r.Rescued = false, now
	case now.Sub(r.Rescued) >= limits.RescueApart:
		r.TCPNeeded = now.Add(limits.ServerQuirk)
	}
}
