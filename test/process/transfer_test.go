package process

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	miekg "github.com/miekg/dns"
)

const (
	notifyPort = 5311
	keyName    = "transfer.example."
	secret     = "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IHNlY3I="
)

// bind starts a real BIND that is primary of rpz.example and tells a secondary of each change.
func bind(t *testing.T, secondary string) *peer {
	t.Helper()
	p := newPeer(t, "named")
	p.addr, p.port = "127.0.0.1", freePort(t) // it listens on addresses of interfaces only
	p.write("rpz.zone", "$TTL 60\n@ SOA localhost. root.localhost. 1 3600 600 86400 60\n@ NS localhost.\nbad.example CNAME .\n*.bad.example CNAME .\ndata.example A 192.0.2.60\n")
	conf := p.write("named.conf", fmt.Sprintf(`
key "%[4]s" { algorithm hmac-sha256; secret "%[5]s"; };
options {
	directory "%[1]s";
	pid-file none;
	session-keyfile none;
	listen-on port %[3]d { %[2]s; };
	listen-on-v6 { none; };
	recursion no;
	notify explicit;
	notify-source %[2]s;
	notify-delay 0;
	notify-rate 1000;
	max-ixfr-ratio unlimited;
	dnssec-validation no;
};
controls { };
zone "rpz.example" {
	type primary;
	file "rpz.zone";
	allow-update { key "%[4]s"; };
	allow-transfer { key "%[4]s"; };
	also-notify { %[6]s port %[7]d key "%[4]s"; };
};
`, p.dir, p.addr, p.port, keyName, secret, secondary, notifyPort))
	p.run(p.port, "named", "-g", "-n", "1", "-c", conf)
	return p
}

// change adds a rule to the zone of a BIND.
func (p *peer) change(record string) {
	p.t.Helper()
	m := new(miekg.Msg).SetUpdate("rpz.example.")
	rr, err := miekg.NewRR(record)
	if err != nil {
		p.t.Fatal(err)
	}
	m.Insert([]miekg.RR{rr})
	m.SetTsig(keyName, miekg.HmacSHA256, 300, time.Now().Unix())
	client := miekg.Client{TsigSecret: map[string]string{keyName: secret}, Net: "tcp", Timeout: patience}
	a, _, err := client.Exchange(m, fmt.Sprintf("%s:%d", p.addr, p.port))
	if err != nil || a.Rcode != miekg.RcodeSuccess {
		p.t.Fatalf("update %s: %v %v\n%s", record, err, a, &p.out)
	}
}

// serial is that of the zone at a BIND.
func (p *peer) serial() uint32 {
	p.t.Helper()
	client := miekg.Client{Net: "tcp", Timeout: patience}
	a, _, err := client.Exchange(new(miekg.Msg).SetQuestion("rpz.example.", miekg.TypeSOA), fmt.Sprintf("%s:%d", p.addr, p.port))
	if err != nil || len(a.Answer) != 1 {
		p.t.Fatalf("SOA: %v %v", err, a)
	}
	return a.Answer[0].(*miekg.SOA).Serial
}

// copied is the state of the one zone that a system transfers.
func (s *system) copied() (z struct {
	Serial                                         uint32
	Records, Full, Incremental, Failures, Notifies int
	Error                                          string
}) {
	s.t.Helper()
	var list []json.RawMessage
	if err := json.Unmarshal([]byte(s.must("zones", "--json")), &list); err != nil || len(list) != 1 {
		s.t.Fatalf("%v: %s", err, list)
	}
	if err := json.Unmarshal(list[0], &z); err != nil {
		s.t.Fatal(err)
	}
	return z
}

