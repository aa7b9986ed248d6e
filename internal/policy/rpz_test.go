package policy_test

import (
	"testing"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/policy"
	"knot-resolver/internal/policy/compile"
)

// zones makes the input of response policy zones.
func zones(t testing.TB, texts ...string) compile.Input {
	t.Helper()
	in := compile.Input{TTL: 60, NoData: true}
	for _, text := range texts {
		in.RPZ = append(in.RPZ, compile.RPZ{File: write(t, text), Pointer: "/local-data/rpz", EDE: dns.EDEBlocked, Strict: true})
	}
	return in
}

const head = "$ORIGIN rpz.example.\n$TTL 30\n@ SOA a. b. 1 1 1 1 1\n@ NS localhost.\n@ A 192.0.2.99\n"

func TestRPZActions(t *testing.T) {
	in := zones(t, head+`
nx.test.example      CNAME .
*.tree.example       CNAME .
tree.example   5     CNAME .
nodata.example       CNAME *.
*.nodata2.example    CNAME *.
good.tree.example    CNAME rpz-passthru.
*.good.tree.example  CNAME rpz-passthru.
self.tree.example    CNAME self.tree.example.
drop.example         CNAME rpz-drop.
*.drop.example       CNAME rpz-drop.
alias.example        CNAME Walled.Garden.
*.alias.example      CNAME walled.garden.
data.example         A 192.0.2.1
data.example         A 192.0.2.2
data.example         TXT "text"
*.data.example       AAAA 2001:db9::1
UPPER.example        CNAME .
only.invalid         CNAME .
*.local              A 192.0.2.3
`)
	const same = `
		nx.test.example A: NXDOMAIN 30 nx.test.example. EDE 15
		nx.test.example DS: NXDOMAIN 30 nx.test.example. EDE 15
		www.nx.test.example A: -
		tree.example A: NXDOMAIN 5 tree.example. EDE 15
		a.b.tree.example A: NXDOMAIN 30 tree.example. EDE 15
		a.b.tree.example DS: NXDOMAIN 30 tree.example. EDE 15
		good.tree.example A: PASS 30 good.tree.example. EDE 15
		good.tree.example DS: PASS 30 good.tree.example. EDE 15
		www.good.tree.example A: PASS 30 good.tree.example. EDE 15
		self.tree.example A: PASS 30 self.tree.example. EDE 15
		www.self.tree.example A: NXDOMAIN 30 tree.example. EDE 15
		nodata.example A: NODATA 30 nodata.example. EDE 15
		www.nodata.example A: -
		nodata2.example A: -
		www.nodata2.example A: NODATA 30 nodata2.example. EDE 15
		drop.example MX: DROP 30 drop.example. EDE 15
		www.drop.example MX: DROP 30 drop.example. EDE 15
		alias.example A: 30 CNAME walled.garden.
		alias.example CNAME: 30 walled.garden.
		a.b.alias.example A: 30 CNAME walled.garden.
		data.example A: 30 192.0.2.1 192.0.2.2
		data.example TXT: 30 text
		www.data.example AAAA: 30 2001:db9::1
		upper.example A: NXDOMAIN 30 upper.example. EDE 15
		only.invalid A: NXDOMAIN 30 only.invalid. EDE 15
		x.only.invalid A: NXDOMAIN 3600 invalid.
		local A: NXDOMAIN 3600 local.
		a.local A: 30 192.0.2.3
		rpz.example A: -
		nx.test.example.rpz.example A: -
	`
	rules := open(t, in)
	expect(t, rules, same)
	expect(t, rules, `
		data.example AAAA: NODATA 30 data.example. EDE 15
		www.data.example A: NODATA 30 data.example. EDE 15
	`)
	in.NoData = false
	rules = open(t, in)
	expect(t, rules, same)
	expect(t, rules, `
		data.example AAAA: -
		www.data.example A: -
	`)
}

// The apex is the owner of the SOA record, else the origin, else the root.
func TestRPZApex(t *testing.T) {
	for _, text := range []string{
		"@ SOA a. b. 1 1 1 1 1\nbad.example CNAME .\n",
		"bad.example. CNAME .\n",
		"; no SOA\n\n$TTL 60\n$ORIGIN rpz.\nbad.example CNAME .\nother.example. CNAME .\n",
		"rpz. SOA a. b. 1 1 1 1 1\nbad.example.rpz. CNAME .\nbad.example CNAME .\n",
		"$ORIGIN rpz.\nbad.example CNAME .\n@ SOA a. b. 1 1 1 1 1\n",
	} {
		expect(t, open(t, zones(t, text)), "bad.example A: NXDOMAIN 60 bad.example. EDE 15\n other.example A: -")
	}
}

// Among zones the first that has a rule for a name decides, even when a later one has a closer rule.
func TestRPZPrecedence(t *testing.T) {
	rules := open(t, zones(t, `
*.wide.example  CNAME .
exact.example   CNAME rpz-passthru.
*.sub.deep.example A 192.0.2.1
`, `
a.wide.example  A 192.0.2.2
*.b.wide.example A 192.0.2.2
wide.example    A 192.0.2.2
exact.example   CNAME .
*.exact.example CNAME .
*.deep.example  A 192.0.2.2
x.sub.deep.example A 192.0.2.2
sub.deep.example CNAME .
`, `
*.wide.example  A 192.0.2.3
y.deep.example  A 192.0.2.3
*               CNAME *.
`, `
org             CNAME .
`))
	expect(t, rules, `
		a.wide.example A: NXDOMAIN 60 wide.example. EDE 15
		x.b.wide.example A: NXDOMAIN 60 wide.example. EDE 15
		wide.example A: 60 192.0.2.2
		exact.example A: PASS 60 exact.example. EDE 15
		www.exact.example A: NXDOMAIN 60 exact.example. EDE 15
		z.deep.example A: 60 192.0.2.2
		y.deep.example A: 60 192.0.2.2
		x.sub.deep.example A: 60 192.0.2.1
		sub.deep.example A: NXDOMAIN 60 sub.deep.example. EDE 15
		org A: NODATA 60 . EDE 15
	`)
}

// What local data says about a name stands.
func TestRPZBesideLocalData(t *testing.T) {
	in := zones(t, "host.example CNAME .\n*.example CNAME .\nzone.example A 192.0.2.3\n*.zone.example A 192.0.2.3\nx.zone.example A 192.0.2.4\n*.re.example CNAME .\n")
	in.Addresses = []compile.Address{{Name: "host.example", Addrs: addrs("192.0.2.1")}}
	in.Rules = []compile.Rule{
		{Names: []string{"zone.example"}, Subtree: policy.SubtreeEmpty},
		{Names: []string{"re.example"}, Subtree: policy.SubtreeRedirect, Addrs: addrs("192.0.2.2")},
	}
	expect(t, open(t, in), `
		host.example A: 60 192.0.2.1
		www.host.example A: NXDOMAIN 60 example. EDE 15
		zone.example A: NODATA 60 zone.example.
		y.zone.example A: NXDOMAIN 60 zone.example.
		x.zone.example A: 60 192.0.2.4
		y.re.example A: 60 192.0.2.2
	`)
}

func TestRPZNamesItsRule(t *testing.T) {
	in := zones(t, head+"*.bad.example CNAME .\n")
	res := open(t, in).Lookup(policy.Query{Name: dns.MustName("a.b.bad.example"), Type: dns.TypeA}, true)
	if want := "response policy zone rpz.example. (data)"; res.Rule != want || res.Owner.String() != "*.bad.example." {
		t.Errorf("rule %q of %v, want %q", res.Rule, res.Owner, want)
	}
}
