package explain

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/dns/dnstest"
)

func TestRender(t *testing.T) {
	n := New()
	n.Add(Step{Kind: KindCut, Zone: "."})
	n.Add(Step{Kind: KindAsk, Name: "www.test.", Type: "A", Zone: "test.", Server: "192.0.2.1:53", Transport: "udp", RTTMicros: 1500, RCode: "NOERROR", Class: "referral"}).
		Add(Step{Kind: KindVerify, Verdict: "bogus", EDE: "DNSSEC Bogus", Text: "no signature"})
	trace := &Trace{Name: "www.test.", Type: "A", Root: n.Root(), RCode: "SERVFAIL", EDE: "6", Reason: "no signature",
		Spent: map[string]int{"upstream queries": 2, "aliases": 1}, Micros: 2500}
	var b strings.Builder
	if err := Render(&b, trace); err != nil {
		t.Fatal(err)
	}
	want := `www.test. A: SERVFAIL, EDE 6
because: no signature

├─ cut zone .
└─ ask www.test. A zone test. @192.0.2.1:53 udp 1.5ms NOERROR [referral]
   └─ verify bogus EDE DNSSEC Bogus — no signature

took 2.5ms; spent 1 aliases, 2 upstream queries
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
	raw, err := json.Marshal(trace)
	back := new(Trace)
	if err != nil || json.Unmarshal(raw, back) != nil || len(back.Root.Steps) != 2 || back.Root.Steps[1].Steps[0].Text != "no signature" {
		t.Errorf("%v: %s", err, raw)
	}
}

func TestNothingIsRecorded(t *testing.T) {
	var n *Node
	if n.On() || n.Add(Step{}) != nil || n.Add(Step{}).Add(Step{}) != nil {
		t.Error("a nil Node records")
	}
}

func TestConcurrentSteps(t *testing.T) {
	n := New()
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() { n.Add(Step{Kind: KindAsk}).Add(Step{Kind: KindVerify}) })
	}
	group.Wait()
	if got := len(n.Root().Steps); got != 50 || !n.On() {
		t.Errorf("%d steps", got)
	}
}

func TestRecords(t *testing.T) {
	set := dnstest.MustRRset("a.test. 60 IN MX 1 mail.test.\na.test. 60 IN MX 2 mail2.test.")
	if got := strings.Join(Records(&set), "|"); got != "a.test. 60 IN MX 1 mail.test.|a.test. 60 IN MX 2 mail2.test." {
		t.Error(got)
	}
	odd := dns.RRset{Owner: dns.MustName("a.test"), Type: dns.TypeTXT, TTL: 60, RDatas: dns.RDatas(nil).Append([]byte("\x09short"))}
	if got := strings.Join(Records(&odd), "|"); got != `a.test. 60 IN TXT \# 6 0973686f7274` {
		t.Errorf("RDATA that is not of its type: %q", got)
	}
}
