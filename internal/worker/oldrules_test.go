package worker

import (
	"runtime"
	"testing"
	"time"
	"weak"

	"knot-resolver/internal/cache"
	"knot-resolver/internal/cache/mem"
	"knot-resolver/internal/iterate"
	"knot-resolver/internal/policy"
	"knot-resolver/internal/policy/compile"
	"knot-resolver/internal/server"
)

// TestOldRulesGo: nothing keeps rules that were replaced, those of the start neither, or they would stay mapped for ever.
func TestOldRulesGo(t *testing.T) {
	store := cache.New(mem.New(mem.Options{Size: 1 << 20, Merge: cache.Replaces}), cache.Options{TTLMax: time.Hour})
	first := compiled(t, compile.Input{})
	w := New(Options{UDPSize: 1232, Rules: first}, iterate.Options{Cache: store})
	askAs(t, w, "10.0.0.1", query("localhost.", "A"), server.UDP)
	old := []weak.Pointer[policy.Rules]{weak.Make(first)}
	first = nil
	for range 2 {
		next := compiled(t, compile.Input{})
		w.SetRules(next)
		askAs(t, w, "10.0.0.1", query("localhost.", "A"), server.UDP)
		old = append(old, weak.Make(next))
	}
	for range 5 {
		runtime.GC()
	}
	for i, p := range old[:2] {
		if p.Value() != nil {
			t.Errorf("rules %d are still there", i+1)
		}
	}
	runtime.KeepAlive(w)
}
