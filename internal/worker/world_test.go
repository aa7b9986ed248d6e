package worker

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/admit"
	"knot-resolver/internal/cache"
	"knot-resolver/internal/cache/mem"
	"knot-resolver/internal/dnssec"
	"knot-resolver/internal/explain"
	"knot-resolver/internal/iterate"
	"knot-resolver/internal/server"
	"knot-resolver/internal/testnet"
	"knot-resolver/internal/upstream"
)

// newWorker makes a worker that resolves in a miniature internet in memory.
func newWorker(t testing.TB, world *testnet.World, change ...func(*iterate.Options)) *Worker {
	t.Helper()
	hints, err := iterate.ParseHints(world.RootHints(), "hints")
	if err != nil {
		t.Fatal(err)
	}
	anchors, err := dnssec.ParseAnchors(world.TrustAnchor())
	if err != nil {
		t.Fatal(err)
	}
	client := upstream.New(world.Memory(53), upstream.Options{})
	t.Cleanup(func() { client.Close() })
	store := mem.New(mem.Options{Size: 16 << 20, Merge: cache.Replaces})
	o := iterate.Options{
		Cache:  cache.New(store, cache.Options{TTLMin: 5 * time.Second, TTLMax: 24 * time.Hour}),
		Client: client, Stats: upstream.NewStats(nil, 0), Validator: dnssec.New(dnssec.Options{SHA1: true}),
		Log: slog.New(slog.DiscardHandler), RootHints: hints, Anchors: anchors, Minimise: true, Case0x20: true, IPv4: true,
		Addresses: upstream.AddressOptions{QueryLoopback: true},
	}
	for _, f := range change {
		f(&o)
	}
	return New(Options{UDPSize: 1232, Admit: admit.Rules{RefuseNoRD: true}}, o)
}

// ask takes a query through a worker as a listener would.
func ask(t testing.TB, w *Worker, q *miekg.Msg, transport server.Transport) *miekg.Msg {
	t.Helper()
	raw, err := q.Pack()
	if err != nil {
		t.Fatal(err)
	}
	req := &server.Request{Raw: raw, Client: netip.MustParseAddrPort("192.0.2.1:4000"), Transport: transport}
	answer, done := w.Inline(nil, req)
	if !done {
		answer = w.Resolve(context.Background(), nil, req)
	}
	m := new(miekg.Msg)
	if err := m.Unpack(answer); err != nil {
		t.Fatalf("answer of %d octets: %v", len(answer), err)
	}
	return m
}

func query(name, rrtype string) *miekg.Msg {
	q := new(miekg.Msg)
	q.SetQuestion(name, miekg.StringToType[rrtype])
	q.SetEdns0(1232, true)
	return q
}

// TestWorld asks every name of the miniature internet twice: once resolved, once from the cache.
func TestWorld(t *testing.T) {
	world, err := testnet.New()
	if err != nil {
		t.Fatal(err)
	}
	w := newWorker(t, world)
	for _, e := range testnet.Names() {
		t.Run(e.Name+" "+miekg.TypeToString[e.Type], func(t *testing.T) {
			for _, when := range []string{"resolved", "cached"} {
				m := ask(t, w, query(e.Name, miekg.TypeToString[e.Type]), server.UDP)
				if m.Truncated {
					m = ask(t, w, query(e.Name, miekg.TypeToString[e.Type]), server.TCP)
				}
				if err := e.Check(m); err != nil {
					t.Errorf("%s: %v (%s)\n%s", when, err, e.Why, reportOf(t, w, e.Name, miekg.TypeToString[e.Type]))
				}
				if err := e.CheckEDE(m); err != nil {
					t.Errorf("%s: %v (%s)\n%v", when, err, e.Why, m)
				}
			}
		})
	}
}

func reportOf(t *testing.T, w *Worker, name, rrtype string) string {
	trace, err := w.Explain(context.Background(), name, rrtype)
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	explain.Render(&b, trace)
	return b.String()
}

// TestForgedReferralWithoutCut forges a referral for a plain host of a signed zone, next to the genuine proof that the
// host has no DS: it shows no delegation, so it must not make the host insecure.
func TestForgedReferralWithoutCut(t *testing.T) {
	world, err := testnet.New()
	if err != nil {
		t.Fatal(err)
	}
	attacker := net.IPv4(127, 77, 66, 6) // answers 192.0.2.66 for every name
	for _, s := range world.Servers() {
		if s.IP().String() == attacker.String() {
			continue
		}
		s.SetQuirk(func(_ string, q, right *miekg.Msg) *miekg.Msg {
			if right == nil || q.Question[0].Name == "" || !strings.EqualFold(q.Question[0].Name, "www.example.se.") || q.Question[0].Qtype == miekg.TypeDS {
				return right
			}
			forged := new(miekg.Msg).SetReply(q)
			forged.SetEdns0(1232, true)
			forged.Ns = []miekg.RR{&miekg.NS{Hdr: miekg.RR_Header{Name: "www.example.se.", Rrtype: miekg.TypeNS, Class: miekg.ClassINET, Ttl: 300}, Ns: "ns.www.example.se."}}
			forged.Extra = append(forged.Extra, &miekg.A{Hdr: miekg.RR_Header{Name: "ns.www.example.se.", Rrtype: miekg.TypeA, Class: miekg.ClassINET, Ttl: 300}, A: attacker})
			return forged
		})
	}
	m := ask(t, newWorker(t, world), query("www.example.se.", "A"), server.UDP)
	if m.Rcode != miekg.RcodeServerFailure {
		t.Fatalf("rcode %s, want SERVFAIL\n%v", miekg.RcodeToString[m.Rcode], m)
	}
}
