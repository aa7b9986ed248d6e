package app

import (
	"bytes"
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"knot-resolver/internal/config"
	"knot-resolver/internal/supervisor"
)

func TestCommandLine(t *testing.T) {
	broken := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(broken, []byte("wokrers: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		args   string
		status int
		output string
	}{
		{"--version", 0, "test"},
		{"--help", 0, "--config"},
		{"--nonsense", 2, "--nonsense"},
		{"nonsense", 2, "nonsense"},
		{"--supervisor cron -c " + broken, 2, "cron"},
		{"-c " + broken, 1, "wokrers"},
		{"-c /nonexistent.yaml", 1, "/nonexistent.yaml"},
		{"-c " + broken + " /nonexistent.yaml", 1, "/nonexistent.yaml"},
	}
	for _, test := range tests {
		var out bytes.Buffer
		a := App{Version: "test", NewEngine: trivial, Stdout: &out, Stderr: &out}
		if status := a.Main(strings.Fields(test.args)); status != test.status || !strings.Contains(out.String(), test.output) {
			t.Errorf("%s: status %d, output %q", test.args, status, out.String())
		}
	}
}

func TestSupervisorConf(t *testing.T) {
	o := supervisorOptions{rundir: "/run/kr", level: config.LogNotice, files: []string{"/etc/a b.yaml"}}
	c := o.conf("/usr/sbin/knot-resolver")
	text, err := c.Render()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "loglevel=warn\n") {
		t.Errorf("log level:\n%s", text)
	}
	var names []string
	for i := range c.Programs {
		p := &c.Programs[i]
		names = append(names, p.Name)
		if p.AutoStart != (p.Name == "manager") {
			t.Errorf("%s: autostart is %v", p.Name, p.AutoStart)
		}
		if p.Name != "manager" && p.Priority <= c.Programs[0].Priority {
			t.Errorf("%s stops after the manager", p.Name)
		}
	}
	if want := []string{"manager", "policy-loader", "kresd", "cache-gc", "zone-transfer"}; !slices.Equal(names, want) {
		t.Errorf("programs %v, expected %v", names, want)
	}
	if got := c.Programs[2].Processes()[3].Command; !slices.Equal(got[len(got)-2:], []string{"-n", "3"}) {
		t.Errorf("fourth worker: %q", got)
	}
	if c.Programs[0].AutoRestart != supervisor.RestartAlways {
		t.Error("the manager is not restarted")
	}
}

func TestAddresses(t *testing.T) {
	addr := netip.MustParseAddr("192.0.2.1")
	if got, err := addresses(config.Listen{Addr: addr, Port: 53}); err != nil || !slices.Equal(got, []netip.AddrPort{netip.AddrPortFrom(addr, 53)}) {
		t.Errorf("address: %v, %v", got, err)
	}
	if got, err := addresses(config.Listen{Interface: "lo", Port: 53}); err != nil || !slices.Contains(got, netip.MustParseAddrPort("127.0.0.1:53")) {
		t.Errorf("interface: %v, %v", got, err)
	}
	if _, err := addresses(config.Listen{Interface: "nonexistent0"}); err == nil || !strings.Contains(err.Error(), "nonexistent0") {
		t.Errorf("missing interface: %v", err)
	}
}

func TestAskLocalhost(t *testing.T) {
	e, err := trivial(EngineOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := askLocalhost(context.Background(), e); err != nil {
		t.Error(err)
	}
}
