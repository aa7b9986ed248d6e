package worker

import (
	"context"
	"net/netip"
	"strings"
	"testing"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/policy"
	"knot-resolver/internal/policy/compile"
	"knot-resolver/internal/server"
	"knot-resolver/internal/testnet"
)

// compiled makes rules for a worker.
func compiled(t testing.TB, in compile.Input) *policy.Rules {
	t.Helper()
	rules, _, err := compile.Rules(in)
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

// view makes a view of clients with an address.
func view(client string, change func(*compile.View)) compile.View {
	v := compile.View{View: policy.View{Subnets: []netip.Prefix{netip.MustParsePrefix(client)}, Minimize: true, DNS64: true, Fallback: true}}
	change(&v)
	return v
}

// askAs takes a query of a client through a worker; nil stands for silence.
func askAs(t testing.TB, w *Worker, client string, q *miekg.Msg, transport server.Transport) *miekg.Msg {
	t.Helper()
	raw, err := q.Pack()
	if err != nil {
		t.Fatal(err)
	}
	req := &server.Request{Raw: raw, Client: netip.AddrPortFrom(netip.MustParseAddr(client), 4000), Local: netip.MustParseAddrPort("192.0.2.53:53"), Transport: transport}
	answer, done := w.Inline(nil, req)
	if !done {
		answer = w.Resolve(context.Background(), nil, req)
	}
	if len(answer) == 0 {
		return nil
	}
	m := new(miekg.Msg)
	if err := m.Unpack(answer); err != nil {
		t.Fatal(err)
	}
	return m
}

// TestViewAnswers: who is refused or ignored is so whatever is asked, cached or not; others are not.
func TestViewAnswers(t *testing.T) {
	world, err := testnet.New()
	if err != nil {
		t.Fatal(err)
	}
	w := newWorker(t, world)
	w.SetRules(compiled(t, compile.Input{Views: []compile.View{
		view("10.1.0.0/16", func(v *compile.View) { v.Treatment = policy.Refuse }),
		view("10.2.0.0/16", func(v *compile.View) { v.Treatment = policy.NoAnswer }),
		view("10.1.1.0/24", func(v *compile.View) { v.Protocols = policy.TCP53 }),
	}}))
	malformed, class := query("www.example.se.", "A"), query("version.bind.", "TXT")
	malformed.Opcode = miekg.OpcodeStatus
	class.Question[0].Qclass = miekg.ClassCHAOS
	for range 3 {
		for _, q := range []*miekg.Msg{query("www.example.se.", "A"), class} {
			m := askAs(t, w, "10.1.0.1", q, server.UDP)
			if m.Rcode != miekg.RcodeRefused || len(m.Answer) > 0 || m.RecursionAvailable {
				t.Fatalf("refused client got %v", m)
			}
			if e := testnet.ExtendedErrors(m); len(e) != 1 || e[0] != miekg.ExtendedErrorCodeProhibited {
				t.Errorf("extended errors %v, want 18", e)
			}
		}
		for _, q := range []*miekg.Msg{query("www.example.se.", "A"), malformed, class} {
			if m := askAs(t, w, "10.2.0.1", q, server.UDP); m != nil {
				t.Fatalf("ignored client got %v", m)
			}
		}
		for client, transport := range map[string]server.Transport{"10.3.0.1": server.UDP, "10.1.1.1": server.TCP} {
			if m := askAs(t, w, client, query("www.example.se.", "A"), transport); m.Rcode != 0 || len(m.Answer) == 0 {
				t.Fatalf("%s got %v", client, m)
			}
		}
	}
}

// TestViewWholeNames: servers see the whole name when the view does without minimisation.
func TestViewWholeNames(t *testing.T) {
	for _, minimise := range []bool{true, false} {
		world, err := testnet.New()
		if err != nil {
			t.Fatal(err)
		}
		w := newWorker(t, world)
		w.SetRules(compiled(t, compile.Input{Views: []compile.View{view("10.0.0.0/8", func(v *compile.View) { v.Minimize = minimise })}}))
		askAs(t, w, "10.0.0.1", query("www.example.se.", "A"), server.UDP)
		whole := 0
		for _, s := range world.Servers() {
			for _, q := range s.Queries() {
				if strings.HasSuffix(s.Host(), "root-servers.net.") && strings.EqualFold(q.Name, "www.example.se.") {
					whole++
				}
			}
		}
		if (whole == 0) != minimise {
			t.Errorf("minimise %v: the root saw the whole name %d times", minimise, whole)
		}
	}
}