// secondary is a system that takes its policy from a primary, through a proxy that may cut transfers off.
func secondary(t *testing.T) (*system, *peer, *cutter) {
	_, o := internet(t)
	s := prepare(t, options{})
	p := bind(t, s.addr)
	c := newCutter(t, fmt.Sprintf("%s:%d", p.addr, p.port))
	if err := os.WriteFile(s.path("key.secret"), []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.configure(1, port, o.extra+fmt.Sprintf(`
local-data:
  rpz:
    - transfer:
        zone: rpz.example
        primaries: [%s]
        notify: %s@%d
        tsig: {name: %s, secret-file: key.secret}
`, c.addr, s.addr, notifyPort, keyName))
	s.launch("")
	s.waitLog("everything started")
	s.eventually("the first copy is in force", func() bool { return s.denied("www.bad.example.") })
	return s, p, c
}

// denied says whether the policy denies a name.
func (s *system) denied(name string) bool {
	s.t.Helper()
	m := s.resolve(name)
	return m.Rcode == miekg.RcodeNameError && strings.Contains(reason(m), "rpz.example")
}

// TestTransfer takes a policy zone from a real BIND by IXFR with TSIG: each change arrives with its NOTIFY, a thousand in a row are
// all there in the end, and it is there again after a restart without the primary.
func TestTransfer(t *testing.T) {
	t.Parallel()
	s, p, c := secondary(t)
	if got := s.address("data.example."); got != "192.0.2.60" {
		t.Errorf("data of the zone: %q", got)
	}
	for i := range 5 {
		name := fmt.Sprintf("one%d.example.", i)
		p.change(name + "rpz.example. 60 CNAME .")
		s.eventually(name+" is denied", func() bool { return s.denied(name) })
	}
	for i := range 1000 {
		p.change(fmt.Sprintf("n%d.example.rpz.example. 60 CNAME .", i))
	}
	want := p.serial()
	s.eventually("the last change is there", func() bool { return s.copied().Serial == want })
	z := s.copied()
	t.Logf("%+v", z)
	if z.Records != 4+5+1000 || z.Full != 1 || z.Incremental < 6 || z.Failures > 0 {
		t.Errorf("copy: %+v", z)
	}
	s.eventually("it is in force", func() bool { return s.denied("n999.example.") && s.denied("n0.example.") })

	p.stop(syscall.SIGKILL)
	c.close()
	s.must("stop")
	s.waitExit()
	s.launch("")
	s.waitLog("everything started")
	if !s.denied("n999.example.") {
		t.Error("the copy is not in force after a restart")
	}
	s.eventually("the failure is told", func() bool { z := s.copied(); return z.Failures > 0 && z.Error != "" })
}

// TestTransferCut: transfers that are cut off, at whatever octet, and forged NOTIFYs leave the copy as it is.
func TestTransferCut(t *testing.T) {
	t.Parallel()
	s, p, c := secondary(t)
	before := s.copied()
	for i, octets := range []int64{1, 40, 200, 330} {
		was := s.copied()
		c.limit.Store(octets)
		name := fmt.Sprintf("cut%d.example.", i)
		p.change(name + "rpz.example. 60 CNAME .")
		s.eventually("it is told and its transfer has failed", func() bool {
			z := s.copied() // a failure may also be one that was tried again
			return z.Notifies > was.Notifies && z.Failures > was.Failures
		})
		if !s.denied("www.bad.example.") || s.denied(name) {
			t.Errorf("%d octets: the policy has changed", octets)
		}
	}
	if z := s.copied(); z.Serial != before.Serial || z.Records != before.Records || z.Error == "" {
		t.Errorf("copy: %+v, then %+v", before, z)
	}
	notifies := s.copied().Notifies
	for from, answered := range map[string]bool{"127.0.0.1": true, "127.9.9.9": false} {
		client := miekg.Client{Timeout: 300 * time.Millisecond, Dialer: &net.Dialer{LocalAddr: &net.UDPAddr{IP: net.ParseIP(from)}}}
		a, _, err := client.Exchange(new(miekg.Msg).SetNotify("rpz.example."), fmt.Sprintf("%s:%d", s.addr, notifyPort))
		if answered && (err != nil || a.Rcode != miekg.RcodeNotAuth) || !answered && err == nil {
			t.Errorf("NOTIFY without signature from %s: %v %v", from, err, a)
		}
	}
	if n := s.copied().Notifies; n != notifies {
		t.Errorf("%d NOTIFYs were accepted, then %d", notifies, n)
	}
	c.limit.Store(0)
	p.change("whole.example.rpz.example. 60 CNAME .")
	s.eventually("all changes are there", func() bool { return s.denied("whole.example.") && s.denied("cut0.example.") })
	if left, _ := filepath.Glob(s.path("cache/zones/*")); len(left) != 1 {
		t.Errorf("files: %v", left)
	}
}

// cutter passes TCP connections on, each only up to a number of octets if there is a limit.
type cutter struct {
	addr     string // as in the configuration
	limit    atomic.Int64
	listener net.Listener
}

func newCutter(t *testing.T, to string) *cutter {
	t.Helper()
	host, _, _ := net.SplitHostPort(to)
	l, err := net.Listen("tcp", host+":0") // NOTIFY has to come from the address of the primary
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{addr: strings.Replace(l.Addr().String(), ":", "@", 1), listener: l}
	t.Cleanup(c.close)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go c.pass(conn, to)
		}
	}()
	return c
}

