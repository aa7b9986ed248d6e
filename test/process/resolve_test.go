package process

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/testnet"
)

// internet starts the miniature internet on loopback and returns the configuration that goes with it.
func internet(t *testing.T) (*testnet.World, options) {
	t.Helper()
	world, err := testnet.New()
	if err != nil {
		t.Fatal(err)
	}
	if err := world.Start(0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { world.Close() })
	dir := t.TempDir()
	hints, anchor := dir+"/root.hints", dir+"/root.ds"
	if err := world.WriteHints(hints); err != nil {
		t.Fatal(err)
	}
	if err := world.WriteTrustAnchor(anchor); err != nil {
		t.Fatal(err)
	}
	return world, options{workers: 2, extra: fmt.Sprintf(`
  do-ipv6: false
options: {root-hints: %s, query-loopback: true, upstream-port: %d}
dnssec: {trust-anchors-files: [{file: %s, read-only: true}]}
`, hints, world.Port(), anchor)}
}

// resolve asks for a name over UDP with DO and returns the answer.
func (s *system) resolve(name string) *miekg.Msg {
	s.t.Helper()
	return s.resolveFrom("", name)
}

// resolveFrom asks from an address of its own on loopback, if it is not empty.
func (s *system) resolveFrom(from, name string) *miekg.Msg {
	s.t.Helper()
	q := new(miekg.Msg).SetQuestion(name, miekg.TypeA)
	q.SetEdns0(1232, true)
	client := miekg.Client{Timeout: 12 * time.Second, Dialer: &net.Dialer{Timeout: 12 * time.Second}}
	if from != "" {
		client.Dialer.LocalAddr = &net.UDPAddr{IP: net.ParseIP(from)}
	}
	m, _, err := client.Exchange(q, net.JoinHostPort(s.addr, strconv.Itoa(port)))
	if err != nil {
		s.t.Fatalf("%s: %v", name, err)
	}
	return m
}

// asked counts the queries that all servers got for a name.
func asked(world *testnet.World, name string) (count int) {
	for _, server := range world.Servers() {
		for _, q := range server.Queries() {
			if strings.EqualFold(q.Name, name) {
				count++
			}
		}
	}
	return count
}

// TestCacheSurvivesRestart: a name resolved before is answered without asking anybody after the whole system was
// stopped and started, and after it was killed and started.
func TestCacheSurvivesRestart(t *testing.T) {
	t.Parallel()
	world, o := internet(t)
	s := start(t, o)
	const name = "www.example.se."
	for _, end := range []string{"stop", "kill"} {
		if m := s.resolve(name); m.Rcode != miekg.RcodeSuccess || !m.AuthenticatedData || len(m.Answer) == 0 {
			t.Fatalf("before %s: %v", end, m)
		}
		s.written()
		if end == "stop" {
			s.must("stop")
		} else {
			s.cmd.Process.Kill()
		}
		s.waitExit()
		s.eventually("no process is left", func() bool { return len(s.tree()) == 0 })
		for _, server := range world.Servers() {
			server.ForgetQueries()
		}
		s.launch("")
		s.waitLog("everything started")
		m := s.resolve(name)
		if m.Rcode != miekg.RcodeSuccess || !m.AuthenticatedData || len(m.Answer) == 0 {
			t.Errorf("after %s: %v", end, m)
		}
		if n := asked(world, name); n > 0 {
			t.Errorf("after %s servers were asked %d times", end, n)
		}
	}
}

// TestKilledUnderLoad kills every role in turn while names are asked steadily, old and new ones: each question is answered.
func TestKilledUnderLoad(t *testing.T) {
	t.Parallel()
	_, o := internet(t)
	s := start(t, o)
	stop, done := make(chan struct{}), make(chan string)
	go func() {
		faults := []string{}
		for i := 0; ; i++ {
			select {
			case <-stop:
				done <- strings.Join(faults, "\n")
				return
			case <-time.After(3 * time.Millisecond):
			}
			name := "www.example.se."
			if i%2 == 1 {
				name = fmt.Sprintf("n%d.wild.se.", i)
			}
			q := new(miekg.Msg).SetQuestion(name, miekg.TypeA)
			client := miekg.Client{Timeout: 5 * time.Second}
			m, _, err := client.Exchange(q, net.JoinHostPort(s.addr, strconv.Itoa(port)))
			if err != nil || m.Rcode == miekg.RcodeServerFailure {
				faults = append(faults, fmt.Sprintf("%s: %v %v", name, err, m))
			}
		}
	}()
	for _, role := range []string{"kresd", "manager", "cache-gc", "kresd"} {
		old := s.role(role)
		if err := syscall.Kill(old[0], syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		s.eventually(role+" is back", func() bool {
			now := s.role(role)
			return len(now) == len(old) && now[0] != old[0]
		})
		time.Sleep(300 * time.Millisecond)
	}
	close(stop)
	// A worker that dies takes the questions it has read along; clients ask those again. One question may be in work at a time here.
	if faults := <-done; strings.Count(faults, "\n") > 1 {
		t.Error(faults)
	}
}

// TestExplainSaysWhy asks the running system why a name fails.
func TestExplainSaysWhy(t *testing.T) {
	t.Parallel()
	_, o := internet(t)
	s := start(t, o)
	for name, why := range map[string]string{
		"www.expired.se.": "expired",
		"www.down.zz.":    "no server of down.zz. answers",
	} {
		m := s.resolve(name)
		if m.Rcode != miekg.RcodeServerFailure || len(testnet.ExtendedErrors(m)) == 0 {
			t.Errorf("%s: no SERVFAIL with EDE: %v", name, m)
		}
		if out := s.must("explain", name, "A"); !strings.Contains(out, why) {
			t.Errorf("explain %s does not say %q:\n%s", name, why, out)
		}
		if out := s.must("explain", name, "A", "--json"); !strings.Contains(out, `"rcode": "SERVFAIL"`) && !strings.Contains(out, `"rcode":"SERVFAIL"`) {
			t.Errorf("explain --json %s:\n%s", name, out)
		}
	}
}

// TestForward puts one whole system behind another: it asks the first for everything and validates again.
func TestForward(t *testing.T) {
	t.Parallel()
	_, o := internet(t)
	first := start(t, o)
	second := start(t, options{extra: strings.Replace(o.extra, "options: {root-hints", fmt.Sprintf(`
forward:
  - subtree: .
    servers: [%s@%d]
options: {root-hints`, first.addr, port), 1)})
	m := second.resolve("www.example.se.")
	if m.Rcode != miekg.RcodeSuccess || !m.AuthenticatedData || len(m.Answer) == 0 {
		t.Errorf("secure name: %v", m)
	}
	m = second.resolve("www.expired.se.")
	if m.Rcode != miekg.RcodeServerFailure || len(testnet.ExtendedErrors(m)) == 0 {
		t.Errorf("bogus name: %v", m)
	}
	first.must("stop")
	if m = second.resolve("www.example.se."); !m.AuthenticatedData {
		t.Errorf("cached name without the first: %v", m)
	}
	if out := second.must("explain", "www.example.cz", "A"); !strings.Contains(out, "SERVFAIL") || !strings.Contains(out, first.addr) {
		t.Errorf("explain does not name the server that is gone:\n%s", out)
	}
}
