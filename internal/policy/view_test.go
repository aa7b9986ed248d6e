package policy_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"knot-resolver/internal/policy"
	"knot-resolver/internal/policy/compile"
)

func prefixes(list ...string) (out []netip.Prefix) {
	for _, s := range list {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

// viewsOf opens rules with views.
func viewsOf(t testing.TB, all ...policy.View) *policy.Rules {
	t.Helper()
	var in compile.Input
	for _, v := range all {
		in.Views = append(in.Views, compile.View{View: v})
	}
	return open(t, in)
}

// TestViewSelection: the longest subnet whose conditions hold, then the order of the configuration.
func TestViewSelection(t *testing.T) {
	rules := viewsOf(t,
		policy.View{Subnets: prefixes("10.0.0.0/8", "2001:db8::/32")},                                              // 1
		policy.View{Subnets: prefixes("10.1.0.0/16"), Protocols: policy.DoT | policy.DoH},                          // 2
		policy.View{Subnets: prefixes("10.1.0.0/16", "192.0.2.0/24"), Destination: prefixes("198.51.100.0/24")[0]}, // 3
		policy.View{Subnets: prefixes("10.1.0.0/16")},                                                              // 4
		policy.View{Subnets: prefixes("10.1.0.0/16")},                                                              // 5, never
		policy.View{Subnets: prefixes("10.1.2.3/32", "2001:db8::1/128"), Protocols: policy.UDP53},                  // 6
		policy.View{Subnets: prefixes("::/0")},                                                                     // 7
		policy.View{Subnets: prefixes("255.255.255.255/32", "0.0.0.0/32")},                                         // 8
	)
	for _, c := range []struct {
		client, local string
		protocol      policy.Protocol
		want          int
	}{
		{"10.2.0.1", "198.51.100.1", policy.UDP53, 1},
		{"10.1.0.1", "198.51.100.1", policy.DoT, 2},
		{"10.1.0.1", "198.51.100.1", policy.UDP53, 3},
		{"10.1.0.1", "203.0.113.1", policy.UDP53, 4},
		{"10.1.2.3", "203.0.113.1", policy.UDP53, 6},
		{"10.1.2.3", "203.0.113.1", policy.TCP53, 4},
		{"192.0.2.1", "203.0.113.1", policy.UDP53, 0},
		{"192.0.2.1", "198.51.100.7", policy.UDP53, 3},
		{"2001:db8::1", "::1", policy.UDP53, 6},
		{"2001:db8::1", "::1", policy.DoQ, 1},
		{"2001:db9::", "::1", policy.DoQ, 7},
		{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::1", policy.DoQ, 7},
		{"11.0.0.0", "198.51.100.1", policy.UDP53, 0},
		{"9.255.255.255", "198.51.100.1", policy.UDP53, 0},
		{"0.0.0.0", "198.51.100.1", policy.UDP53, 8},
		{"255.255.255.255", "198.51.100.1", policy.UDP53, 8},
		{"0.0.0.1", "198.51.100.1", policy.UDP53, 0},
	} {
		if v := rules.View(netip.MustParseAddr(c.client), netip.MustParseAddr(c.local), c.protocol); v.Number != c.want {
			t.Errorf("%s at %s over %d: view %d, want %d", c.client, c.local, c.protocol, v.Number, c.want)
		}
	}
	var without *policy.Rules
	if v := without.View(netip.Addr{}, netip.Addr{}, policy.UDP53); v.Number != 0 || !v.Minimize || !v.DNS64 || !v.Fallback || v.PriceFactor != policy.PriceUnit {
		t.Errorf("without rules: %+v", v)
	}
}

// TestViewVariants: views share answers exactly when nothing that changes answers differs.
func TestViewVariants(t *testing.T) {
	net := prefixes("10.0.0.0/8")
	plain := policy.View{Subnets: net, DNS64: true, Fallback: true}
	other := plain
	other.PriceFactor, other.Minimize = 7, true
	no64, noFallback := plain, plain
	no64.DNS64, noFallback.Fallback = false, false
	rules, _, err := compile.Rules(compile.Input{Views: []compile.View{
		{View: plain}, {View: other}, {View: no64}, {View: noFallback}, {View: plain, Tags: []string{"a"}}, {View: plain, Tags: []string{"b", "a"}}, {View: other, Tags: []string{"a"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	var got []uint16
	for n := range 7 {
		got = append(got, rules.ViewAt(n+1).Variant())
	}
	if want := []uint16{0, 0, 1, 2, 3, 4, 3}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestTooManyTags(t *testing.T) {
	view := compile.View{Pointer: "/views/0"}
	for i := range policy.MaxTags + 1 {
		view.Tags = append(view.Tags, fmt.Sprint("t", i))
	}
	if _, _, err := compile.Rules(compile.Input{Views: []compile.View{view}}); err == nil || err.Error() != "/views/0: more than 64 different tags" {
		t.Error(err)
	}
}

// TestViewsAgainstLinearSearch compares the intervals with a search through all subnets.
func TestViewsAgainstLinearSearch(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		var all []policy.View
		for range 60 {
			// Few different octets and all lengths make subnets that nest and touch.
			v4, v6 := [4]byte{byte(r.IntN(3)) * 127, byte(r.IntN(2)) * 255}, [16]byte{byte(r.IntN(3)) * 127, 7: byte(r.IntN(2)) * 255, 15: byte(r.IntN(3))}
			all = append(all, policy.View{Subnets: []netip.Prefix{netip.PrefixFrom(netip.AddrFrom4(v4), r.IntN(33)).Masked(),
				netip.PrefixFrom(netip.AddrFrom16(v6), r.IntN(129)).Masked()}})
		}
		rules := viewsOf(t, all...)
		for range 300 {
			client := netip.AddrFrom4([4]byte{byte(r.IntN(256)), byte(r.IntN(256)), byte(r.IntN(2)), byte(r.IntN(2))})
			if r.IntN(2) == 0 {
				client = netip.AddrFrom16([16]byte{byte(r.IntN(256)), 7: byte(r.IntN(256)), 15: byte(r.IntN(4))})
			}
			want, bits := 0, -1
			for i, v := range all {
				for _, p := range v.Subnets {
					if p.Contains(client) && p.Bits() > bits {
						want, bits = i+1, p.Bits()
					}
				}
			}
			if got := rules.View(client, client, policy.UDP53).Number; got != want {
				t.Fatalf("%v: view %d, want %d of %v", client, got, want, all)
			}
		}
	}
}

// BenchmarkView selects among ten thousand subnets.
func BenchmarkView(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	view := policy.View{}
	for range 10_000 {
		view.Subnets = append(view.Subnets, netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(r.IntN(224)), byte(r.IntN(256)), byte(r.IntN(256))}), 16+r.IntN(9)).Masked())
	}
	rules := viewsOf(b, view)
	clients := make([]netip.Addr, 1<<12)
	for i := range clients {
		clients[i] = netip.AddrFrom4([4]byte{byte(r.IntN(224)), byte(r.IntN(256)), byte(r.IntN(256)), byte(i)})
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		rules.View(clients[i%len(clients)], clients[0], policy.UDP53)
	}
}
