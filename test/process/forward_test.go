package process

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	miekg "github.com/miekg/dns"
)

// forwarding adds forward rules to the configuration of a system on the miniature internet.
func forwarding(extra, rules string) string {
	return strings.Replace(extra, "options: {root-hints", rules+"\noptions: {root-hints", 1)
}

// validated checks that a name resolves with AD.
func (s *system) validated(name string) {
	s.t.Helper()
	if m := s.resolve(name); m.Rcode != miekg.RcodeSuccess || !m.AuthenticatedData || len(m.Answer) == 0 {
		s.t.Errorf("%s: %v", name, m)
	}
}

// TestForwardTLS asks a real Unbound over TLS with a private CA, then with pins; a server that is not the one wanted is not
// asked, and the reason reaches the client.
func TestForwardTLS(t *testing.T) {
	t.Parallel()
	_, o := internet(t)
	first := start(t, o)
	ca := newCA(t)
	certificate, pin := ca.server("dns.test.example", time.Hour)
	server := unbound(t, fmt.Sprintf("%s@%d", first.addr, port), certificate)
	expired, _ := ca.server("dns.test.example", -time.Minute)
	late := unbound(t, fmt.Sprintf("%s@%d", first.addr, port), expired)

	s := prepare(t, options{})
	ca.file(s.path("ca.pem"))
	to := func(p *peer, how string) string {
		return forwarding(o.extra, fmt.Sprintf("\nforward: [{subtree: ., servers: [{address: %s@%d, transport: tls, %s}]}]", p.addr, unboundTLSPort, how))
	}
	byName := "hostname: dns.test.example, ca-file: ca.pem"
	s.configure(1, port, to(server, byName))
	s.launch("")
	s.waitLog("everything started")
	s.validated("www.example.se.")
	if out := s.must("explain", "www.example.se", "AAAA"); !strings.Contains(out, fmt.Sprintf("@%s:%d tls", server.addr, unboundTLSPort)) {
		t.Errorf("explain does not show TLS:\n%s", out)
	}

	for _, test := range []struct{ rule, name, wrong string }{
		{to(server, "pin-sha256: "+pin), "www.wild.se.", ""},
		{to(server, "hostname: other.example, ca-file: ca.pem"), "a1.wild.se.", "its certificate is for dns.test.example, not for other.example"},
		{to(server, "hostname: dns.test.example"), "a2.wild.se.", "no certificate authority that is trusted"},
		{to(server, "pin-sha256: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="), "a3.wild.se.", "is not pinned"},
		{to(late, byName), "a4.wild.se.", "its certificate expired on "},
		{to(server, byName), "a5.wild.se.", ""},
	} {
		s.configure(1, port, test.rule)
		s.must("reload")
		if test.wrong == "" {
			s.validated(test.name)
			continue
		}
		if m := s.resolve(test.name); m.Rcode != miekg.RcodeServerFailure || !strings.Contains(reason(m), test.wrong) {
			t.Errorf("%s: %v", test.wrong, m)
		}
		if out := s.must("explain", test.name, "A"); !strings.Contains(out, test.wrong) {
			t.Errorf("explain does not say %q:\n%s", test.wrong, out)
		}
	}
	s.configure(1, port, to(server, "ca-file: ca.pem"))
	if out, errs, status := s.ctl("reload"); status == 0 || !strings.Contains(out+errs, "/forward/0/servers/0/transport") {
		t.Errorf("TLS without a way to know the server: status %d\n%s%s", status, out, errs)
	}
}

