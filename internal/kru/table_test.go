package kru

import (
	"math"
	"math/rand/v2"
	"net/netip"
	"sync"
	"testing"
	"time"
)

func newTestTable(t testing.TB, s Settings) *Table {
	t.Helper()
	table, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func (t *Table) count(key Key, price, tick uint32) { t.Add(t.Find(key, tick), price, rand.Uint32()) }

// TestSipHash compares with OpenSSL's: openssl mac -macopt c-rounds:1 -macopt d-rounds:3 SIPHASH, key 00 to 0f.
func TestSipHash(t *testing.T) {
	for _, c := range []struct {
		words []uint64
		want  uint64
	}{
		{[]uint64{6<<56 | 0x060504030201}, 0x73437774ed5079e3},
		{[]uint64{3 << 56}, 0x9164fc64412fdc60},
		{[]uint64{0x0807060504030201, 10<<56 | 0x1009}, 0xf4d47261c3e3a59f},
	} {
		s := newSip(0x0706050403020100, 0x0f0e0d0c0b0a0908)
		last := len(c.words) - 1
		for _, w := range c.words[:last] {
			s.absorb(w)
		}
		if got := s.sum(c.words[last]); got != c.want {
			t.Errorf("%x: %#x, want %#x", c.words, got, c.want)
		}
	}
}

func TestKeys(t *testing.T) {
	table := newTestTable(t, Settings{Capacity: 1 << 10, Decay: 0.5})
	key := func(ip string, bits int, account uint8) Key { return table.Key(netip.MustParseAddr(ip), bits, account) }
	for _, same := range [][2]Key{
		{key("192.0.2.1", 24, 0), key("192.0.2.77", 24, 0)},
		{key("192.0.2.1", 32, 0), key("192.0.2.1", 32, 0)},
		{key("2001:db8:0:1::1", 64, 0), key("2001:db8:0:1:f::", 64, 0)},
		{key("2001:db8:0:1::1", 56, 0), key("2001:db8:0:ff::", 56, 0)},
	} {
		if same[0] != same[1] {
			t.Errorf("%x and %x differ", same[0], same[1])
		}
	}
	seen := map[Key]int{}
	for i, k := range []Key{
		key("192.0.2.1", 32, 0), key("192.0.2.1", 24, 0), key("192.0.2.0", 24, 1), key("192.0.2.2", 32, 0), key("192.0.2.1", 32, 1),
		key("c000:201::", 32, 0), key("c000:201::", 64, 0), key("c000:201::", 128, 0), key("c000:201::1", 128, 0), key("c000:201:0:1::", 64, 0),
	} {
		if j, ok := seen[k]; ok {
			t.Errorf("keys %d and %d are the same", i, j)
		}
		seen[k] = i
	}
}

func TestCounts(t *testing.T) {
	table := newTestTable(t, Settings{Capacity: 1 << 10, Decay: 0.001})
	key := table.Key(netip.MustParseAddr("192.0.2.1"), 32, 0)
	if load := table.Find(key, 1).Load(); load != 0 {
		t.Fatalf("load %d at first", load)
	}
	for range 10 {
		table.count(key, 100<<16, 1)
	}
	if load := table.Find(key, 1).Load(); load != 1000 {
		t.Errorf("load %d, want 1000", load)
	}
	const small = 1 << 12 // a sixteenth of a unit
	for range 16000 {
		table.count(key, small, 1)
	}
	if load := table.Find(key, 1).Load(); load < 1800 || load > 2200 {
		t.Errorf("load %d after small prices, want about 2000", load)
	}
	for range 100 {
		table.count(key, 1000<<16, 1)
	}
	if i := table.Find(key, 1); i.Load() != Full || i.Passes(1) || !i.Passes(0) {
		t.Errorf("load %d, want it full", i.Load())
	}
}

// TestForgets: whatever the steps in which time passes, a load falls as the settings say.
func TestForgets(t *testing.T) {
	const decay = 0.0004
	for _, step := range []uint32{1, 7, 100, 1000} {
		table := newTestTable(t, Settings{Capacity: 1 << 10, Decay: decay})
		var mean float64
		const keys = 50
		for n := range uint64(keys) {
			key := Key(n * 0x9e3779b97f4a7c15)
			table.count(key, 60000<<16, 1)
			for tick := uint32(1); tick <= 2001; tick += step {
				table.Find(key, tick)
			}
			mean += float64(table.Find(key, 2001).Load()) / keys
		}
		if want := 60000 * math.Pow(1-decay, 2000); math.Abs(mean-want) > want/100 {
			t.Errorf("in steps of %d ticks: %.0f left, want %.0f", step, mean, want)
		}
	}
}

// TestForgetsAll: after 18 halvings, and when the clock was set anew by a start of the machine.
func TestForgetsAll(t *testing.T) {
	for name, c := range map[string]struct {
		after int32 // ticks
		want  uint32
	}{
		"17 halvings":              {17, 0},
		"19 halvings":              {19, 0},
		"a clock a little behind":  {-5, 60000},
		"the clock of a new start": {-50000, 0},
		"wrapped around":           {math.MinInt32, 0},
	} {
		table := newTestTable(t, Settings{Capacity: 1 << 10, Decay: 0.5})
		const start = 1 << 30
		table.count(7, 60000<<16, start)
		got := table.Find(7, uint32(start)+uint32(c.after)).Load()
		if got != c.want && (name != "17 halvings" || got > 1) {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

// TestHeavyAmongMany (RF-04): of ten million parties a hundred use much. The table keeps its size and knows them; nobody
// else is taken for one of them.
func TestHeavyAmongMany(t *testing.T) {
	many := uint64(10_000_000)
	if testing.Short() || raceEnabled {
		many /= 20
	}
	table := newTestTable(t, Settings{Capacity: 1 << 19, Decay: 0.0004})
	if bytes := len(table.cells) * cellOctets; bytes != 4<<20 {
		t.Fatalf("%d bytes", bytes)
	}
	const heavy, price = 100, 1310 << 16
	spread := func(n uint64) Key { return Key((n + 1) * 0x9e3779b97f4a7c15) }
	limited, tick := 0, uint32(1)
	for n := range many {
		if n%100 == 0 {
			tick++ // a hundred thousand a second
		}
		table.count(spread(1<<32+n), price, tick)
		if n%1000 == 0 {
			for h := range uint64(heavy) {
				key := spread(h)
				if i := table.Find(key, tick); i.Passes(price) {
					table.Add(i, price, rand.Uint32())
				} else {
					limited++
				}
			}
		}
	}
	// Each asks a hundred times a second where 20 are allowed, after 50 at once.
	asked := int(many / 1000 * heavy)
	seconds := float64(many) / 100_000
	if want := float64(asked) - heavy*(50+20*seconds); float64(limited) < 0.95*want {
		t.Errorf("%d of %d limited, want %.0f", limited, asked, want)
	}
	wrong := 0
	const innocent = 10000
	for n := range uint64(innocent) {
		if !table.Find(spread(1<<40+n), tick).Passes(price) {
			wrong++
		}
	}
	if wrong > innocent/1000 {
		t.Errorf("%d of %d newcomers are taken for heavy users", wrong, innocent)
	}
}

// TestManyWriters counts from several goroutines; little may be lost.
func TestManyWriters(t *testing.T) {
	table := newTestTable(t, Settings{Capacity: 1 << 10, Decay: 1e-9})
	var running sync.WaitGroup
	for range 4 {
		running.Go(func() {
			for range 10000 {
				table.count(1, 1<<16, 1)
				table.count(2, 1<<16, 1)
			}
		})
	}
	running.Wait()
	for key := range Key(2) {
		if load := table.Find(key+1, 1).Load(); load < 36000 || load > 40000 {
			t.Errorf("%d counted of 40000", load)
		}
	}
}

func TestOnce(t *testing.T) {
	table := newTestTable(t, Settings{Capacity: 1, Decay: 1})
	for _, c := range []struct {
		tick uint32
		want bool
	}{{0, true}, {1, false}, {999, false}, {1001, true}, {1002, false}, {900_000, true}, {5, true}, {6, false}} {
		if got := table.Once(c.tick, time.Second); got != c.want {
			t.Errorf("at %d: %v", c.tick, got)
		}
	}
}

func TestSettings(t *testing.T) {
	for _, s := range []Settings{{Capacity: 1, Decay: 0}, {Capacity: 1, Decay: 1.1}, {Capacity: 1, Decay: math.NaN()}, {Capacity: MaxCapacity + 1, Decay: 1}} {
		if _, err := New(s); err == nil {
			t.Errorf("%+v accepted", s)
		}
	}
	for capacity, want := range map[int]int{0: 16, 1: 16, 17: 32, 524288: 524288, 524289: 1 << 20} {
		if got := (Settings{Capacity: capacity}).capacity(); got != want {
			t.Errorf("capacity %d becomes %d, want %d", capacity, got, want)
		}
	}
}

func BenchmarkFind(b *testing.B) {
	table := newTestTable(b, Settings{Capacity: 1 << 19, Decay: 0.0004})
	b.Run("one", func(b *testing.B) {
		ip := netip.MustParseAddr("192.0.2.1")
		for b.Loop() {
			table.Find(table.Key(ip, 32, 0), 1)
		}
	})
	b.Run("many", func(b *testing.B) {
		n := uint32(0)
		for b.Loop() {
			n += 0x9e3779b9
			ip := netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
			table.Find(table.Key(ip, 32, 0), 1)
		}
	})
}

// Two keys found in the same place at once: the second does not start with the load of the first.
func TestPlaceTakenMeanwhile(t *testing.T) {
	table, err := New(Settings{Capacity: MinCapacity, Decay: 0.5})
	if err != nil {
		t.Fatal(err)
	}
	tick := table.Tick(time.Now())
	first, second := table.Find(Key(1<<48), tick), table.Find(Key(2<<48), tick)
	if first.at != second.at {
		t.Fatal("not the same place")
	}
	table.Add(first, PriceFull/2, 0)
	table.Add(second, PriceFull/64, 0)
	if load := table.Find(Key(1<<48), tick).Load(); load != PriceFull/2>>16 {
		t.Errorf("the first has %d", load)
	}
	third := table.Find(Key(2<<48), tick)
	if third.at == first.at {
		t.Error("the second has the load of the first")
	}
}

// Who is held up while it makes a cell forget does not take away what others count there meanwhile.
func TestForgetLeavesWhatIsNew(t *testing.T) {
	const seen = 7<<16 | 100
	for _, c := range []struct{ now, left uint32 }{
		{seen, 7 << 16}, {7<<16 | 130, 7<<16 | 30}, {7<<16 | 60, 7 << 16}, {8<<16 | 5, 8<<16 | 5},
	} {
		at := c.now
		if reduce(&at, seen, 0, 1<<32-1); at != c.left {
			t.Errorf("%#x became %#x, expected %#x", c.now, at, c.left)
		}
	}
}