func (c *cutter) close() { c.listener.Close() }

func (c *cutter) pass(client net.Conn, to string) {
	defer client.Close()
	server, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer server.Close()
	go io.Copy(server, client)
	if limit := c.limit.Load(); limit > 0 {
		io.CopyN(client, server, limit)
		return
	}
	io.Copy(client, server)
}

// TestTransferProcess: the process that transfers comes back when it is killed, lives on with a new manager, and comes and goes with the
// configuration. A NOTIFY address that is taken refuses the change.
func TestTransferProcess(t *testing.T) {
	t.Parallel()
	s, p, _ := secondary(t)
	text, err := os.ReadFile(s.config)
	if err != nil {
		t.Fatal(err)
	}
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(s.config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pid := s.only("zone-transfer")
	s.kill(pid)
	s.eventually("another one runs", func() bool { now := s.role("zone-transfer"); return len(now) == 1 && now[0] != pid })
	p.change("after.example.rpz.example. 60 CNAME .")
	s.eventually("it works", func() bool { return s.denied("after.example.") })

	pid = s.only("zone-transfer")
	s.kill(s.only("manager"))
	s.waitLog("running system taken over")
	if now := s.only("zone-transfer"); now != pid {
		t.Errorf("pid %d, then %d", pid, now)
	}
	p.change("taken.example.rpz.example. 60 CNAME .")
	s.eventually("it is heard of by the new manager", func() bool { return s.denied("taken.example.") })

	taken := strings.Replace(string(text), fmt.Sprintf("notify: %s@%d", s.addr, notifyPort), fmt.Sprintf("notify: %s@%d", s.addr, port), 1)
	write(taken)
	if _, errs, status := s.ctl("reload"); status == 0 || !strings.Contains(errs, "listen for NOTIFY") {
		t.Errorf("address in use: status %d: %s", status, errs)
	}
	if !s.denied("taken.example.") || s.copied().Records == 0 {
		t.Error("the refused change has changed something")
	}
	before, _, _ := strings.Cut(string(text), "local-data:")
	write(before)
	s.must("reload")
	if left := s.role("zone-transfer"); len(left) > 0 || s.denied("taken.example.") {
		t.Errorf("not configured any more: %v", left)
	}
	if out := s.must("zones"); strings.Contains(out, "rpz.example") {
		t.Errorf("zones: %s", out)
	}
	write(string(text))
	s.must("reload")
	if !s.denied("taken.example.") {
		t.Error("the copy is not in force")
	}
	if out := s.must("metrics", "--prometheus"); !strings.Contains(out, `resolver_zone_serial{zone="rpz.example."} 3`) {
		t.Errorf("metrics:\n%s", out)
	}
	t.Log(s.must("zones"))
}