// TestForwardFailover: of two servers one stops, first silently, then with its ports closed. No question takes a second.
func TestForwardFailover(t *testing.T) {
	t.Parallel()
	_, o := internet(t)
	first := start(t, o)
	ca := newCA(t)
	certificate, _ := ca.server("dns.test.example", time.Hour)
	to := fmt.Sprintf("%s@%d", first.addr, port)
	one, two := unbound(t, to, certificate), unbound(t, to, certificate)
	for _, tls := range []bool{false, true} {
		s := prepare(t, options{})
		ca.file(s.path("ca.pem"))
		how, at := "", unboundPort
		if tls {
			how, at = "transport: tls, hostname: dns.test.example, ca-file: ca.pem", unboundTLSPort
		}
		s.configure(1, port, forwarding(o.extra, fmt.Sprintf("\nforward: [{subtree: ., servers: [{address: [%s@%d, %s@%d], %s}]}]", one.addr, at, two.addr, at, how)))
		s.launch("")
		s.waitLog("everything started")
		worst := func(when string) {
			t.Helper()
			var most time.Duration
			for range 15 {
				s.must("cache", "clear")
				begin := time.Now()
				s.validated("www.example.se.")
				most = max(most, time.Since(begin))
			}
			t.Logf("TLS %v, %s: at most %v", tls, when, most)
			if most > time.Second {
				t.Errorf("TLS %v, %s: %v", tls, when, most)
			}
		}
		worst("both")
		one.signal(syscall.SIGSTOP)
		worst("silent")
		one.signal(syscall.SIGCONT)
		worst("back")
		two.signal(syscall.SIGSTOP)
		worst("other")
		two.signal(syscall.SIGCONT)
	}
	one.stop(syscall.SIGKILL)
}

// TestForwardAuthoritative asks a real Knot, on a port of its own, for a zone that the root knows nothing of: signed and with a
// trust anchor, and then without validation as a private zone below a signed parent.
func TestForwardAuthoritative(t *testing.T) {
	t.Parallel()
	_, o := internet(t)
	p := newPeer(t, "knotd")
	p.write("island.zone", "$ORIGIN island.\n$TTL 300\n@ SOA ns a 1 3600 600 86400 60\n@ NS ns\nns A 192.0.2.1\nwww A 192.0.2.2\nsub NS ns.sub\nns.sub A 192.0.2.3\n")
	p.write("corp.zone", "$ORIGIN corp.example.se.\n$TTL 300\n@ SOA ns a 1 3600 600 86400 60\n@ NS ns\nns A 192.0.2.1\nwww A 192.0.2.4\n")
	const at = 5300
	conf := p.write("knot.conf", fmt.Sprintf(`
server:
  rundir: "%[1]s"
  listen: "%[2]s@%[3]d"
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
database:
  storage: "%[1]s"
template:
  - id: default
    storage: "%[1]s"
zone:
  - domain: island
    file: island.zone
    dnssec-signing: on
  - domain: corp.example.se
    file: corp.zone
`, p.dir, p.addr, at))
	p.run(at, "knotd", "-c", conf)
	var anchor string
	for end := time.Now().Add(patience); anchor == "" && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		for _, line := range strings.Split(p.output("keymgr", "-c", conf, "island", "ds"), "\n") {
			if fields := strings.Fields(line); len(fields) == 6 && fields[4] == "2" {
				anchor = strings.Join(fields, " ")
			}
		}
	}
	s := start(t, options{extra: forwarding(strings.Replace(o.extra, "dnssec: {", fmt.Sprintf("dnssec: {trust-anchors: [%q], ", strings.Replace(anchor, " DS ", " IN DS ", 1)), 1), fmt.Sprintf(`
forward:
  - {subtree: island, servers: [%[1]s@%[2]d], options: {authoritative: true}}
  - {subtree: corp.example.se, servers: [%[1]s@%[2]d], options: {authoritative: true, dnssec: false}}`, p.addr, at))})
	s.validated("www.island.")
	s.validated("www.example.se.") // beside the private zone
	if m := s.resolve("nothing.island."); m.Rcode != miekg.RcodeNameError || !m.AuthenticatedData {
		t.Errorf("denial: %v", m)
	}
	if m := s.resolve("www.corp.example.se."); len(m.Answer) != 1 || m.AuthenticatedData {
		t.Errorf("private zone: %v", m)
	}
}

