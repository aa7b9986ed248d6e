package policy_test

import (
	"testing"

	"knot-resolver/internal/policy"
	"knot-resolver/internal/policy/compile"
)

// TestSubtreeResolve: what is resolved hides local data above, not below, and lists go on.
func TestSubtreeResolve(t *testing.T) {
	in := zones(t, "*.blocked.open.test CNAME .\n")
	in.Rules = []compile.Rule{
		{Names: []string{"open.test", "10.in-addr.arpa"}, Subtree: policy.SubtreeResolve},
		{Names: []string{"refused.test"}, Subtree: policy.SubtreeRefused},
		{Records: "host.refused.test. A 192.0.2.2\nhost.open.test. A 192.0.2.1\nalias.example. CNAME *.suffix.example.\n*.wild.example. CNAME *.suffix.example.\n", NoData: true},
	}
	expect(t, open(t, in), `
		open.test A: -
		a.b.open.test A: -
		host.open.test A: 60 192.0.2.1
		x.blocked.open.test A: NXDOMAIN 60 blocked.open.test. EDE 15
		other.test A: NXDOMAIN 3600 test.
		1.0.0.10.in-addr.arpa PTR: -
		alias.example A: 60 CNAME alias.example.suffix.example.
		refused.test A: REFUSED 60 refused.test. EDE 18
		a.b.refused.test AAAA: REFUSED 60 refused.test. EDE 18
		host.refused.test A: 60 192.0.2.2
		a.wild.example A: 60 CNAME a.wild.example.suffix.example.
	`)
}
