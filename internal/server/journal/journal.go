package journal

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"knot-resolver/internal/limits"
	"knot-resolver/internal/server/batch"
)

// Journal is the journal of one socket. Its methods may be called from many goroutines at once.
type Journal struct {
	area   *batch.Area
	memory *layout // nil: there is no file, and nothing is held

	mu   sync.Mutex
	free []*Slot // of those that have been taken before
}

// None returns a journal that forgets everything with the process.
func None() *Journal { return &Journal{area: new(batch.Area)} }

// Entry is a datagram that a dead process left.
type Entry struct {
	Raw  []byte // a copy
	From batch.Origin
	slot *Slot // where it is kept meanwhile; nil: nowhere
}

// Open takes over the journal in a file made by [Create] and returns what a process that died has left in it, and how
// much of that is not to be taken up again. Nobody may have closed a descriptor of the file or close one later. The error
// is [ErrInUse] when a process that is alive has it, and a file of another version is emptied.
func Open(fd int, now time.Time) (j *Journal, left []Entry, dropped int, err error) {
	var l *layout
	if err = claim(fd); err == nil {
		l, err = mapFile(fd)
	}
	if err != nil {
		return nil, nil, 0, fmt.Errorf("journal: %w", err)
	}
	j = &Journal{area: &l.batch, memory: l}
	left, dropped = j.recover(now)
	return j, left, dropped, nil
}

// recover brings everything that is left and worth it into slots, and frees the rest.
func (j *Journal) recover(now time.Time) (left []Entry, dropped int) {
	used := min(int(j.memory.used.Load()), len(j.memory.slots))
	j.memory.used.Store(uint32(used))
	for i := range used {
		s := &j.memory.slots[i]
		switch s.fate(now) {
		case due:
			left = append(left, Entry{slices.Clone(s.raw[:s.length]), s.from, s})
			continue
		case past:
			dropped++
		}
		s.state.Store(free)
		j.free = append(j.free, s)
	}
	slices.Reverse(j.free) // the first is used again first
	taken := j.area.Taken()
	if taken.IsZero() { // it died in the system call that received them
		taken = now
	}
	for i := range limits.UDPBatch {
		raw, from, ok := j.area.Left(i)
		switch {
		case !ok:
		case recent(taken, now):
			left = append(left, Entry{slices.Clone(raw), from, j.hold(raw, &from, taken.UnixNano())})
		default:
			dropped++
		}
	}
	j.area.Reset()
	return left, dropped
}

// Begin says that the entry is taken up now. It returns where it is kept until it is released; nil: nowhere.
func (e *Entry) Begin() *Slot {
	if e.slot != nil {
		e.slot.replays++
	}
	return e.slot
}

// Area returns where batches are received.
func (j *Journal) Area() *batch.Area { return j.area }

// Hold keeps a datagram of the present batch until [Journal.Release]. It returns nil when there is no room, or the datagram is longer
// than usual: it is lost with the process then.
func (j *Journal) Hold(raw []byte, from *batch.Origin) *Slot {
	if j.memory == nil {
		return nil
	}
	return j.hold(raw, from, j.area.Taken().UnixNano())
}

func (j *Journal) hold(raw []byte, from *batch.Origin, taken int64) *Slot {
	if len(raw) > limits.UsualQueryBytes {
		return nil
	}
	s := j.take()
	if s == nil {
		return nil
	}
	s.replays, s.taken, s.length, s.from = 0, taken, uint32(copy(s.raw[:], raw)), *from
	s.state.Store(held)
	return s
}

// take returns a slot that is free: the one used last, whose memory is there already.
func (j *Journal) take() *Slot {
	j.mu.Lock()
	defer j.mu.Unlock()
	if n := len(j.free); n > 0 {
		s := j.free[n-1]
		j.free = j.free[:n-1]
		return s
	}
	used := j.memory.used.Load()
	if int(used) == len(j.memory.slots) {
		return nil
	}
	j.memory.used.Store(used + 1)
	return &j.memory.slots[used]
}

// Release forgets a query whose answer has been sent, or that gets none. The slot may be nil.
func (j *Journal) Release(s *Slot) {
	if s == nil {
		return
	}
	s.state.Store(free)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.free = append(j.free, s)
}

// Clear leaves nothing to the next process. Nothing may be held afterwards; what is held may still be released.
func (j *Journal) Clear() {
	if j.memory == nil {
		return
	}
	for i := range j.memory.used.Load() {
		j.memory.slots[i].state.Store(free)
	}
}
