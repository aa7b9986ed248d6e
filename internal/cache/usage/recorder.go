package usage

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"knot-resolver/internal/cache/lmdb"
	"knot-resolver/internal/limits"
)

// Recorder counts uses for one process. Run carries them to the shared counters.
type Recorder struct {
	dir  string
	size int64
	log  *slog.Logger

	next atomic.Uint64
	ring [limits.UsageRing]atomic.Uint64 // keys; the lowest bit says that it is one of a sample

	taken  uint64 // of next, what the counters have; used by Run alone
	mapped []byte // nil while there are no counters
	retry  time.Time

	present []uint64 // one bit for each page of mapped that bring was called for
}

var pageSize = os.Getpagesize()

// New returns a Recorder for the cache in dir, of the given size in bytes.
func New(dir string, size int64, log *slog.Logger) *Recorder {
	return &Recorder{dir: dir, size: size, log: log}
}

// Touch counts one use of the entry with the given key, which is not kept. It never waits and
// allocates nothing.
func (r *Recorder) Touch(entry []byte) { r.put(uint64(keyOf(entry)) &^ 1) }

// TouchSample counts for limits.UsageSample uses.
func (r *Recorder) TouchSample(entry []byte) { r.put(uint64(keyOf(entry)) | 1) }

func (r *Recorder) put(k uint64) { r.ring[(r.next.Add(1)-1)%limits.UsageRing].Store(k) }

// Run adds what was counted to the shared counters, until ctx ends. Without them, because the disk is
// full say, uses are forgotten; that is logged once and tried again.
func (r *Recorder) Run(ctx context.Context) {
	tick := time.NewTicker(limits.UsageDrain)
	defer tick.Stop()
	defer r.unmap()
	for ended := false; !ended; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			ended = true
		}
		if err := r.drain(time.Now()); err != nil {
			r.log.Warn("popular entries are not known to the collector", "reason", err)
		}
	}
}

// drain takes what is new in the ring.
func (r *Recorder) drain(now time.Time) error {
	next := r.next.Load()
	if next == r.taken {
		return nil
	}
	from := max(r.taken, next-min(next, limits.UsageRing))
	r.taken = next
	if r.mapped == nil {
		if now.Before(r.retry) {
			return nil
		}
		r.retry = now.Add(limits.UsageRetry)
		var err error
		if r.mapped, err = mapFile(r.dir, r.size); err != nil {
			return err
		}
		r.present = make([]uint64, len(r.mapped)/pageSize/64+1)
	}
	err := r.add(from, next, minuteOf(now))
	if err != nil {
		r.unmap()
	}
	return err
}

// add writes to the map. Somebody may have truncated the file: that is a fault, and an error here.
func (r *Recorder) add(from, next, minute uint64) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			if _, fault := p.(interface{ Addr() uintptr }); !fault {
				panic(p)
			}
			err = fmt.Errorf("statistics of use: %s has been truncated", FileName)
		}
	}()
	c := counters(r.mapped[headerSize:])
	clear(r.present)
	for ; from < next; from++ {
		k, uses := r.ring[from%limits.UsageRing].Load(), uint64(1)
		if k&1 != 0 {
			uses = limits.UsageSample
		}
		if err := r.bring(headerSize + slotSize*key(k).index(c.slots())); err != nil {
			return fmt.Errorf("statistics of use: %s cannot be written to: %w", FileName, err)
		}
		c.touch(key(k), uses, minute)
	}
	return nil
}

// bring makes the page at an offset of the map ready to be written to, once for all that is added now. Where the disk stalls
// that waits where the scheduler can do without the thread; a fault in Go code would hold a processor, and with it the whole
// process at the next collection of garbage.
func (r *Recorder) bring(offset int) error {
	page := offset / pageSize
	word, bit := page/64, uint64(1)<<(page%64)
	if r.present[word]&bit != 0 {
		return nil
	}
	r.present[word] |= bit
	return lmdb.Dirty(r.mapped[page*pageSize:])
}

func (r *Recorder) unmap() {
	if r.mapped != nil {
		unix.Munmap(r.mapped)
		r.mapped = nil
	}
}
