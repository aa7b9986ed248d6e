package worker

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/policy"
	"knot-resolver/internal/policy/compile"
	"knot-resolver/internal/server"
	"knot-resolver/internal/testnet"
)

// TestBW13: answers are told apart by everything that makes them differ. Whatever was asked before by whom, with whatever flags, each
// client gets what it would get from a resolver that has just started.
func TestBW13(t *testing.T) {
	world, err := testnet.New()
	if err != nil {
		t.Fatal(err)
	}
	rules := compiled(t, compile.Input{NoData: true,
		RPZ: lists(t, "www.example.se CNAME .\n32.1.0.3.10.rpz-client-ip CNAME *.\nother.invalid CNAME rpz-tcp-only.\n"),
		Views: []compile.View{
			view("10.1.0.0/16", func(v *compile.View) { v.Tags = []string{"a"} }),
			view("10.2.0.0/16", func(v *compile.View) { v.Treatment = policy.Refuse }),
		},
		Rules: []compile.Rule{{Records: "other.invalid. A 192.0.2.1\nhost.invalid. A 192.0.2.2\n", Tags: []string{"a"}}},
	})
	fresh := func() *Worker {
		w := newWorker(t, world)
		w.SetRules(rules)
		return w
	}
	const flags = 16 // EDNS, DO, CD, AD
	clients := []string{"10.0.0.1", "10.1.0.1", "10.2.0.1", "10.3.0.1"}
	names := []string{"www.example.se.", "other.invalid.", "host.invalid.", "nosuch.se."}
	asked := func(w *Worker, client, name string, bits int, transport server.Transport) string {
		q := new(miekg.Msg).SetQuestion(name, miekg.TypeA)
		if bits&1 != 0 {
			q.SetEdns0(1232, bits&2 != 0)
		}
		q.CheckingDisabled, q.AuthenticatedData = bits&4 != 0, bits&8 != 0
		m := askAs(t, w, client, q, transport)
		if m == nil {
			return "silence"
		}
		// A denial made of cached proofs says so, which is no difference in what it denies.
		return fmt.Sprint(strings.TrimSuffix(result(m), " EDE 29"), " ad ", m.AuthenticatedData, " cd ", m.CheckingDisabled, " aa ", m.Authoritative, " edns ", m.IsEdns0() != nil, " records ", len(m.Answer), len(m.Ns))
	}
	want := map[string]string{}
	w, r := fresh(), rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		client, name, bits, transport := clients[r.IntN(len(clients))], names[r.IntN(len(names))], r.IntN(flags), server.Transport(r.IntN(2))
		key := fmt.Sprint(client, " ", name, " ", bits, " ", transport)
		if _, ok := want[key]; !ok {
			want[key] = asked(fresh(), client, name, bits, transport)
		}
		if got := asked(w, client, name, bits, transport); got != want[key] {
			t.Fatalf("%s: %s, from a fresh resolver %s", key, got, want[key])
		}
	}
}

// TestDL21: what does not validate stays SERVFAIL, whatever rules there are about its addresses or servers.
func TestDL21(t *testing.T) {
	world, err := testnet.New()
	if err != nil {
		t.Fatal(err)
	}
	world.Zone("example.se.").Corrupt("www.example.se.", miekg.TypeA)
	w := newWorker(t, world)
	w.SetRules(compiled(t, compile.Input{RPZ: lists(t, "0.0.0.0.0.rpz-ip A 192.0.2.1\n0.0.0.0.0.rpz-nsip A 192.0.2.1\n*.rpz-nsdname A 192.0.2.1\n")}))
	for range 3 {
		if got := result(askAs(t, w, "10.0.0.1", query("www.example.se.", "A"), server.UDP)); got != "SERVFAIL EDE 6" {
			t.Fatal(got)
		}
	}
}

// TestServersStayKnown: while rules look at servers, an answer is forgotten with the delegation it came by.
func TestServersStayKnown(t *testing.T) {
	world, err := testnet.New()
	if err != nil {
		t.Fatal(err)
	}
	for _, watched := range []bool{false, true} {
		w := newWorker(t, world)
		list := "www.example.se CNAME rpz-passthru.\n"
		if watched {
			list += "ns.nowhere.rpz-nsdname CNAME .\n"
		}
		w.SetRules(compiled(t, compile.Input{RPZ: lists(t, list)}))
		m := askAs(t, w, "10.0.0.1", query("example.se.", "SOA"), server.UDP)
		d, ok := w.cache.Cut("\x07example\x02se\x00", 0, time.Now())
		if !ok {
			t.Fatal("no delegation")
		}
		if left := time.Until(d.Expires); watched && time.Duration(m.Answer[0].Header().Ttl)*time.Second > left {
			t.Errorf("TTL %d, the delegation has %v", m.Answer[0].Header().Ttl, left)
		}
	}
}
