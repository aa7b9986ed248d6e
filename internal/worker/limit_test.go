package worker

import (
	"log/slog"
	"net/netip"
	"testing"
	"time"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/admit"
	"knot-resolver/internal/server"
)

// limitTo has a worker answer so many queries of an address at once.
func limitTo(t testing.TB, w *Worker, instant, slip int) {
	l, err := admit.NewRateLimiter(admit.RateLimit{Rate: 1, Instant: instant, Slip: slip, Capacity: 1 << 16}, w.RateCounts(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	w.SetRateLimiter(l)
}

// TestLimited: every kind of answer to a datagram is limited, refusals of the header and repetitions too; what gets none
// anyway costs nothing, and streams are not limited.
func TestLimited(t *testing.T) {
	const rd = 0x0100
	for name, query := range map[string][]byte{
		"from the packet cache": raw(rd, [4]uint16{1}, ""),
		"with EDNS":             raw(rd, [4]uint16{1, 0, 0, 1}, opt),
		"no recursion desired":  raw(0, [4]uint16{1}, ""),
		"notify":                raw(rd|4<<11, [4]uint16{1}, ""),
		"class CH":              append(raw(rd, [4]uint16{1}, "")[:22], 0, 3),
	} {
		w := idle()
		cached(w)
		limitTo(t, w, 5, 1)
		for range 100 {
			w.Inline(nil, request(raw(0x8000, [4]uint16{1}, ""), server.UDP))
		}
		for n := range 10 {
			answer, done := w.Inline(nil, request(query, server.UDP))
			m := new(miekg.Msg)
			if err := m.Unpack(answer); err != nil || !done {
				t.Fatalf("%s: %v", name, err)
			}
			if m.Truncated != (n >= 5) || m.Id != 0x1234 || m.Truncated && (m.Rcode != 0 || len(m.Answer) > 0 || len(m.Question) != 1) {
				t.Errorf("%s, query %d: %v", name, n, m)
			}
			if hasEDNS := m.IsEdns0() != nil; m.Truncated && hasEDNS != (name == "with EDNS") {
				t.Errorf("%s: EDNS %v", name, hasEDNS)
			}
		}
		for range 10 {
			if answer, _ := w.Inline(nil, request(query, server.TCP)); len(answer) == 0 || answer[2]&2 != 0 {
				t.Errorf("%s: over TCP limited", name)
			}
		}
	}
}

// TestLimitedMisses: what would need servers does not get that far, and nothing is said with slip 0.
func TestLimitedMisses(t *testing.T) {
	w := idle()
	limitTo(t, w, 5, 0)
	misses, silent := 0, 0
	for range 10 {
		switch answer, done := w.Inline(nil, request(raw(0x0100, [4]uint16{1}, ""), server.UDP)); {
		case !done:
			misses++
		case len(answer) == 0:
			silent++
		}
	}
	if misses != 5 || silent != 5 {
		t.Errorf("%d misses and %d silent", misses, silent)
	}
	got := w.Metrics()["ratelimiting"].(map[string]any)
	if got["limited"] != uint64(5) || got["dropped"] != uint64(5) || w.counters.total.Load() != 10 {
		t.Errorf("metrics %v, %d requests", got, w.counters.total.Load())
	}
	w.SetRateLimiter(nil)
	if _, done := w.Inline(nil, request(raw(0x0100, [4]uint16{1}, ""), server.UDP)); done {
		t.Error("limited after the limit was taken away")
	}
}

// TestLimitedAllocations pins a repeated query under a limit at none.
func TestLimitedAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	w := idle()
	cached(w)
	limitTo(t, w, 5_000_000, 2)
	req := request(raw(0x0100, [4]uint16{1, 0, 0, 1}, opt), server.UDP)
	dst := make([]byte, 0, 4096)
	w.Inline(dst, req)
	if n := testing.AllocsPerRun(1000, func() { w.Inline(dst, req) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkRepeatLimited is BenchmarkRepeat under a limit that is not reached.
func BenchmarkRepeatLimited(b *testing.B) {
	w := idle()
	cached(w)
	limitTo(b, w, 5_000_000, 2)
	req := request(raw(0x0100, [4]uint16{1, 0, 0, 1}, opt), server.UDP)
	dst := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		w.Inline(dst, req)
	}
}

// TestLimitedButProven (RF-03): a flood in the name of a client that has a cookie does not hurt it.
func TestLimitedButProven(t *testing.T) {
	w := idle()
	cached(w)
	w.options.Cookies = admit.NewCookies([admit.CookieSecretLength]byte{1})
	limitTo(t, w, 1, 0)
	req := request(raw(0x0100, [4]uint16{1}, ""), server.UDP)
	for range 100 {
		w.Inline(nil, req)
	}
	with := func(cookie []byte) []byte {
		option := append([]byte{0, 10, 0, byte(len(cookie))}, cookie...)
		return raw(0x0100, [4]uint16{1, 0, 0, 1}, opt[:9]+string([]byte{0, byte(len(option))})+string(option))
	}
	client := []byte("12345678")
	good := w.options.Cookies.Append(nil, client, req.Client.Addr(), time.Now())[4:]
	stranger := w.options.Cookies.Append(nil, client, netip.MustParseAddr("198.51.100.1"), time.Now())[4:]
	for name, c := range map[string]struct {
		cookie []byte
		want   bool
	}{"good": {good, true}, "of another address": {stranger, false}, "only the client's": {client, false}} {
		if answer, _ := w.Inline(nil, request(with(c.cookie), server.UDP)); (len(answer) > 0) != c.want {
			t.Errorf("%s: answer %x", name, answer)
		}
	}
}
