package app

import (
	"bytes"
	"errors"
	"log/slog"
	"testing"

	"knot-resolver/internal/config"
)

func TestLog(t *testing.T) {
	log, configure := newLiveLog(config.Logging{Level: config.LogNotice, Groups: []string{"cache"}}, "kresd")
	var out bytes.Buffer
	capture := func() { log.Handler().(*logHandler).settings.Load().out = &out }
	capture()

	log.Info("not shown")
	log.Log(t.Context(), levelNotice, "shown", "n", 3)
	log.With("a", "b c").WithGroup("g").Error("failed\nbadly", "err", errors.New(`"x"`), slog.Group("in", "k", ""))
	cache := log.With("group", "cache")
	cache.Debug("a group at debug level")
	configure(config.Logging{Level: config.LogCrit})
	capture()
	cache.Debug("not any more")
	log.Error("nor this")
	log.Log(t.Context(), levelCritical, "but this")
	configure(config.Logging{Level: config.LogCrit, Groups: []string{"kresd"}})
	capture()
	cache.Debug("the whole process")

	want := "[NOTICE] kresd: shown n=3\n" +
		`[ERROR] kresd: failed\nbadly a="b c" g.err="\"x\"" g.in.k=""` + "\n" +
		"[DEBUG] cache: a group at debug level\n" +
		"[CRITICAL] kresd: but this\n" +
		"[DEBUG] cache: the whole process\n"
	if out.String() != want {
		t.Errorf("logged\n%s\nexpected\n%s", out.String(), want)
	}
}
