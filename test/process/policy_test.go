package process

import (
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/testnet"
)

const blockList = `$TTL 60
@ SOA localhost. root.localhost. 1 1 1 1 1
@ NS localhost.
bad.example       CNAME .
*.bad.example     CNAME .
nodata.example    CNAME *.
drop.example      CNAME rpz-drop.
alias.example     CNAME host.example.
dropped.example   CNAME drop.example.
*.se              CNAME .
www.example.se    CNAME rpz-passthru.
wild.data.example A 192.0.2.50
*.data.example    A 192.0.2.51
`

// ruled is a system on the miniature internet with a policy of every kind.
func ruled(t *testing.T) *system {
	t.Helper()
	_, o := internet(t)
	o.extra += `
local-data:
  addresses: {host.example: 192.0.2.1}
  addresses-files: [hosts]
  records: |
    text.example. TXT "hello"
    old.example. DNAME host.example.
  rules:
    - {name: [gone.example, gone2.example], subtree: nxdomain}
    - {name: re.example, subtree: redirect, address: 192.0.2.3, ttl: 5s}
    - {file: more-hosts, nodata: false}
    - {records: rec.example. A 192.0.2.5}
  rpz:
    - {file: first.rpz, strict: true}
    - {file: second.rpz, watchdog: false}
`
	s := prepare(t, o)
	s.file("hosts", "192.0.2.2 printer.example printer # in the hall\n")
	s.file("more-hosts", "192.0.2.4 four.example\n")
	s.file("first.rpz", blockList)
	s.file("second.rpz", "bad.example A 192.0.2.60\nsecond.example A 192.0.2.61\n")
	s.launch("")
	s.waitLog("everything started")
	return s
}

