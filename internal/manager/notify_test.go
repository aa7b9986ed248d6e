package manager

import (
	"net"
	"path/filepath"
	"regexp"
	"testing"
	"time"
)

// Systemd hears when the system serves, when it changes and when it stops, and all the time that it lives.
func TestSystemdIsTold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "40000")
	expect := func(pattern string) {
		t.Helper()
		conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		b := make([]byte, 4096)
		for last := ""; ; {
			n, err := conn.Read(b)
			if err != nil {
				t.Fatalf("no %s: %v, the last was %q", pattern, err, last)
			}
			last = string(b[:n])
			if regexp.MustCompile("^(?s:" + pattern + ")$").MatchString(last) {
				return
			}
			if last != "WATCHDOG=1" {
				t.Errorf("%q before %s", last, pattern)
			}
		}
	}
	w := newWorld(t)
	w.configure(2, "")
	m, stop := w.manager()
	expect("READY=1\nSTATUS=2 workers serve version 1 .*")
	expect("WATCHDOG=1")
	expect("WATCHDOG=1")
	w.configure(1, "")
	if err := m.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	expect(`RELOADING=1\nMONOTONIC_USEC=[0-9]+\nSTATUS=.*`)
	expect("READY=1\nSTATUS=1 workers serve version 2 .*")
	w.configure(1, "optoins: {}")
	if err := m.Reload(t.Context()); err == nil {
		t.Fatal("no error")
	}
	expect(`RELOADING=1\n.*`)
	expect("READY=1\nSTATUS=1 workers serve version 2 .*")
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	expect("STOPPING=1\n.*")
}

func TestWatchdogInterval(t *testing.T) {
	for usec, want := range map[string]time.Duration{"": 0, "x": 0, "-1": 0, "10000000": 5 * time.Second} {
		if got := watchdogInterval(usec); got != want {
			t.Errorf("%q: %v", usec, got)
		}
	}
}
