package worker

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"knot-resolver/internal/iterate"
	"knot-resolver/internal/server"
	"knot-resolver/internal/testnet"
)

// At level debug the log tells what is done for a question, each step in its group; otherwise nothing is recorded.
func TestQueryLog(t *testing.T) {
	world, err := testnet.New()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	level := new(slog.LevelVar)
	log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: level}))
	w := newWorker(t, world, func(o *iterate.Options) { o.Log = log })
	ask(t, w, query("www.example.se.", "A"), server.UDP)
	if out.Len() > 0 {
		t.Errorf("logged at level info: %s", &out)
	}
	level.Set(slog.LevelDebug)
	ask(t, w, query("no.example.se.", "A"), server.UDP)
	for _, want := range []string{`msg="[00001] no.example.se. A: NXDOMAIN`, "group=resolv", "group=iterat", "group=valdtr", `[00001]   `} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in %s", want, &out)
		}
	}
	out.Reset()
	ask(t, w, query("no.example.se.", "A"), server.UDP)
	if out.Len() > 0 {
		t.Errorf("a repeated answer is logged: %s", &out)
	}
}
