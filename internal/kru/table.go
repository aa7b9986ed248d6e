package kru

import (
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"time"
)

// Full is the highest load. Prices are 65536 times finer than loads: PriceFull is the price that fills an empty counter.
const (
	Full      = 1<<16 - 1
	PriceFull = Full << 16
)

const (
	itemsPerCell = 15
	octetsPerKey = 8  // of capacity; with them a table has nearly two items for each
	halvings     = 18 // after which nothing is left of any load
	// backwards is how far the clocks of two users may differ, in ticks: the time between reading the clock and counting.
	backwards = 1000
)

// MinCapacity and MaxCapacity bound [Settings.Capacity]: one cell in each half, and 2 GiB.
const (
	MinCapacity = 2 * cellOctets / octetsPerKey
	MaxCapacity = 1 << 28
)

// Settings are what all users of a table must agree on. Tables with other settings have nothing to do with each other.
type Settings struct {
	Capacity int     // parties to be told apart, rounded up to a power of two; 8 octets each
	Decay    float64 // the share of a load that is forgotten in a tick, above 0 and at most 1
	Unit     uint64  // what a price means, for the callers alone
}

const cellOctets = 64

// cell is one cache line.
type cell struct {
	tick  uint32
	items [itemsPerCell]uint32 // id << 16 | load
}

// header is what a shared table begins with.
type header struct {
	magic    uint64
	capacity uint64
	decay    uint64 // math.Float64bits
	unit     uint64
	key      [2]uint64
	noted    uint32 // tick of the last Once; 0 = never
	_        [76]byte
}

// Table counts. It is safe for concurrent use, also by several processes. Make it with [New] or [Open].
type Table struct {
	head    *header
	cells   []cell
	half    uint64  // cells of one half, a power of two
	perTick float64 // halvings of a load in a tick
	memory  *memory // what head and cells are in, nil for Go's own
	clock   clock
}

func (s Settings) cells() int { return s.capacity() * octetsPerKey / cellOctets }

func (s Settings) capacity() int { return 1 << bits.Len(uint(max(s.Capacity, MinCapacity)-1)) }

// check refuses what no table can have.
func (s Settings) check() error {
	if s.Capacity > MaxCapacity || !(s.Decay > 0 && s.Decay <= 1) {
		return fmt.Errorf("kru: settings %+v out of range", s)
	}
	return nil
}

func (s Settings) header() header {
	return header{magic: magic, capacity: uint64(s.capacity()), decay: math.Float64bits(s.Decay), unit: s.Unit, key: [2]uint64{rand.Uint64(), rand.Uint64()}}
}

// New makes a table for this process alone.
func New(s Settings) (*Table, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	head := s.header()
	return newTable(s, &head, make([]cell, s.cells()), nil), nil
}

func newTable(s Settings, head *header, cells []cell, m *memory) *Table {
	perTick := halvings + 1.0 // all of it
	if s.Decay < 1 {
		perTick = -math.Log2(1 - s.Decay)
	}
	return &Table{head: head, cells: cells, half: uint64(len(cells) / 2), perTick: perTick, memory: m, clock: newClock()}
}

// Tick is the time in milliseconds, as all users of a shared table count it.
func (t *Table) Tick(now time.Time) uint32 { return t.clock.tick(now) }

// Item is where a key is counted, as [Table.Find] found it.
type Item struct {
	at   *uint32 // in the table
	seen uint32
	id   uint32
}

// Load is an estimate of what was counted, 0 to [Full]: never too low, too high for a key that is not in the table.
func (i Item) Load() uint32 { return i.seen & Full }

// Find returns the counter of a key at a tick. It changes nothing but what is forgotten.
func (t *Table) Find(key Key, tick uint32) Item {
	first := &t.cells[uint64(key)&(t.half-1)]
	second := &t.cells[t.half+uint64(key)>>24&(t.half-1)]
	t.forget(first, tick)
	t.forget(second, tick)
	least := Item{seen: math.MaxUint32, id: uint32(key >> 48)}
	least.search(first)
	if least.at == nil || least.seen>>16 != least.id {
		least.search(second)
	}
	runtime.KeepAlive(t)
	return least
}

