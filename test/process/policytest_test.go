package process

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	miekg "github.com/miekg/dns"
)

// TestPolicyTest: kresctl tells what becomes of a query without asking it; asked, the same comes of it.
func TestPolicyTest(t *testing.T) {
	t.Parallel()
	world, o := internet(t)
	o.workers = 1 // whose counters are all
	o.extra += `
views:
  - {subnets: [127.251.0.0/16], tags: [kids], options: {minimize: false}}
  - {subnets: [127.252.0.0/16], answer: refused}
local-data:
  rules: [{name: host.example, address: 192.0.2.1}]
  rpz:
    - {file: kids.rpz, tags: [kids], extended-error: filtered}
    - {file: dry.rpz, dry-run: true, log: [ip, name]}
    - {file: answers.rpz, log: [name]}
`
	s := prepare(t, o)
	s.file("kids.rpz", "$ORIGIN kids.rpz.\n@ SOA a. b. 1 1 1 1 1\n*.se CNAME .\nalias.example CNAME host.example.\n")
	s.file("dry.rpz", "www.example.se CNAME rpz-drop.\n")
	s.file("answers.rpz", "8.0.0.0.10.rpz-ip CNAME .\nbad line here\n")
	s.launch("")
	s.waitLog("everything started")
	for _, c := range []struct{ args, want string }{
		{"www.example.se --client 127.251.0.1", "view: /views/0, minimize: false\ntags: kids\nwww.example.se.: nxdomain, EDE 17 (Filtered)\n" +
			"  by: response policy zone kids.rpz. (kids.rpz)\n  list: kids.rpz\n  rule: *.se.\n"},
		{"www.example.se --client 127.0.0.1", "view: none\nwww.example.se.: resolve\n  unless what is found matches a rule of: answers.rpz\n  in dry run: drop by www.example.se. of dry.rpz\n"},
		{"www.example.se --client 127.252.0.9", "view: /views/1, refused\n"},
		{"alias.example A --client 127.251.0.1 --proto tcp53", "alias.example.: answer, EDE 4 (Forged Answer)\n"},
		{"alias.example A --client 127.251.0.1", "record: host.example. 300 IN A 192.0.2.1\n"},
		{"a.invalid", "a.invalid.: nxdomain\n  by: special-use name\n  rule: invalid.\n"},
	} {
		if out := s.must(append([]string{"policy", "test"}, strings.Fields(c.args)...)...); !strings.Contains(out, c.want) {
			t.Errorf("policy test %s:\n%s\nwant\n%s", c.args, out, c.want)
		}
	}
	if n := asked(world, "www.example.se."); n != 0 {
		t.Errorf("servers were asked %d times", n)
	}
	for _, args := range []string{"a..b", "a --client x", "a --proto udp", "a NOTYPE"} {
		if _, errs, status := s.ctl(append([]string{"policy", "test"}, strings.Fields(args)...)...); status == 0 || errs == "" {
			t.Errorf("policy test %s: status %d, %q", args, status, errs)
		}
	}
	if m := s.queryFrom("127.251.0.1", "udp", "www.example.se", miekg.TypeA, patience); m == nil || m.Rcode != miekg.RcodeNameError {
		t.Errorf("asked: %v", m)
	}
	if m := s.queryFrom("127.0.0.1", "udp", "www.example.se", miekg.TypeA, patience); m == nil || m.Rcode != miekg.RcodeSuccess {
		t.Errorf("asked: %v", m)
	}
	if line := s.waitLog("response policy"); !strings.Contains(line, "rules: response policy list=dry.rpz") || !strings.Contains(line, "user=127.0.0.1") || !strings.Contains(line, "name=www.example.se.") {
		t.Errorf("logged: %s", line)
	}
	metrics := s.must("metrics", "--prometheus")
	for _, want := range []string{`resolver_rpz_hits_total{instance_id="kresd:kresd0",list="kids.rpz"} 1`, `resolver_rpz_dry_run_hits_total{instance_id="kresd:kresd0",list="dry.rpz"} 1`,
		`resolver_rpz_rules{instance_id="kresd:kresd0",list="kids.rpz"} 2`, `resolver_rpz_bad_records{instance_id="kresd:kresd0",list="answers.rpz"} 1`} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %s in the metrics", want)
		}
	}
	if log := s.logged(); !strings.Contains(log, s.path("answers.rpz")+":2: ") {
		t.Errorf("the bad line is not told: %s", log)
	}
}

// TestPolicyChangeUnderLoad: while clients ask all the time, the rules change many times; none loses an answer, and when a change
// is acknowledged the old verdict is not seen any more.
func TestPolicyChangeUnderLoad(t *testing.T) {
	t.Parallel()
	_, o := internet(t)
	o.workers = 2
	o.extra += "\nlocal-data: {rpz: [{file: list.rpz, watchdog: false}]}\n"
	s := prepare(t, o)
	verdicts := []struct{ rule, want string }{
		{"x.example.se CNAME .\n", "NXDOMAIN EDE 15"}, {"x.example.se A 192.0.2.1\n", "NOERROR EDE 4 192.0.2.1"}, {"x.example.se CNAME *.\n", "NOERROR EDE 15"},
	}
	var filler strings.Builder // a list of some size takes its time
	for i := range 20_000 {
		filler.WriteString("host" + strings.Repeat("x", i%7) + string(rune('a'+i%26)) + strconv.Itoa(i) + ".example CNAME .\n")
	}
	s.file("list.rpz", verdicts[0].rule+filler.String())
	s.launch("")
	s.waitLog("everything started")
	before := s.workers()
	stop := s.load("udp", port)
	for round := range 9 {
		v := verdicts[round%len(verdicts)]
		s.file("list.rpz", v.rule+filler.String())
		s.must("reload")
		for range 20 {
			if got := s.outcome("x.example.se", miekg.TypeA); got != v.want {
				t.Fatalf("round %d: %s, want %s", round, got, v.want)
			}
		}
	}
	lossless(t, stop)
	if now := s.workers(); !slices.Equal(now, before) {
		t.Errorf("workers %v, then %v", before, now)
	}
}
