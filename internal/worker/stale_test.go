package worker

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/iterate"
	"knot-resolver/internal/limits"
	"knot-resolver/internal/server"
	"knot-resolver/internal/testnet"
)

func silence(world *testnet.World) {
	for _, s := range world.Servers() {
		s.SetQuirk(func(string, *miekg.Msg, *miekg.Msg) *miekg.Msg { return nil })
	}
}

// TestServeStale lets an answer run out and all servers fall silent: the old answer comes after the patience
// of RFC 8767, marked as such, and not after a day.
func TestServeStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world, err := testnet.New()
		if err != nil {
			t.Fatal(err)
		}
		w := newWorker(t, world, func(o *iterate.Options) { o.Stale = iterate.DefaultStale() })
		if m := ask(t, w, query("www.example.se.", "A"), server.UDP); len(m.Answer) == 0 {
			t.Fatalf("no answer at first: %v", m)
		}
		silence(world)
		time.Sleep(time.Hour)
		start := time.Now()
		m := ask(t, w, query("www.example.se.", "A"), server.UDP)
		if len(m.Answer) == 0 || m.Answer[0].Header().Ttl != limits.StaleTTL || !slices.Contains(testnet.ExtendedErrors(m), uint16(dns.EDEStaleAnswer)) {
			t.Fatalf("not a stale answer: %v", m)
		}
		if took := time.Since(start); took > limits.StaleAfter {
			t.Errorf("stale answer after %v, want %v", took, limits.StaleAfter)
		}
		time.Sleep(limits.StaleWindow)
		if m := ask(t, w, query("www.example.se.", "A"), server.UDP); m.Rcode != miekg.RcodeServerFailure {
			t.Fatalf("answer older than a day: %v", m)
		}
		synctest.Wait()
	})
}

// TestNoStaleOverDenial: a name that is gone is gone, whatever was cached (GD-05).
func TestNoStaleOverDenial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world, err := testnet.New()
		if err != nil {
			t.Fatal(err)
		}
		w := newWorker(t, world, func(o *iterate.Options) { o.Stale = iterate.DefaultStale() })
		ask(t, w, query("www.insecure.se.", "A"), server.UDP)
		time.Sleep(time.Hour)
		for _, s := range world.Servers() {
			s.SetQuirk(func(_ string, q, right *miekg.Msg) *miekg.Msg {
				if right == nil || !right.Authoritative {
					return right
				}
				right.Rcode, right.Answer = miekg.RcodeNameError, nil
				right.Ns = []miekg.RR{&miekg.SOA{Hdr: miekg.RR_Header{Name: "insecure.se.", Rrtype: miekg.TypeSOA, Class: miekg.ClassINET, Ttl: 60},
					Ns: "ns.", Mbox: "m.", Serial: 1, Refresh: 1, Retry: 1, Expire: 1, Minttl: 60}}
				return right
			})
		}
		m := ask(t, w, query("www.insecure.se.", "A"), server.UDP)
		if len(m.Answer) > 0 {
			t.Fatalf("stale answer over a denial: %v", m)
		}
	})
}

// TestPrefetch asks for a name shortly before it runs out: the client gets the cached answer, and the entry is fresh again after.
func TestPrefetch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world, err := testnet.New()
		if err != nil {
			t.Fatal(err)
		}
		w := newWorker(t, world, func(o *iterate.Options) { o.Prefetch = true })
		first := ask(t, w, query("www.example.se.", "A"), server.UDP)
		ttl := time.Duration(first.Answer[0].Header().Ttl) * time.Second
		ask(t, w, query("www.example.se.", "A"), server.UDP)
		time.Sleep(ttl - 3*time.Second)
		last, err := query("www.example.se.", "A").Pack()
		if err != nil {
			t.Fatal(err)
		}
		if answer, done := w.Inline(nil, request(last, server.UDP)); !done || len(answer) == 0 {
			t.Fatal("want the old entry")
		}
		// What is being refreshed must not depend on memory of the query: other queries come meanwhile.
		clear(last)
		w.Inline(nil, request(raw(0x0100, [4]uint16{1}, ""), server.UDP))
		synctest.Wait()
		if m := ask(t, w, query("www.example.se.", "A"), server.UDP); m.Answer[0].Header().Ttl <= 3 {
			t.Fatalf("TTL %d, want a refreshed entry", m.Answer[0].Header().Ttl)
		}
		if n := w.Metrics()["request"].(map[string]any); n["internal"] != uint64(1) || n["total"] != uint64(6) || n["udp"] != uint64(5) {
			t.Errorf("counted %v, want one internal request besides those of clients", n)
		}
	})
}
