package journal

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"knot-resolver/internal/limits"
	"knot-resolver/internal/server/batch"
)

var noon = time.Unix(1_700_000_000, 0)

// file returns a new journal file.
func file(t testing.TB) int {
	t.Helper()
	fd, err := Create()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

// succeed opens a journal as the next process would: locks do not keep a process from what it has itself.
func succeed(t testing.TB, fd int, now time.Time) (*Journal, []Entry, int) {
	t.Helper()
	j, left, dropped, err := Open(fd, now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.memory.unmap() })
	return j, left, dropped
}

func held1(t testing.TB, j *Journal, text string, at time.Time) *Slot {
	t.Helper()
	s := j.hold([]byte(text), new(batch.Origin), at.UnixNano())
	if s == nil {
		t.Fatalf("%s is not held", text)
	}
	return s
}

func texts(left []Entry) string {
	var all []string
	for _, e := range left {
		all = append(all, string(e.Raw))
	}
	return fmt.Sprint(all)
}

func TestSuccessorTakesUpWhatIsHeld(t *testing.T) {
	fd := file(t)
	j, left, dropped := succeed(t, fd, noon)
	if len(left) > 0 || dropped > 0 {
		t.Fatalf("an empty journal holds %v and %d", texts(left), dropped)
	}
	held1(t, j, "first", noon)
	j.Release(held1(t, j, "answered", noon))
	held1(t, j, "second", noon)
	held1(t, j, "old", noon.Add(-limits.JournalAge))
	_, left, dropped = succeed(t, fd, noon.Add(time.Second))
	if texts(left) != "[first second]" || dropped != 1 {
		t.Errorf("left %v, %d dropped", texts(left), dropped)
	}
}

// A query that was being taken up when another process died is dropped; those whose turn had not come are not.
func TestPoisonIsDropped(t *testing.T) {
	fd := file(t)
	j, _, _ := succeed(t, fd, noon)
	held1(t, j, "poison", noon)
	held1(t, j, "bystander", noon)
	_, left, _ := succeed(t, fd, noon)
	left[0].Begin()
	j, left, dropped := succeed(t, fd, noon)
	if texts(left) != "[bystander]" || dropped != 1 {
		t.Fatalf("left %v, %d dropped", texts(left), dropped)
	}
	j.Release(left[0].Begin())
	held1(t, j, "next in its slot", noon)
	_, left, dropped = succeed(t, fd, noon)
	if texts(left) != "[next in its slot]" || dropped != 0 {
		t.Errorf("then left %v, %d dropped", texts(left), dropped)
	}
}

func TestClearLeavesNothing(t *testing.T) {
	fd := file(t)
	j, _, _ := succeed(t, fd, noon)
	held1(t, j, "given up", noon)
	j.Clear()
	if _, left, dropped := succeed(t, fd, noon); len(left) > 0 || dropped > 0 {
		t.Errorf("left %v, %d dropped", texts(left), dropped)
	}
	None().Clear()
}

func TestBounds(t *testing.T) {
	j, _, _ := succeed(t, file(t), noon)
	if s := j.Hold(make([]byte, limits.UsualQueryBytes+1), new(batch.Origin)); s != nil {
		t.Error("a long query is held")
	}
	for i := range limits.JournalSlots {
		if j.Hold([]byte{1}, new(batch.Origin)) == nil {
			t.Fatalf("only %d are held", i)
		}
	}
	if s := j.Hold([]byte{1}, new(batch.Origin)); s != nil {
		t.Error("there is no end")
	}
	if s := None().Hold([]byte{1}, new(batch.Origin)); s != nil {
		t.Error("nothing holds something")
	}
}

// A process of another version leaves nothing that is understood, and what it left is gone.
func TestOtherVersionIsIgnored(t *testing.T) {
	for name, spoil := range map[string]func(fd int){
		"version": func(fd int) { unix.Pwrite(fd, []byte{0xff}, int64(unsafe.Offsetof(layout{}.magic))) },
		"layout":  func(fd int) { unix.Pwrite(fd, []byte{0xff}, int64(unsafe.Offsetof(layout{}.size))) },
		"longer":  func(fd int) { unix.Ftruncate(fd, int64(size)+1) },
		"empty":   func(fd int) { unix.Ftruncate(fd, 0) },
	} {
		fd := file(t)
		j, _, _ := succeed(t, fd, noon)
		held1(t, j, "query", noon)
		spoil(fd)
		for range 2 {
			if _, left, dropped := succeed(t, fd, noon); len(left) > 0 || dropped > 0 {
				t.Errorf("%s: left %v, %d dropped", name, texts(left), dropped)
			}
		}
	}
}

func TestDamagedSlotsAreDropped(t *testing.T) {
	for name, damage := range map[string]func(*Slot){
		"no length": func(s *Slot) { s.length = 0 },
		"length":    func(s *Slot) { s.length = math.MaxUint32 },
		"replays":   func(s *Slot) { s.replays = math.MaxUint32 },
		"time":      func(s *Slot) { s.taken = math.MaxInt64 },
	} {
		fd := file(t)
		j, _, _ := succeed(t, fd, noon)
		damage(held1(t, j, "query", noon))
		j.memory.used.Store(math.MaxUint32)
		j, left, dropped := succeed(t, fd, noon)
		if len(left) > 0 || dropped != 1 {
			t.Errorf("%s: left %v, %d dropped", name, texts(left), dropped)
		}
		held1(t, j, "another", noon)
	}
}

// Holding a query costs no memory.
func TestNoAllocation(t *testing.T) {
	j, _, _ := succeed(t, file(t), noon)
	raw, from := make([]byte, 40), new(batch.Origin)
	if n := testing.AllocsPerRun(100, func() { j.Release(j.Hold(raw, from)) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzOpen: whatever is in the file, what is taken up is within its bounds and the journal works.
func FuzzOpen(f *testing.F) {
	head := binary.NativeEndian.AppendUint64(binary.NativeEndian.AppendUint64(nil, magic), uint64(size))
	f.Add(head, uint32(0))
	f.Add(bytes.Repeat([]byte{0xff}, 4096), uint32(len(head)))
	f.Add(binary.NativeEndian.AppendUint32(nil, held), uint32(unsafe.Offsetof(layout{}.slots)))
	f.Fuzz(func(t *testing.T, some []byte, offset uint32) {
		fd := file(t)
		unix.Ftruncate(fd, int64(size))
		unix.Pwrite(fd, head, 0)
		unix.Pwrite(fd, binary.NativeEndian.AppendUint32(nil, limits.UDPBatch), int64(unsafe.Offsetof(layout{}.used)))
		if end := int64(offset) + int64(len(some)); end <= int64(size) {
			unix.Pwrite(fd, some, int64(offset))
		}
		j, left, _ := succeed(t, fd, time.Unix(0, 0))
		if len(left) > limits.JournalSlots+limits.UDPBatch {
			t.Errorf("%d are left", len(left))
		}
		for i := range left {
			if n := len(left[i].Raw); n == 0 || n > limits.QueryBytes {
				t.Errorf("%d bytes", n)
			}
			left[i].From.Peer()
			j.Release(left[i].Begin())
		}
		j.Release(j.hold(head, new(batch.Origin), 0))
	})
}