// search looks for the item's id in a cell, or else for a load smaller than the one it has.
func (i *Item) search(c *cell) {
	for n := range c.items {
		at := &c.items[n]
		v := atomic.LoadUint32(at)
		if v>>16 == i.id {
			i.at, i.seen = at, v
			return
		}
		if i.at == nil || v&Full < i.seen&Full {
			i.at, i.seen = at, v
		}
	}
}

// Add counts a price for a key that was found. The part of it below 1/65536 of [PriceFull] counts with the
// probability of its size, by noise, of which 16 random bits are used. When another key has taken the place since it was
// found, the price is lost rather than the load of that key inherited.
func (t *Table) Add(i Item, price, noise uint32) {
	const tries = 4 // against others who count here at the same time; after that the price is lost
	more := uint32((uint64(price) + uint64(noise&Full)) >> 16)
	if more == 0 {
		return
	}
	for range tries {
		if atomic.CompareAndSwapUint32(i.at, i.seen, i.id<<16|min(i.seen&Full+more, Full)) {
			break
		}
		now := atomic.LoadUint32(i.at)
		if owner := now >> 16; owner != i.id && owner != i.seen>>16 {
			break
		}
		i.seen = now
	}
	runtime.KeepAlive(t)
}

// Passes says whether the counter has room for a price; a part of a unit of load counts as a whole.
func (i Item) Passes(price uint32) bool { return i.Load()+uint32((uint64(price)+Full)>>16) <= Full }

// forget reduces the loads of a cell by what they lose until a tick.
func (t *Table) forget(c *cell, tick uint32) {
	was := atomic.LoadUint32(&c.tick)
	passed := int32(tick - was)
	if passed <= 0 && passed > -backwards {
		return
	}
	var seen [itemsPerCell]uint32 // what is counted from the new tick on is none of it
	for n := range seen {
		seen[n] = atomic.LoadUint32(&c.items[n])
	}
	if !atomic.CompareAndSwapUint32(&c.tick, was, tick) {
		return // somebody else does it
	}
	keep := t.keep(passed)
	noise := rand.Uint64()
	for n, v := range seen {
		noise = noise*6364136223846793005 + 1442695040888963407
		reduce(&c.items[n], v, keep, noise>>32)
	}
}

// keep is the share of a load that is left after some ticks, as a fraction of 32 bits. A time that lies far before
// the one of the cell, or so far after it that it seems to, has nothing to do with it: another start of the machine.
func (t *Table) keep(ticks int32) uint64 {
	lost := float64(ticks) * t.perTick
	if lost < 0 || lost > halvings {
		return 0
	}
	return uint64(math.Exp2(-lost) * (1 << 32))
}

// reduce takes from a load what it has lost of what was seen of it, rounded at random so that the mean is right. What was
// counted since then stays.
func reduce(at *uint32, seen uint32, keep, noise uint64) {
	load := seen & Full
	lost := load - uint32((uint64(load)*keep+noise)>>32)
	for lost > 0 {
		v := atomic.LoadUint32(at)
		if v>>16 != seen>>16 || atomic.CompareAndSwapUint32(at, v, v-min(lost, v&Full)) {
			return // or it is another's by now
		}
	}
}

// Once says yes to one user of the table in a period, whichever asks first.
func (t *Table) Once(tick uint32, period time.Duration) bool {
	last := atomic.LoadUint32(&t.head.noted)
	passed := int32(tick - last)
	// A time far in the future is of another start of the machine.
	ok := last == 0 || passed >= int32(min(period.Milliseconds(), math.MaxInt32)) || passed < -backwards
	ok = ok && atomic.CompareAndSwapUint32(&t.head.noted, last, max(tick, 1))
	runtime.KeepAlive(t)
	return ok
}
