package admit

import (
	"bytes"
	"log/slog"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func newLimiter(t testing.TB, o RateLimit) (*RateLimiter, *RateCounts) {
	t.Helper()
	if o.Capacity == 0 {
		o.Capacity = 1 << 16
	}
	counts := new(RateCounts)
	l, err := NewRateLimiter(o, counts, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return l, counts
}

// passed counts the queries of an address that are answered, of n at one time.
func passed(l *RateLimiter, ip string, n int, factor uint32, now time.Time) (passed int) {
	for range n {
		if l.Judge(netip.MustParseAddr(ip), factor, now) == Continue {
			passed++
		}
	}
	return passed
}

// TestInstantLimit: how many queries may come at once from an address and from each network it is in.
func TestInstantLimit(t *testing.T) {
	start := time.Now()
	for _, c := range []struct {
		name   string
		next   func(n int) netip.Addr
		factor uint32
		want   int
	}{
		{"an address", func(int) netip.Addr { return netip.MustParseAddr("192.0.2.1") }, PriceOne, 50},
		{"an address at half the price", func(int) netip.Addr { return netip.MustParseAddr("192.0.2.1") }, PriceOne / 2, 100},
		{"an address at three times the price", func(int) netip.Addr { return netip.MustParseAddr("192.0.2.1") }, 3 * PriceOne, 16},
		{"an address at the highest price", func(int) netip.Addr { return netip.MustParseAddr("192.0.2.1") }, 1<<32 - 1, 1},
		{"a /24", func(n int) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, byte(n)}) }, PriceOne, 32 * 50},
		{"a /20", func(n int) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, byte(n % 16), byte(n >> 4)}) }, PriceOne, 256 * 50},
		{"an IPv6 address", func(int) netip.Addr { return netip.MustParseAddr("2001:db8::1") }, PriceOne, 50},
		{"a /64", func(n int) netip.Addr { return six(0, n) }, PriceOne, 2 * 50},
		{"a /56", func(n int) netip.Addr { return six(n%256, n) }, PriceOne, 3 * 50},
		{"a /48", func(n int) netip.Addr { return six(n%65536, n) }, PriceOne, 4 * 50},
	} {
		l, counts := newLimiter(t, RateLimit{Rate: 20, Instant: 50})
		passed, asked := 0, 2*c.want
		for n := range asked {
			if l.Judge(c.next(n), c.factor, start) == Continue {
				passed++
			}
		}
		if passed < c.want*98/100 || passed > c.want*102/100 {
			t.Errorf("%s: %d queries at once, want %d", c.name, passed, c.want)
		}
		if got := counts.Limited.Load(); got != uint64(asked-passed) || got != counts.Dropped.Load() {
			t.Errorf("%s: %d counted", c.name, got)
		}
	}
	l, _ := newLimiter(t, RateLimit{Rate: 20, Instant: 50})
	if n := passed(l, "192.0.2.1", 1000, 0, start); n != 1000 {
		t.Errorf("at no price %d queries of 1000", n)
	}
}

// six is an address in 2001:db8::/48, with a number in its subnet's and one in its own.
func six(subnet, n int) netip.Addr {
	b := netip.MustParseAddr("2001:db8::").As16()
	b[6], b[7], b[14], b[15] = byte(subnet>>8), byte(subnet), byte(n>>8), byte(n)
	return netip.AddrFrom16(b)
}

// TestRateLimit: for long, an address gets its rate; when it is quiet it may soon ask again.
func TestRateLimit(t *testing.T) {
	l, _ := newLimiter(t, RateLimit{Rate: 20, Instant: 50})
	now := time.Now()
	n := 0
	for range 30_000 { // 30 s, 1000 queries a second
		now = now.Add(time.Millisecond)
		n += passed(l, "192.0.2.1", 1, PriceOne, now)
	}
	if want := 50 + 30*20; n < want*95/100 || n > want*105/100 {
		t.Errorf("%d queries in 30 s, want %d", n, want)
	}
	if n := passed(l, "198.51.100.1", 10, PriceOne, now); n != 10 {
		t.Errorf("somebody else got %d answers of 10", n)
	}
	if n := passed(l, "192.0.2.1", 50, PriceOne, now.Add(time.Minute)); n < 49 {
		t.Errorf("after a minute %d queries at once", n)
	}
}

func TestSlip(t *testing.T) {
	for slip, want := range map[int][2]int{0: {0, 0}, 1: {1000, 1000}, 2: {400, 600}, 10: {50, 150}} {
		l, counts := newLimiter(t, RateLimit{Rate: 1, Instant: 1, Slip: slip})
		now := time.Now()
		truncated := 0
		for range 1001 {
			if l.Judge(netip.MustParseAddr("192.0.2.1"), PriceOne, now) == Truncate {
				truncated++
			}
		}
		if truncated < want[0] || truncated > want[1] {
			t.Errorf("slip %d: %d of 1000 truncated", slip, truncated)
		}
		if counts.Slipped.Load() != uint64(truncated) || counts.Dropped.Load() != uint64(1000-truncated) {
			t.Errorf("slip %d: %d slipped and %d dropped are counted", slip, counts.Slipped.Load(), counts.Dropped.Load())
		}
	}
}

