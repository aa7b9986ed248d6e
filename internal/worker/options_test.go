package worker

import (
	"testing"
	"time"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/iterate"
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

// TestRebinding: a public name with a private address is refused, others are not.
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
	w := newWorker(t, world, func(o *iterate.Options) { o.Rebinding = true })
	for range 2 {
		m := ask(t, w, query("www.insecure.se.", "A"), server.UDP)
		if m.Rcode != miekg.RcodeRefused || len(m.Answer) > 0 || len(testnet.ExtendedErrors(m)) != 1 || testnet.ExtendedErrors(m)[0] != uint16(dns.EDEProhibited) {
			t.Errorf("private address: %v", m)
		}
	}
	if m := ask(t, w, query("www.example.se.", "A"), server.UDP); m.Rcode != miekg.RcodeSuccess {
		t.Errorf("public address: %v", m)
	}
}

func TestJumpedBack(t *testing.T) {
	for _, c := range []struct {
		monotonic, wall time.Duration
		want            bool
	}{
		{time.Minute, time.Minute, false},
		{time.Minute, time.Hour, false}, // forward: entries only end earlier
		{time.Minute, -9 * time.Minute, false},
		{time.Minute, -10 * time.Minute, true},
		{time.Minute, -24 * time.Hour, true},
	} {
		if got := jumpedBack(c.monotonic, c.wall); got != c.want {
			t.Errorf("%v passed, the clock moved by %v: %v, want %v", c.monotonic, c.wall, got, c.want)
		}
	}
}
