package app

import (
	"net/netip"
	"reflect"
	"testing"
	"time"

	"knot-resolver/internal/config"
	"knot-resolver/internal/dns"
	"knot-resolver/internal/policy"
	"knot-resolver/internal/policy/compile"
)

// Every rule is told by its place in the configuration.
func TestPolicyInput(t *testing.T) {
	ip := []netip.Addr{netip.MustParseAddr("192.0.2.1")}
	got := policyInput(&config.Config{LocalData: config.LocalData{
		TTL: time.Minute, NoData: true,
		Addresses:      []config.LocalAddress{{Name: "host.example.", Addrs: ip}},
		AddressesFiles: []string{"/a", "/b"},
		Records:        "x",
		Rules: []config.LocalRule{
			{Names: []string{"re.example."}, Subtree: config.SubtreeRedirect, Addrs: ip, TTL: time.Second, NoData: true},
			{Names: []string{"nx.example."}, Subtree: config.SubtreeNXDomain},
			{Names: []string{"empty.example."}, Subtree: config.SubtreeEmpty},
			{Files: []string{"/c"}},
			{Records: "y"},
		},
		RPZ: []config.RPZ{{File: "/d", ExtendedError: "censored", Action: "drop", Tags: []string{"t"}, LogIP: true}},
	}})
	want := compile.Input{
		TTL: 60, NoData: true,
		Addresses: []compile.Address{{Name: "host.example.", Addrs: ip, Pointer: "/local-data/addresses/host.example"}},
		Rules: []compile.Rule{
			{Files: []string{"/a"}, NoData: true, Pointer: "/local-data/addresses-files/0"},
			{Files: []string{"/b"}, NoData: true, Pointer: "/local-data/addresses-files/1"},
			{Records: "x", NoData: true, Pointer: "/local-data/records"},
			{Names: []string{"re.example."}, Subtree: policy.SubtreeRedirect, Addrs: ip, TTL: 1, NoData: true, Pointer: "/local-data/rules/0"},
			{Names: []string{"nx.example."}, Subtree: policy.SubtreeNXDomain, Pointer: "/local-data/rules/1"},
			{Names: []string{"empty.example."}, Subtree: policy.SubtreeEmpty, Pointer: "/local-data/rules/2"},
			{Files: []string{"/c"}, Pointer: "/local-data/rules/3"},
			{Records: "y", Pointer: "/local-data/rules/4"},
		},
		RPZ: []compile.RPZ{{File: "/d", EDE: dns.EDECensored, Override: compile.Override{Mark: policy.MarkDrop}, Tags: []string{"t"}, LogIP: true, Pointer: "/local-data/rpz/0"}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("\n%+v, want\n%+v", got, want)
	}
}