func TestDryRun(t *testing.T) {
	l, counts := newLimiter(t, RateLimit{Rate: 1, Instant: 1, Slip: 1, DryRun: true})
	if n := passed(l, "192.0.2.1", 100, PriceOne, time.Now()); n != 100 || counts.DryRun.Load() != 99 || counts.Limited.Load() != 99 || counts.Slipped.Load() != 0 {
		t.Errorf("%d passed, %d of %d counted as dry run", n, counts.DryRun.Load(), counts.Limited.Load())
	}
}

// TestNotices: one in a period for all addresses and all who share the counters, none without a period.
func TestNotices(t *testing.T) {
	var text bytes.Buffer
	log := slog.New(slog.NewTextHandler(&text, nil))
	o := RateLimit{Rate: 1, Instant: 1, Capacity: 1 << 10, Slip: 1, LogPeriod: 10 * time.Second, File: filepath.Join(t.TempDir(), "counters")}
	var workers []*RateLimiter
	for range 2 {
		l, err := NewRateLimiter(o, new(RateCounts), log)
		if err != nil {
			t.Fatal(err)
		}
		workers = append(workers, l)
	}
	start := time.Now()
	for second := range 21 {
		for _, l := range workers {
			passed(l, "192.0.2.1", 10, PriceOne, start.Add(time.Duration(second)*time.Second))
		}
	}
	lines := strings.Split(strings.TrimSpace(text.String()), "\n")
	if len(lines) != 3 || !strings.Contains(lines[0], "address=192.0.2.1 network=192.0.2.1/32") || !strings.Contains(lines[0], "truncated") {
		t.Errorf("notices:\n%s", text.String())
	}
	text.Reset()
	o.LogPeriod = 0
	l, _ := NewRateLimiter(o, new(RateCounts), log)
	if passed(l, "192.0.2.1", 10, PriceOne, start); text.Len() > 0 {
		t.Errorf("without a period: %s", text.String())
	}
}

// TestRateShared: workers count together, with one of other limits nobody does.
func TestRateShared(t *testing.T) {
	o := RateLimit{Rate: 1, Instant: 20, Capacity: 1 << 10, File: filepath.Join(t.TempDir(), "counters")}
	one, _ := newLimiter(t, o)
	two, _ := newLimiter(t, o)
	now := time.Now()
	if n := passed(one, "192.0.2.1", 15, PriceOne, now) + passed(two, "192.0.2.1", 15, PriceOne, now); n != 19 && n != 20 { // fractions count by chance
		t.Errorf("%d queries at two workers, want 20", n)
	}
	o.DryRun = true
	if again, _ := newLimiter(t, o); passed(again, "192.0.2.1", 1, PriceOne, now) != 1 || again.counts.DryRun.Load() != 1 {
		t.Error("what has nothing to do with counting began anew")
	}
	o.Rate = 2
	if other, _ := newLimiter(t, o); other.charge(netip.MustParseAddr("192.0.2.1"), PriceOne, other.table.Tick(now)) != 0 {
		t.Error("another limit goes on with the old counters")
	}
}

func TestRateLimitRefused(t *testing.T) {
	for _, o := range []RateLimit{{}, {Rate: 1}, {Rate: 1001, Instant: 1}, {Rate: 1, Instant: 1, Capacity: 1 << 40}, {Rate: 1, Instant: 1, File: "/none/x"}} {
		if _, err := NewRateLimiter(o, new(RateCounts), slog.New(slog.DiscardHandler)); err == nil {
			t.Errorf("%+v accepted", o)
		}
	}
}

// TestJudgeAllocations pins the cost of a query that is not limited, and of one that is, at none.
func TestJudgeAllocations(t *testing.T) {
	for _, ip := range []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")} {
		for _, instant := range []int{1, 1 << 20} {
			l, _ := newLimiter(t, RateLimit{Rate: 1, Instant: instant, Slip: 2})
			now := time.Now()
			if n := testing.AllocsPerRun(1000, func() { l.Judge(ip, PriceOne, now) }); n != 0 {
				t.Errorf("%v: %v allocations", ip, n)
			}
		}
	}
}

func BenchmarkJudge(b *testing.B) {
	l, _ := newLimiter(b, RateLimit{Rate: 1000, Instant: 5_000_000, Capacity: 1 << 19})
	for name, next := range map[string]func(n uint32) netip.Addr{
		"one client": func(uint32) netip.Addr { return netip.MustParseAddr("192.0.2.1") },
		"many clients": func(n uint32) netip.Addr {
			return netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
		},
		"many, IPv6": func(n uint32) netip.Addr {
			return netip.AddrFrom16([16]byte{0x20, 1, byte(n >> 24), byte(n >> 16), 5: byte(n >> 8), 15: byte(n)})
		},
	} {
		b.Run(name, func(b *testing.B) {
			now, n := time.Now(), uint32(0)
			b.ReportAllocs()
			for b.Loop() {
				n += 0x9e3779b9
				l.Judge(next(n), PriceOne, now.Add(time.Duration(n>>28)*time.Millisecond))
			}
		})
	}
}
