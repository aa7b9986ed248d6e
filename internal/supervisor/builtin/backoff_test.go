package builtin

import (
	"slices"
	"testing"
	"time"

	"knot-resolver/internal/limits"
)

func TestBackoff(t *testing.T) {
	var b backoff
	var got []time.Duration
	for range 9 {
		got = append(got, b.failed(0))
	}
	const ms = time.Millisecond
	want := []time.Duration{0, 100 * ms, 200 * ms, 400 * ms, 800 * ms, 1000 * ms, 1000 * ms, 1000 * ms, 1000 * ms}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if d := b.failed(300 * ms); d != 700*ms {
		t.Errorf("after 0.3 s of uptime: %v", d)
	}
	if d := b.failed(time.Second); d != 0 {
		t.Errorf("killed every second: %v", d)
	}
	if d := b.failed(3 * limits.SupervisorBackoffDecay); d >= limits.SupervisorBackoffMax {
		t.Errorf("some uptime forgave nothing: %v", d)
	}
	if d := b.failed(time.Hour); d != 0 {
		t.Errorf("after an hour of uptime: %v", d)
	}
}
