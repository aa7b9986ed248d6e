package manager

import (
	"errors"
	"slices"
	"testing"
	"time"
)

// A worker that does not serve its sockets is killed, and that is counted.
func TestWatchKillsStuckWorker(t *testing.T) {
	w := newWorld(t)
	w.configure(2, "")
	stuck := make(chan struct{})
	w.fails = func(process string, _ uint64, step string) error {
		select {
		case <-stuck:
		default:
			return nil
		}
		if process == "kresd:kresd1" && step == "alive" {
			return errors.New("nothing is taken from udp")
		}
		return nil
	}
	m, _ := w.manager()
	w.takeEvents()
	close(stuck)
	for end := time.Now().Add(20 * time.Second); !slices.Contains(w.takeEvents(), "stop kresd:kresd1"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the worker lives")
		}
	}
	var values map[string]float64
	for end := time.Now().Add(20 * time.Second); values[eventDeath] != 1; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("counted: %v", values)
		}
		values, _ = m.ledger.Record("kresd:kresd1", 99, nil)
	}
	if values[eventStuck] != 1 {
		t.Errorf("counted: %v", values)
	}
}
