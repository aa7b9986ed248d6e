package journal

import (
	"sync/atomic"
	"time"

	"knot-resolver/internal/limits"
	"knot-resolver/internal/server/batch"
)

// layout is the whole memory. One process at a time writes to it: the one with the lock on the file.
//
// The invariant is: a datagram that the process has taken from the kernel and not answered is in the batch, as
// [batch.Area] says, or in one of the first used slots, with a state of held. It is held before it is forgotten in the
// batch, and released when its answer has been sent, so for an instant it may be in both or be answered already, but
// never be in neither. Instructions of a process that is killed take effect in their order up to one of them, so
// no more is needed than that the compiler keeps the order of the stores: those to state are atomic.
//
// Who comes after a process that died trusts nothing but its own types: lengths are compared with the arrays, and where
// an answer goes is what the kernel accepts as an address.
type layout struct {
	magic, size uint64
	used        atomic.Uint32 // slots that have ever been taken, at most
	batch       batch.Area
	slots       [limits.JournalSlots]Slot
}

// magic is the make and version of the layout. It changes with what fields mean; the size tells the rest.
const magic = 0x0001_6c6e_6a52_4b00

// States of a slot; anything else is free.
const (
	free = 0
	held = 0x48454c44
)

// Slot keeps one query while it is worked on.
type Slot struct {
	state   atomic.Uint32
	replays uint32 // times it was taken up again
	taken   int64  // when it was received, in nanoseconds since 1970
	length  uint32
	from    batch.Origin
	raw     [limits.UsualQueryBytes]byte
}

// fate is what becomes of a slot that a dead process leaves.
type fate int

const (
	vacant fate = iota // it held nothing
	due                // to be taken up again
	past               // too old, replayed already, or damaged
)

func (s *Slot) fate(now time.Time) fate {
	switch {
	case s.state.Load() != held:
		return vacant
	case s.length == 0 || s.length > uint32(len(s.raw)), s.replays >= limits.JournalReplays, !recent(time.Unix(0, s.taken), now):
		return past
	}
	return due
}

// recent says whether a client still waits for what was received at a time: later it has asked again, and answers that were
// collected are not sent at once (CM-08). A clock that was put back counts as damage.
func recent(taken, now time.Time) bool {
	age := now.Sub(taken)
	return -limits.JournalAge < age && age < limits.JournalAge
}
