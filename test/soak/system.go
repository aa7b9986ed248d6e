package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"knot-resolver/internal/testnet"
)

// system is a whole resolver and the internet it asks.
type system struct {
	dir   string
	addr  string
	world *testnet.World
	cmd   *exec.Cmd
}

// process is one of a system, at one time.
type process struct {
	role       string
	pid        int
	rss, pss   int    // KiB
	goroutines string // empty: not told
}

func launch(program string, port int) (s *system, err error) {
	s = &system{addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port))}
	if s.world, err = testnet.New(); err != nil {
		return nil, err
	}
	if err := s.world.Start(0); err != nil {
		return nil, err
	}
	if s.dir, err = os.MkdirTemp("", "kr"); err != nil {
		return nil, err
	}
	if err := s.configure(port); err != nil {
		return nil, err
	}
	s.cmd = exec.Command(program, "-c", filepath.Join(s.dir, "config.yaml"))
	s.cmd.Stdout, s.cmd.Stderr = os.Stderr, os.Stderr
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	for range 100 {
		if probe(s.addr) {
			return s, nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	s.stop()
	return nil, fmt.Errorf("no answer from %s", program)
}

func (s *system) configure(port int) error {
	path := func(name string) string { return filepath.Join(s.dir, name) }
	if err := s.world.WriteHints(path("hints")); err != nil {
		return err
	}
	if err := s.world.WriteTrustAnchor(path("anchor")); err != nil {
		return err
	}
	for _, d := range []string{"run", "cache"} {
		if err := os.Mkdir(path(d), 0o700); err != nil {
			return err
		}
	}
	return os.WriteFile(path("config.yaml"), fmt.Appendf(nil, `
rundir: run
workers: 1
management: {unix-socket: run/api.sock}
cache: {storage: cache}
network: {do-ipv6: false, listen: [{interface: 127.0.0.1, port: %d}]}
options: {root-hints: %s, query-loopback: true, upstream-port: %d}
dnssec: {trust-anchors-files: [{file: %s, read-only: true}]}
`, port, path("hints"), s.world.Port(), path("anchor")), 0o600)
}

func (s *system) stop() {
	s.cmd.Process.Signal(syscall.SIGTERM)
	s.cmd.Wait()
	s.world.Close()
	os.RemoveAll(s.dir)
}

// sample looks at all processes that work below the directory of the system.
func (s *system) sample() (list []process) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		args, _ := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline"))
		if !strings.Contains(string(args), s.dir+"/") {
			continue
		}
		p := process{role: roleOf(strings.Split(string(args), "\x00")), pid: pid}
		if p.rss, p.pss, err = residentOf(pid); err != nil {
			continue // it has ended
		}
		if socket, ok := map[string]string{"kresd": "kresd0.sock", "cache-gc": "cache-gc.sock"}[p.role]; ok {
			p.goroutines = goroutines(filepath.Join(s.dir, "run/control", socket))
		}
		list = append(list, p)
	}
	return list
}

// roleOf finds the role of a process in its arguments.
func roleOf(args []string) string {
	for _, role := range []string{"manager", "kresd", "cache-gc", "policy-loader", "zone-transfer"} {
		for _, a := range args {
			if a == role {
				return role
			}
		}
	}
	return "supervisor"
}

var memoryLine = regexp.MustCompile(`(?m)^(Rss|Pss): +(\d+) kB`)

func residentOf(pid int) (rss, pss int, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return 0, 0, err
	}
	for _, m := range memoryLine.FindAllStringSubmatch(string(text), -1) {
		kib, _ := strconv.Atoi(m[2])
		if m[1] == "Rss" {
			rss = kib
		} else {
			pss = kib
		}
	}
	return rss, pss, nil
}

var goroutinesLine = regexp.MustCompile(`goroutine profile: total (\d+)`)

// goroutines asks a process over its control socket.
func goroutines(socket string) string {
	client := http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}}
	answer, err := client.Get("http://worker/debug/pprof/goroutine?debug=1")
	if err != nil {
		return ""
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	if m := goroutinesLine.FindSubmatch(text); m != nil {
		return string(m[1])
	}
	return ""
}
