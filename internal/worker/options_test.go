package worker

import (
	"net/netip"
	"testing"
	"time"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/dns64"
	"knot-resolver/internal/iterate"
	"knot-resolver/internal/rebind"
	"knot-resolver/internal/server"
	"knot-resolver/internal/testnet"
)

// TestNSID: the identity comes when asked for, every time, also beside cached answers without it.
func TestNSID(t *testing.T) {
	world, err := testnet.New()
	if err != nil {
		t.Fatal(err)
	}
	w := newWorker(t, world)
	w.options.NSID = []byte("worker 7")
	q := query("www.example.se.", "A")
	for range 3 {
		ask(t, w, q.Copy(), server.UDP) // without, into every cache
	}
	q.IsEdns0().Option = append(q.IsEdns0().Option, &miekg.EDNS0_NSID{Code: miekg.EDNS0NSID})
	for range 3 {
		m := ask(t, w, q.Copy(), server.UDP)
		found := false
		for _, o := range m.IsEdns0().Option {
			nsid, ok := o.(*miekg.EDNS0_NSID)
			found = found || ok && nsid.Nsid == "776f726b65722037"
		}
		if !found {
			t.Fatalf("no NSID in %v", m)
		}
	}
}

// TestRebinding: a public name with a private address is refused also when it is in the cache already, others are not.
func TestRebinding(t *testing.T) {
	world, err := testnet.New()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range world.Servers() {
		s.SetQuirk(func(_ string, _, right *miekg.Msg) *miekg.Msg {
			if right == nil {
				return nil
			}
			for _, rr := range right.Answer {
				if a, ok := rr.(*miekg.A); ok && a.Hdr.Name == "www.insecure.se." {
					a.A = []byte{192, 168, 1, 1}
				}
			}
			return right
		})
	}
	const name = "www.insecure.se."
	for _, c := range []struct {
		o    rebind.Options
		want string
	}{
		{rebind.Options{}, "REFUSED EDE 18"},
		{rebind.Options{Strip: true}, "NOERROR EDE 18"},
		{rebind.Options{Names: []dns.Name{dns.MustName("insecure.se")}}, "NOERROR 192.168.1.1"},
		{rebind.Options{Public: []netip.Prefix{netip.MustParsePrefix("192.168.1.0/24")}}, "NOERROR 192.168.1.1"},
	} {
		old := newWorker(t, world)
		if got := describe(ask(t, old, query(name, "A"), server.UDP)); got != "NOERROR 192.168.1.1" {
			t.Errorf("without protection: %s", got)
		}
		old.engine.Rebinding = rebind.New(c.o)
		old.packets.Clear()
		fresh := newWorker(t, world, func(o *iterate.Options) { o.Rebinding = rebind.New(c.o) })
		for i, w := range []*Worker{old, fresh, fresh} {
			if got := describe(ask(t, w, query(name, "A"), server.UDP)); got != c.want {
				t.Errorf("%+v, %s: %s, want %s", c.o, [...]string{"in the cache before", "resolved", "then cached"}[i], got, c.want)
			}
		}
		if got := describe(ask(t, fresh, query("www.example.se.", "A"), server.UDP)); got != "NOERROR AD 192.0.2.80" {
			t.Errorf("public address: %s", got)
		}
	}
}

// TestReorder: with the option each record comes first at times, from the second cache as from the first, without it always
// the same.
func TestReorder(t *testing.T) {
	for _, reorder := range []bool{false, true} {
		world, err := testnet.New()
		if err != nil {
			t.Fatal(err)
		}
		w := withDNS64(t, world, dns64.Options{})
		w.options.Reorder = reorder
		for _, repeated := range []bool{false, true} {
			first := map[string]bool{}
			for id := range uint16(16) {
				if !repeated {
					w.packets.Clear()
				}
				q := query("ipv4only.arpa.", "A")
				q.Id = id
				m := ask(t, w, q, server.UDP)
				if len(m.Answer) != 2 {
					t.Fatalf("%v", m)
				}
				first[m.Answer[0].(*miekg.A).A.String()] = true
			}
			if (len(first) == 2) != reorder {
				t.Errorf("reorder %v, repeated %v: first come %v", reorder, repeated, first)
			}
		}
	}
}

func TestJumpedBack(t *testing.T) {
	for _, c := range []struct {
		monotonic, wall time.Duration
		want            bool
	}{
		{time.Minute, time.Minute, false},
		{time.Minute, time.Hour, false}, // forward: entries only end earlier
		{time.Second, 0, false},
		{time.Second, -3 * time.Second, false},
		{time.Second, -4 * time.Second, true},
		{time.Minute, -24 * time.Hour, true},
	} {
		if got := jumpedBack(c.monotonic, c.wall); got != c.want {
			t.Errorf("%v passed, the clock moved by %v: %v, want %v", c.monotonic, c.wall, got, c.want)
		}
	}
}
