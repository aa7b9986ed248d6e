package worker

import (
	"context"
	"net/netip"
	"slices"
	"testing"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/iterate"
	"knot-resolver/internal/server"
	"knot-resolver/internal/testnet"
	"knot-resolver/internal/testnet/memnet"
	"knot-resolver/internal/upstream"
)

var resolverAddr = netip.MustParseAddrPort("127.77.200.1:53")

// resolverAt puts a worker as a resolver on the network of the world.
func resolverAt(n *memnet.Net, w *Worker) {
	n.Listen(resolverAddr, memnet.ServerFunc(func(transport string, query []byte) [][]byte {
		req := &server.Request{Raw: query, Client: netip.MustParseAddrPort("127.77.255.1:5000"), Transport: server.UDP}
		if transport != memnet.UDP {
			req.Transport = server.TCP
		}
		answer, done := w.Inline(nil, req)
		if !done {
			answer = w.Resolve(context.Background(), nil, req)
		}
		return [][]byte{answer}
	}))
}

// forwarder makes a worker that has no way to the world but a resolver for the given names.
func forwarder(t *testing.T, world *testnet.World, rules ...iterate.Forward) *Worker {
	n := world.Memory(53)
	resolverAt(n, newWorker(t, world))
	client := upstream.New(n, upstream.Options{})
	t.Cleanup(func() { client.Close() })
	return newWorker(t, world, func(o *iterate.Options) { o.Client, o.Forwards = client, rules })
}

// TestForwardEverything asks every name of the miniature internet through a resolver, validating again here.
func TestForwardEverything(t *testing.T) {
	world, err := testnet.New()
	if err != nil {
		t.Fatal(err)
	}
	w := forwarder(t, world, iterate.Forward{Apex: dns.Root, Servers: []iterate.Server{{Addr: resolverAddr}}})
	for _, e := range testnet.Names() {
		for _, when := range []string{"resolved", "cached"} {
			m := ask(t, w, query(e.Name, miekg.TypeToString[e.Type]), server.TCP)
			if err := e.Check(m); err != nil {
				t.Errorf("%s: %v\n%s", when, err, reportOf(t, w, e.Name, miekg.TypeToString[e.Type]))
			}
		}
	}
}

// TestForwardInsecure: without validation bogus data is for the resolver to refuse, and nothing has AD.
func TestForwardInsecure(t *testing.T) {
	world, err := testnet.New()
	if err != nil {
		t.Fatal(err)
	}
	w := forwarder(t, world, iterate.Forward{Apex: dns.Root, Servers: []iterate.Server{{Addr: resolverAddr}}, Insecure: true})
	for range 2 {
		m := ask(t, w, query("www.example.se.", "A"), server.UDP)
		if m.Rcode != miekg.RcodeSuccess || m.AuthenticatedData || len(m.Answer) == 0 {
			t.Fatalf("answer without validation: %v", m)
		}
	}
}

// TestForwardTellsWhy: the code of the resolver's failure reaches the client.
func TestForwardTellsWhy(t *testing.T) {
	world, err := testnet.New()
	if err != nil {
		t.Fatal(err)
	}
	w := forwarder(t, world, iterate.Forward{Apex: dns.Root, Servers: []iterate.Server{{Addr: resolverAddr}}})
	m := ask(t, w, query("www.down.zz.", "A"), server.UDP)
	if !slices.Contains(testnet.ExtendedErrors(m), uint16(dns.EDENoReachableAuthority)) {
		t.Errorf("%v", m)
	}
}

// TestForwardSubtree sends one zone to a server and leaves the rest alone; what the public zone above denies does not
// hold below the apex.
func TestForwardSubtree(t *testing.T) {
	world, err := testnet.New()
	if err != nil {
		t.Fatal(err)
	}
	n := world.Memory(53)
	inside := netip.MustParseAddrPort("127.77.201.1:53")
	n.Listen(inside, memnet.ServerFunc(func(_ string, query []byte) [][]byte {
		q := new(miekg.Msg)
		if q.Unpack(query) != nil {
			return nil
		}
		m := new(miekg.Msg).SetReply(q)
		m.Authoritative = true
		m.Answer = []miekg.RR{
			&miekg.A{Hdr: miekg.RR_Header{Name: q.Question[0].Name, Rrtype: miekg.TypeA, Class: miekg.ClassINET, Ttl: 300}, A: []byte{192, 0, 2, 99}},
			&miekg.A{Hdr: miekg.RR_Header{Name: "www.example.se.", Rrtype: miekg.TypeA, Class: miekg.ClassINET, Ttl: 300}, A: []byte{192, 0, 2, 99}},
		}
		raw, _ := m.Pack()
		return [][]byte{raw}
	}))
	client := upstream.New(n, upstream.Options{})
	t.Cleanup(func() { client.Close() })
	for _, authoritative := range []bool{false, true} {
		w := newWorker(t, world, func(o *iterate.Options) {
			o.Client = client
			o.Forwards = []iterate.Forward{{Apex: dns.MustName("corp.se"), Servers: []iterate.Server{{Addr: inside}}, Insecure: true, Authoritative: authoritative}}
		})
		// The public zone proves that there is no corp.se, nor anything near it.
		if m := ask(t, w, query("corq.se.", "A"), server.UDP); m.Rcode != miekg.RcodeNameError {
			t.Fatalf("public name: %v", m)
		}
		m := ask(t, w, query("host.corp.se.", "A"), server.UDP)
		if len(m.Answer) != 1 || m.Answer[0].(*miekg.A).A.String() != "192.0.2.99" || m.AuthenticatedData {
			t.Errorf("authoritative %v: name inside: %v", authoritative, m)
		}
		// BW-04: what the inside server said about other names is not believed.
		if m := ask(t, w, query("www.example.se.", "A"), server.UDP); !m.AuthenticatedData || m.Answer[0].(*miekg.A).A.String() == "192.0.2.99" {
			t.Errorf("authoritative %v: name outside: %v", authoritative, m)
		}
	}
}

// TestForwardWithoutAnchor: where no trust anchor could make an apex secure, the zones above it are not asked about it.
func TestForwardWithoutAnchor(t *testing.T) {
	world, err := testnet.New()
	if err != nil {
		t.Fatal(err)
	}
	w := forwarder(t, world, iterate.Forward{Apex: dns.MustName("example.se"), Servers: []iterate.Server{{Addr: resolverAddr}}})
	unanchored := newWorker(t, world, func(o *iterate.Options) {
		o.Client, o.Forwards, o.Anchors = w.engine.Client, w.engine.Forwards, nil
		o.RootHints = nil // nobody above could be asked
	})
	if m := ask(t, unanchored, query("www.example.se.", "A"), server.UDP); m.Rcode != miekg.RcodeSuccess || len(m.Answer) == 0 {
		t.Errorf("%v", m)
	}
}
