package worker

import (
	"net/netip"
	"testing"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/policy"
	"knot-resolver/internal/policy/compile"
	"knot-resolver/internal/server"
	"knot-resolver/internal/testnet"
)

// TestRefusedSubtree: names below are refused with a reason, also when an alias leads there; local data in it is told.
func TestRefusedSubtree(t *testing.T) {
	world, err := testnet.New()
	if err != nil {
		t.Fatal(err)
	}
	w := newWorker(t, world)
	w.SetRules(compiled(t, compile.Input{Rules: []compile.Rule{
		{Names: []string{"example.se."}, Subtree: policy.SubtreeRefused},
		{Records: "host.example.se. A 192.0.2.2\nalias.lan. CNAME www.example.se.\n"},
	}}))
	for range 3 {
		for name, want := range map[string]string{"example.se.": "REFUSED EDE 18", "www.example.se.": "REFUSED EDE 18", "alias.lan.": "REFUSED EDE 18",
			"host.example.se.": "NOERROR 192.0.2.2"} {
			if got := result(askAs(t, w, "10.0.0.1", query(name, "A"), server.UDP)); got != want {
				t.Errorf("%s: %s, want %s", name, got, want)
			}
		}
	}
}

// TestLocalDataFlags: records are told with authority, addresses of hosts are not; and that we vouch for them, which no signature
// does, is for those who take our word, not for those who check signatures. Whoever asks first.
func TestLocalDataFlags(t *testing.T) {
	world, err := testnet.New()
	if err != nil {
		t.Fatal(err)
	}
	w := newWorker(t, world)
	w.SetRules(compiled(t, compile.Input{NoData: true,
		Addresses: []compile.Address{{Name: "host.lan.", Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.1")}}},
		Rules: []compile.Rule{
			{Records: "data.lan. A 192.0.2.2\nalias.lan. CNAME www.example.se.\nbroken.lan. CNAME www.lame.se.\n", NoData: true},
			{Names: []string{"none.lan."}, Subtree: policy.SubtreeEmpty},
		}}))
	for _, c := range []struct {
		name string
		aa   bool
	}{
		{"host.lan.", false}, {"data.lan.", true}, {"alias.lan.", true}, {"below.none.lan.", true}, {"10.in-addr.arpa.", true},
		{"localhost.", true}, {"www.example.se.", false}, {"broken.lan.", false}, // an alias to what does not resolve
	} {
		for _, do := range []bool{true, false, true} {
			for _, ad := range []bool{false, true, false} {
				q := new(miekg.Msg)
				q.SetQuestion(c.name, miekg.TypeA)
				q.SetEdns0(1232, do)
				q.AuthenticatedData = ad
				m := askAs(t, w, "10.0.0.1", q, server.UDP)
				want := (ad || do && c.name == "www.example.se.") && m.Rcode != miekg.RcodeServerFailure // that one is signed
				if m.Authoritative != c.aa || m.AuthenticatedData != want {
					t.Errorf("%s, DO %v, AD %v: AA %v, AD %v", c.name, do, ad, m.Authoritative, m.AuthenticatedData)
				}
			}
		}
	}
}