func (s *system) file(name, content string) {
	s.t.Helper()
	if err := os.WriteFile(s.path(name), []byte(content), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// query asks for a name and type; nil stands for silence for so long.
func (s *system) query(name string, t uint16, wait time.Duration) *miekg.Msg {
	s.t.Helper()
	q := new(miekg.Msg).SetQuestion(miekg.Fqdn(name), t)
	q.SetEdns0(1232, false)
	client := miekg.Client{Timeout: wait}
	m, _, err := client.Exchange(q, net.JoinHostPort(s.addr, strconv.Itoa(port)))
	if e, ok := err.(net.Error); ok && e.Timeout() {
		return nil
	}
	if err != nil {
		s.t.Fatalf("%s: %v", name, err)
	}
	return m
}

const silent = "silence"

// outcome is an answer on one line: RCODE, EDE codes, record data.
func (s *system) outcome(name string, t uint16) string {
	s.t.Helper()
	m := s.query(name, t, patience)
	if m == nil {
		return silent
	}
	out := miekg.RcodeToString[m.Rcode]
	for _, e := range testnet.ExtendedErrors(m) {
		out += fmt.Sprintf(" EDE %d", e)
	}
	for _, rr := range m.Answer {
		out += " " + strings.TrimPrefix(rr.String(), rr.Header().String())
	}
	return out
}

func TestPolicy(t *testing.T) {
	t.Parallel()
	s := ruled(t)
	for _, c := range []struct {
		name string
		typ  uint16
		want string
	}{
		{"host.example", miekg.TypeA, "NOERROR 192.0.2.1"},
		{"printer", miekg.TypeA, "NOERROR 192.0.2.2"},
		{"printer.example", miekg.TypeAAAA, "NOERROR"},
		{"2.2.0.192.in-addr.arpa", miekg.TypePTR, "NOERROR printer.example."},
		{"text.example", miekg.TypeTXT, `NOERROR "hello"`},
		{"gone.example", miekg.TypeA, "NXDOMAIN EDE 17"},
		{"a.b.gone2.example", miekg.TypeA, "NXDOMAIN EDE 17"},
		{"a.re.example", miekg.TypeA, "NOERROR 192.0.2.3"},
		{"four.example", miekg.TypeA, "NOERROR 192.0.2.4"},
		{"rec.example", miekg.TypeA, "NOERROR 192.0.2.5"},
		{"old.example", miekg.TypeDNAME, "NOERROR host.example."},
		{"bad.example", miekg.TypeA, "NXDOMAIN EDE 15"},
		{"x.bad.example", miekg.TypeTXT, "NXDOMAIN EDE 15"},
		{"nodata.example", miekg.TypeA, "NOERROR EDE 15"},
		{"alias.example", miekg.TypeA, "NOERROR EDE 4 host.example. 192.0.2.1"},
		{"dropped.example", miekg.TypeA, silent},
		{"drop.example", miekg.TypeA, silent},
		{"wild.data.example", miekg.TypeA, "NOERROR EDE 4 192.0.2.50"},
		{"x.y.data.example", miekg.TypeA, "NOERROR EDE 4 192.0.2.51"},
		{"second.example", miekg.TypeA, "NOERROR EDE 4 192.0.2.61"},
		{"ns.example.se", miekg.TypeA, "NXDOMAIN EDE 15"},
	} {
		if c.want == silent {
			if m := s.query(c.name, c.typ, time.Second); m != nil {
				t.Errorf("%s: %v, want silence", c.name, m)
			}
		} else if got := s.outcome(c.name, c.typ); got != c.want {
			t.Errorf("%s %s: %s, want %s", c.name, miekg.TypeToString[c.typ], got, c.want)
		}
	}
	if got := s.outcome("www.example.se", miekg.TypeA); !strings.HasPrefix(got, "NOERROR ") {
		t.Errorf("www.example.se: %s, want records from its servers", got)
	}
	if out := s.must("explain", "x.bad.example"); !strings.Contains(out, "first.rpz") || !strings.Contains(out, "*.bad.example.") {
		t.Errorf("explain does not name zone and rule:\n%s", out)
	}
}

// TestBrokenPolicyIsRefused: a mistake in a file is told with its place, and the rules stay as they were.
func TestBrokenPolicyIsRefused(t *testing.T) {
	t.Parallel()
	s := ruled(t)
	before := s.workers()
	s.file("first.rpz", blockList+"new.example CNAME .\nbroken.example CNAMEE .\n")
	stop := s.load("udp", port)
	_, errs, status := s.ctl("reload")
	lossless(t, stop)
	place := fmt.Sprintf("%s:%d", s.path("first.rpz"), strings.Count(blockList, "\n")+2)
	if status != 1 || !strings.Contains(errs, place) || !strings.Contains(errs, "/local-data/rpz/0") {
		t.Errorf("status %d, want an error at %s: %s", status, place, errs)
	}
	if got := s.outcome("bad.example", miekg.TypeA); got != "NXDOMAIN EDE 15" {
		t.Errorf("old rule: %s", got)
	}
	if now := s.workers(); !slices.Equal(now, before) {
		t.Errorf("workers %v, then %v", before, now)
	}

	s.file("first.rpz", strings.Replace(blockList, "bad.example       CNAME .", "bad.example A 192.0.2.70", 1)+"new.example CNAME .\n")
	s.must("reload")
	for name, want := range map[string]string{"new.example": "NXDOMAIN EDE 15", "bad.example": "NOERROR EDE 4 192.0.2.70"} {
		if got := s.outcome(name, miekg.TypeA); got != want {
			t.Errorf("%s after the repair: %s, want %s", name, got, want)
		}
	}
	if now := s.workers(); !slices.Equal(now, before) {
		t.Errorf("workers %v, then %v", before, now)
	}

	s.file("hosts", "192.0.2.2\n")
	if _, errs, status := s.ctl("reload"); status != 1 || !strings.Contains(errs, s.path("hosts")+":1") {
		t.Errorf("status %d: %s", status, errs)
	}
}
