package policy_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/policy"
	"knot-resolver/internal/policy/compile"
)

// write makes a file and returns its path.
func write(t testing.TB, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "data")
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// expect checks answers, one "question: answer" a line.
func expect(t *testing.T, rules *policy.Rules, table string) {
	t.Helper()
	for line := range strings.Lines(table) {
		question, want, ok := strings.Cut(strings.TrimSpace(line), ": ")
		if !ok {
			continue
		}
		if got := describe(rules, question); got != want {
			t.Errorf("%s: %s, want %s", question, got, want)
		}
	}
}

func TestHostsFile(t *testing.T) {
	file := write(t, "# comment\n\n192.0.2.1\tone.example  alias.example # first\n2001:db9::1 ONE.example.\n192.0.2.2 one.example\n")
	expect(t, open(t, compile.Input{TTL: 60, Rules: []compile.Rule{{Files: []string{file}, NoData: true}}}), `
		one.example A: 60 192.0.2.1 192.0.2.2
		one.example AAAA: 60 2001:db9::1
		one.example TXT: NODATA 60 one.example.
		alias.example A: 60 192.0.2.1
		alias.example AAAA: NODATA 60 alias.example.
		1.2.0.192.in-addr.arpa PTR: 60 one.example.
		2.2.0.192.in-addr.arpa PTR: 60 one.example.
		www.one.example A: -
	`)
}

func TestRecords(t *testing.T) {
	in := compile.Input{TTL: 60, NoData: true, Addresses: []compile.Address{{Name: "host.example", Addrs: addrs("192.0.2.9")}},
		Rules: []compile.Rule{{NoData: true, Records: `
host.example 10 A 192.0.2.1
host.example 20 A 192.0.2.2
host.example TXT "text"
alias.example. 5 CNAME Host.Example.
*.wild.example. A 192.0.2.3
own.example. SOA a. b. 7 1 1 1 1
own.example. NS ns.own.example.
old.example. 30 DNAME new.example.
$ORIGIN rel.example.
$TTL 90
@ AAAA 2001:db9::1
www A ( 192.0.2.4
)
`}}}
	expect(t, open(t, in), `
		host.example A: 10 192.0.2.9 192.0.2.1 192.0.2.2
		host.example TXT: 60 text
		host.example MX: NODATA 10 host.example.
		host.example DS: -
		alias.example A: 5 CNAME host.example.
		alias.example CNAME: 5 host.example.
		alias.example DS: -
		a.wild.example A: 60 192.0.2.3
		wild.example A: -
		*.wild.example A: 60 192.0.2.3
		*.wild.example TXT: NODATA 60 *.wild.example.
		own.example SOA: 60 7 <nil>
		own.example NS: 60 ns.own.example.
		own.example A: NODATA 60 own.example.
		old.example DNAME: 30 new.example.
		old.example A: NODATA 30 old.example.
		a.b.old.example A: 30 old.example. DNAME new.example.
		a.old.example DNAME: 30 old.example. DNAME new.example.
		rel.example AAAA: 90 2001:db9::1
		www.rel.example A: 90 192.0.2.4
		2.2.0.192.in-addr.arpa PTR: NXDOMAIN 3600 2.0.192.in-addr.arpa.
	`)
	in.Rules[0].NoData = false
	expect(t, open(t, in), `
		alias.example A: 5 CNAME host.example.
		own.example A: -
		old.example A: -
		a.old.example A: 30 old.example. DNAME new.example.
	`)
}

func TestSubtreeRules(t *testing.T) {
	in := compile.Input{TTL: 60, Rules: []compile.Rule{
		{Names: []string{"empty.example", "both.example"}, Subtree: policy.SubtreeEmpty},
		{Names: []string{"nx.example"}, Subtree: policy.SubtreeNXDomain, Pointer: "/local-data/rules/1"},
		{Names: []string{"re.example"}, Subtree: policy.SubtreeRedirect, Addrs: addrs("192.0.2.1", "2001:db9::1"), TTL: 5, NoData: true},
		{Names: []string{"zone.example"}, Subtree: policy.SubtreeEmpty, Addrs: addrs("192.0.2.2"), NoData: true},
		{Names: []string{"in.nx.example"}, Addrs: addrs("192.0.2.3")},
		{Names: []string{"nothing.example"}, Subtree: policy.SubtreeRedirect},
		{Names: []string{"both.example"}, Subtree: policy.SubtreeNXDomain},
		{Records: "al.example CNAME re.example."},
		{Names: []string{"al.example"}, Subtree: policy.SubtreeRedirect},
		{Names: []string{"local"}, Subtree: policy.SubtreeEmpty},
		{Names: []string{"localhost"}, Subtree: policy.SubtreeNXDomain},
	}}
	expect(t, open(t, in), `
		empty.example SOA: 60 1 <nil>
		empty.example NS: 60 empty.example.
		empty.example A: NODATA 60 empty.example.
		empty.example DS: -
		a.empty.example A: NXDOMAIN 60 empty.example.
		a.empty.example DS: NXDOMAIN 60 empty.example.
		nx.example A: NXDOMAIN 60 nx.example. EDE 17
		a.nx.example A: NXDOMAIN 60 nx.example. EDE 17
		in.nx.example A: 60 192.0.2.3
		in.nx.example AAAA: NXDOMAIN 60 nx.example. EDE 17
		3.2.0.192.in-addr.arpa PTR: 60 in.nx.example.
		re.example A: 5 192.0.2.1
		re.example SOA: 5 1 <nil>
		re.example NS: NODATA 5 re.example.
		re.example TXT: NODATA 5 re.example.
		a.b.re.example AAAA: 5 2001:db9::1
		a.b.re.example TXT: NODATA 5 re.example.
		a.b.re.example NS: NODATA 5 re.example.
		1.2.0.192.in-addr.arpa PTR: NXDOMAIN 3600 2.0.192.in-addr.arpa.
		zone.example A: 60 192.0.2.2
		zone.example TXT: NODATA 60 zone.example.
		a.zone.example A: NXDOMAIN 60 zone.example.
		nothing.example A: NODATA 60 nothing.example.
		a.nothing.example A: NODATA 60 nothing.example.
		a.both.example A: NXDOMAIN 60 both.example.
		a.al.example A: 60 CNAME re.example.
		local SOA: 60 1 <nil>
		localhost A: NXDOMAIN 60 localhost. EDE 17
		a.localhost A: NXDOMAIN 60 localhost. EDE 17
	`)
}

func TestOriginOfRules(t *testing.T) {
	rules := open(t, compile.Input{Rules: []compile.Rule{
		{Names: []string{"nx.example"}, Subtree: policy.SubtreeNXDomain, Pointer: "/local-data/rules/0"},
	}})
	if res := rules.Lookup(policy.Query{Name: dns.MustName("a.nx.example"), Type: dns.TypeA}, true); res.Rule != "/local-data/rules/0" || res.Owner.String() != "nx.example." {
		t.Errorf("%q %v", res.Rule, res.Owner)
	}
}
