package main

import (
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func TestReadProcess(t *testing.T) {
	p, err := readProcess(filepath.Join("/proc", strconv.Itoa(os.Getpid())))
	if err != nil {
		t.Fatal(err)
	}
	if p.pid != os.Getpid() || p.parent != os.Getppid() || p.memory == 0 || !strings.HasPrefix(p.title, os.Args[0]) {
		t.Errorf("this process is shown as %+v", p)
	}
}

func TestFreeAddress(t *testing.T) {
	taken, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, port, _ := net.SplitHostPort(taken.LocalAddr().String())
	for _, c := range []struct{ port, want string }{
		{port, "is in use"},
		{"0", "not a port number"},
		{"70000", "not a port number"},
		{"mdns", "not a port number"},
	} {
		_, err := freeAddress(c.port)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "DEMO_PORT") {
			t.Errorf("port %s: error %v, want one with %q and DEMO_PORT", c.port, err, c.want)
		}
	}
}

func TestWrap(t *testing.T) {
	for line := range strings.Lines(wrap(strings.Repeat("some words ", 100))) {
		if len(strings.TrimSpace(line)) > lineWidth {
			t.Errorf("line of %d characters", len(line))
		}
	}
}
