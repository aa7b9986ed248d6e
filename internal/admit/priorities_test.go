package admit

import (
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"knot-resolver/internal/limits"
)

func newPriorities(t testing.TB) *Priorities {
	t.Helper()
	p, err := NewPriorities(PrioritiesOptions{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestClassOf(t *testing.T) {
	for _, c := range []struct {
		networks []network
		loads    []uint32
		want     uint8
	}{
		{networks4[:], []uint32{0, 0, 0, 0}, 0},
		{networks4[:], []uint32{16, 16, 16, 16}, 0},
		{networks4[:], []uint32{0, 0, 0, 17}, 1 + 7},
		{networks4[:], []uint32{0, 0, 17, 0}, 1 + 3},
		{networks4[:], []uint32{17, 17, 17, 17}, 1 + 7},
		{networks4[:], []uint32{257, 17, 17, 17}, 1 + 8},
		{networks4[:], []uint32{17, 257, 17, 256}, 1 + 8 + 1},
		{networks4[:], []uint32{4097, 257, 17, 65535}, 1 + 16 + 7},
		{networks4[:], []uint32{4097, 0, 0, 0}, 1 + 16},
		{networks6[:], []uint32{0, 0, 0, 0, 0}, 0},
		{networks6[:], []uint32{17, 0, 0, 0, 0}, 1 + 2},
		{networks6[:], []uint32{17, 17, 17, 17, 0}, 1 + 6},
		{networks6[:], []uint32{0, 0, 0, 0, 4097}, Classes - 1},
	} {
		if got := classOf(c.networks, c.loads); got != c.want {
			t.Errorf("%v: %d, want %d", c.loads, got, c.want)
		}
	}
}

// TestPriorities: who costs more comes later, with his neighbours a little, and is forgiven soon.
func TestPriorities(t *testing.T) {
	p := newPriorities(t)
	now := time.Now()
	heavy, neighbour, other := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("198.51.100.1")
	spend := func(ip netip.Addr, forgeable bool, each time.Duration, times int) {
		for range times {
			p.Charge(ip, forgeable, each, PriceOne, now)
		}
	}
	class := func(ip netip.Addr, forgeable bool) uint8 { return p.Class(ip, forgeable, now) }
	spend(other, false, 300*time.Microsecond, 3)
	if c := class(other, false); c != 0 {
		t.Errorf("class %d after a millisecond", c)
	}
	for want, times := range map[uint8]int{1 + 7: 2, 1 + 8 + 7: 20, 1 + 16 + 7: 300} {
		q := newPriorities(t)
		for range times {
			q.Charge(heavy, false, time.Millisecond, PriceOne, now)
		}
		if c := q.Class(heavy, false, now); c != want {
			t.Errorf("class %d after %d ms, want %d", c, times, want)
		}
	}
	spend(heavy, false, time.Millisecond, 1000)
	if h, n, o := class(heavy, false), class(neighbour, false), class(other, false); h <= n || n <= o {
		t.Errorf("classes %d, of a neighbour %d, of another %d", h, n, o)
	}
	if c := class(heavy, true); c != 0 {
		t.Errorf("class %d for datagrams after work on streams", c)
	}
	spend(heavy, true, time.Millisecond, 1000)
	now = now.Add(2 * time.Minute)
	if c := class(heavy, true); c != 0 {
		t.Errorf("class %d two minutes later", c)
	}
	p.Charge(heavy, true, time.Hour, 0, now)
	if c := class(heavy, true); c != 0 {
		t.Errorf("class %d at no price", c)
	}
}

// TestHalfACore: whoever takes half of a core for long fills his counter, and no more than that.
func TestHalfACore(t *testing.T) {
	p := newPriorities(t)
	now, ip := time.Now(), netip.MustParseAddr("2001:db8::1")
	for range 60_000 {
		now = now.Add(time.Millisecond)
		p.Charge(ip, true, 250*time.Microsecond, PriceOne, now)
	}
	load := p.table.Find(p.table.Key(ip, 128, unverified), p.table.Tick(now)).Load()
	if load < 30000 || load > 35000 {
		t.Errorf("a quarter of a core gives a load of %d, want half of 65535", load)
	}
}

func TestCost(t *testing.T) {
	b := new(limits.Budget)
	if got := Cost(b); got != limits.CostOfMiss {
		t.Errorf("nothing spent: %v", got)
	}
	b.Charge(limits.KindUpstreamQueries, 2)
	b.Charge(limits.KindCryptoUnits, 3)
	if got, want := Cost(b), limits.CostOfMiss+2*limits.CostOfUpstreamQuery+3*limits.CostOfCryptoUnit; got != want {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestPriorityAllocations(t *testing.T) {
	p := newPriorities(t)
	now, ip := time.Now(), netip.MustParseAddr("2001:db8::1")
	if n := testing.AllocsPerRun(1000, func() {
		p.Charge(ip, true, time.Millisecond, PriceOne, now)
		p.Class(ip, true, now)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkClass(b *testing.B) {
	p := newPriorities(b)
	now, ip := time.Now(), netip.MustParseAddr("192.0.2.1")
	for b.Loop() {
		p.Class(ip, true, now)
	}
}