// TestFallback: names whose servers are dead are answered by the resolver of last resort, over TLS; what is bogus only when the
// configuration says so.
func TestFallback(t *testing.T) {
	t.Parallel()
	_, o := internet(t)
	first := start(t, o)
	ca := newCA(t)
	certificate, pin := ca.server("dns.test.example", time.Hour)
	last := unbound(t, fmt.Sprintf("%s@%d", first.addr, port), certificate, "www.down.zz. A 192.0.2.70", "www.expired.se. A 192.0.2.71")
	for _, dnssec := range []bool{true, false} {
		s := start(t, options{extra: forwarding(o.extra, fmt.Sprintf("\nfallback: {enable: true, servers: [{address: %s@%d, transport: tls, pin-sha256: %s}], options: {dnssec: %v}}\nviews: [{subnets: [127.0.0.7], answer: allow, options: {fallback: false}}]",
			last.addr, unboundTLSPort, pin, dnssec))})
		if m := s.resolveFrom("127.0.0.7", "www.down.zz."); m.Rcode != miekg.RcodeServerFailure {
			t.Errorf("dnssec %v, view without fallback: %v", dnssec, m)
		}
		if m := s.resolve("www.down.zz."); len(m.Answer) != 1 || m.AuthenticatedData {
			t.Errorf("dnssec %v, dead servers: %v", dnssec, m)
		}
		if out := s.must("explain", "www.down.zz", "A"); !strings.Contains(out, "fallback") || !strings.Contains(out, "192.0.2.70") {
			t.Errorf("dnssec %v: explain:\n%s", dnssec, out)
		}
		m := s.resolve("www.expired.se.")
		if dnssec && m.Rcode != miekg.RcodeServerFailure || !dnssec && (len(m.Answer) == 0 || m.AuthenticatedData) {
			t.Errorf("dnssec %v, bogus: %v", dnssec, m)
		}
		s.validated("www.example.se.")
	}
}

// TestForwardOfView: clients of a view get what its own servers say of a name, all others what is public, however often and in
// whatever order they ask.
func TestForwardOfView(t *testing.T) {
	t.Parallel()
	_, o := internet(t)
	first := start(t, o)
	certificate, _ := newCA(t).server("dns.test.example", time.Hour)
	inside := unbound(t, fmt.Sprintf("%s@%d", first.addr, port), certificate, "www.example.se. A 192.0.2.80", "host.corp.example.se. A 192.0.2.81")
	s := start(t, options{workers: 2, extra: forwarding(o.extra, fmt.Sprintf(`
views: [{subnets: [127.0.0.7], tags: [staff]}]
forward: [{subtree: example.se, servers: [%s@%d], options: {dnssec: false}, tags: [staff]}]`, inside.addr, unboundPort))})
	const staff = "127.0.0.7"
	for range 3 {
		s.validated("www.example.se.")
		for name, want := range map[string]string{"www.example.se.": "192.0.2.80", "host.corp.example.se.": "192.0.2.81"} {
			m := s.resolveFrom(staff, name)
			if len(m.Answer) != 1 || m.AuthenticatedData || m.Answer[0].(*miekg.A).A.String() != want {
				t.Errorf("inside, %s: %v", name, m)
			}
		}
		if m := s.resolve("host.corp.example.se."); m.Rcode != miekg.RcodeNameError || !m.AuthenticatedData {
			t.Errorf("outside: %v", m)
		}
		s.validated("www.example.se.")
		if m := s.resolveFrom(staff, "www.wild.se."); !m.AuthenticatedData {
			t.Errorf("inside, another zone: %v", m)
		}
	}
	// Views change without new workers.
	text, err := os.ReadFile(s.config)
	if err != nil {
		t.Fatal(err)
	}
	before := s.workers()
	if err := os.WriteFile(s.config, []byte(strings.Replace(string(text), "subnets: [127.0.0.7]", "subnets: [127.0.0.8]", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	s.must("reload")
	if m := s.resolveFrom(staff, "www.example.se."); !m.AuthenticatedData {
		t.Errorf("no longer inside: %v", m)
	}
	if m := s.resolveFrom("127.0.0.8", "www.example.se."); m.AuthenticatedData {
		t.Errorf("now inside: %v", m)
	}
	if now := s.workers(); !slices.Equal(now, before) {
		t.Errorf("workers %v, then %v", before, now)
	}
}
