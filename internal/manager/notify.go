package manager

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"knot-resolver/internal/limits"
)

// notifySystemd sends states to the service manager that started the system,
// if one did (sd_notify(3)). Nobody is told when it fails: it is advisory.
func notifySystemd(states ...string) {
	name := os.Getenv("NOTIFY_SOCKET")
	if name == "" {
		return
	}
	if strings.HasPrefix(name, "@") {
		name = "\x00" + name[1:]
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		return
	}
	defer conn.Close()
	conn.Write([]byte(strings.Join(states, "\n")))
}

// notifyReady says that the version in force serves.
func (m *Manager) notifyReady() {
	live := m.live.Load()
	notifySystemd("READY=1", fmt.Sprintf("STATUS=%d workers serve version %d of the configuration", live.Config.Workers, live.Number))
}

// notifyReloading says that a change has begun; [Manager.notifyReady] ends it, whatever became of it.
func notifyReloading() {
	var now unix.Timespec
	unix.ClockGettime(unix.CLOCK_MONOTONIC, &now) // cannot fail
	notifySystemd("RELOADING=1", "MONOTONIC_USEC="+strconv.FormatInt(now.Nano()/1000, 10), "STATUS=changing the configuration")
}

// watchdogInterval is how often the service manager wants to hear that all is well, twice in the time
// it allows; 0 when it does not want to.
func watchdogInterval(usec string) time.Duration {
	n, err := strconv.ParseInt(usec, 10, 64)
	if err != nil || n <= 0 {
		return 0
	}
	return time.Duration(n) * time.Microsecond / 2
}

// feedWatchdog tells the service manager again and again that at least one worker answers a question,
// until ctx ends or none does.
func (m *Manager) feedWatchdog(ctx context.Context) {
	interval := watchdogInterval(os.Getenv("WATCHDOG_USEC"))
	if interval == 0 {
		return
	}
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		if m.answers(ctx) {
			notifySystemd("WATCHDOG=1")
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// answers asks one worker after the other a question until one answers it.
func (m *Manager) answers(ctx context.Context) bool {
	for _, p := range m.team.ready() {
		ctx, cancel := context.WithTimeout(ctx, limits.ManagerWatchAnswer)
		err := m.client(p).SelfTest(ctx)
		cancel()
		if err == nil {
			return true
		}
	}
	return false
}
