package testnet

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sys/unix"
)

// inNamespace marks the copy of the test binary that runs in its own network.
const inNamespace = "TESTNET_IN_NAMESPACE"

// TestUnbound lets Unbound resolve every documented name: the world is right if
// another validator finds in it what the table says. Unbound cannot ask roots
// at a port other than 53, so all runs in a network namespace.
func TestUnbound(t *testing.T) {
	if os.Getenv(inNamespace) != "" {
		walkUnbound(t)
		return
	}
	if testing.Short() {
		t.Skip("needs seconds")
	}
	if _, err := exec.LookPath("unbound"); err != nil {
		t.Skip("no unbound")
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestUnbound$", "-test.v")
	cmd.Env = append(os.Environ(), inNamespace+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if os.Getuid() != 0 {
		t.Skip("needs root for a network namespace")
	}
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
}

func walkUnbound(t *testing.T) {
	raiseLoopback(t)
	w, err := New()
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Start(53); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	patient := startUnbound(t, w, 5353, "")
	// Unbound tries silent servers for minutes, unless told to give up early.
	hasty := startUnbound(t, w, 5354, "infra-cache-max-rtt: 300")

	names := Names()
	answers := make([]*dns.Msg, len(names))
	askAll := func(addr string, wanted func(Expectation) bool) {
		var group sync.WaitGroup
		for i, e := range names {
			if wanted(e) {
				group.Go(func() { answers[i] = askUnbound(e, addr) })
			}
		}
		group.Wait()
	}
	askAll(patient, func(e Expectation) bool { return !hasSilentServer(e) })
	askAll(hasty, hasSilentServer)
	for i, e := range names {
		t.Run(fmt.Sprintf("%s_%s", e.Name, dns.TypeToString[e.Type]), func(t *testing.T) {
			if answers[i] == nil {
				t.Fatal("no answer")
			}
			if err := e.Check(answers[i]); err != nil {
				t.Error(err)
			}
			if err := e.CheckEDE(answers[i]); err != nil {
				t.Log("by the way: ", err)
			}
		})
	}
}

// hasSilentServer tells whether Unbound will wait for a server that never answers.
func hasSilentServer(e Expectation) bool {
	return e.EDE == dns.ExtendedErrorCodeNoReachableAuthority || e.Name == "www.halfdead.se."
}

func raiseLoopback(t *testing.T) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	ifr, err := unix.NewIfreq("lo")
	if err != nil {
		t.Fatal(err)
	}
	ifr.SetUint16(unix.IFF_UP)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, ifr); err != nil {
		t.Skip("cannot raise lo: ", err)
	}
}

// startUnbound starts an Unbound with one more option, and returns its address.
func startUnbound(t *testing.T, w *World, port int, option string) string {
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	conf := write("unbound.conf", fmt.Sprintf(`
server:
  directory: %q
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  logfile: ""
  interface: 127.0.0.1@%d
  do-ip6: no
  do-not-query-localhost: no
  root-hints: %q
  trust-anchor-file: %q
  module-config: "validator iterator"
  qname-minimisation: yes
  ede: yes
  %s
remote-control:
  control-enable: no
`, dir, port, write("hints", w.RootHints()), write("anchor", w.TrustAnchor()), option))
	cmd := exec.CommandContext(t.Context(), "unbound", "-d", "-c", conf)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	for range 100 {
		if conn, err := net.Dial("tcp", addr); err == nil {
			conn.Close()
			return addr
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("unbound does not start")
	return ""
}

func askUnbound(e Expectation, addr string) *dns.Msg {
	q := new(dns.Msg).SetQuestion(e.Name, e.Type)
	q.SetEdns0(4096, true)
	c := dns.Client{Timeout: 30 * time.Second}
	m, _, err := c.ExchangeContext(context.Background(), q, addr)
	if err != nil {
		return nil
	}
	return m
}
