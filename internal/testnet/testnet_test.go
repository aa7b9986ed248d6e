package testnet

import (
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"

	"knot-resolver/internal/testnet/memnet"
)

func newWorld(t *testing.T) *World {
	t.Helper()
	w, err := New()
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func query(name string, qtype uint16) *dns.Msg {
	q := new(dns.Msg).SetQuestion(name, qtype)
	q.RecursionDesired = false
	q.SetEdns0(1232, true)
	return q
}

// ask sends a query to a server of the world without network.
func ask(t *testing.T, s *Server, transport string, q *dns.Msg) *dns.Msg {
	t.Helper()
	raw, err := q.Pack()
	if err != nil {
		t.Fatal(err)
	}
	replies := s.Answer(transport, raw)
	if len(replies) == 0 {
		return nil
	}
	m := new(dns.Msg)
	if err := m.Unpack(replies[0]); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestTrustAnchorIsStable(t *testing.T) {
	first, second := newWorld(t), newWorld(t)
	if first.TrustAnchor() != second.TrustAnchor() || first.TrustAnchor() == "" {
		t.Errorf("trust anchors %q and %q", first.TrustAnchor(), second.TrustAnchor())
	}
	if !strings.Contains(first.RootHints(), "a.root-servers.net.\t3600000\tIN\tA\t127.77.0.1") {
		t.Errorf("hints: %s", first.RootHints())
	}
}

func TestNamesAreDocumented(t *testing.T) {
	w := newWorld(t)
	for _, e := range Names() {
		if e.Why == "" || !dns.IsFqdn(e.Name) {
			t.Errorf("%+v", e)
		}
	}
	for origin := range w.zones {
		if len(w.zones[origin].Names()) == 0 {
			t.Errorf("%s is empty", origin)
		}
	}
}

func TestQuirks(t *testing.T) {
	w := newWorld(t)
	plain := func(name string) *dns.Msg { return new(dns.Msg).SetQuestion(name, dns.TypeA) }
	for _, c := range []struct {
		why, host, transport string
		query                *dns.Msg
		want                 string
	}{
		{"truncates UDP", "ns.big.se.", memnet.UDP, query("www.big.se.", dns.TypeA), "NOERROR TC 0"},
		{"not TCP", "ns.big.se.", memnet.TCP, query("www.big.se.", dns.TypeA), "NOERROR 2"},
		{"refuses", "ns.refused.zz.", memnet.UDP, query("www.refused.zz.", dns.TypeA), "REFUSED 0"},
		{"fails", "ns.servfail.zz.", memnet.UDP, query("www.servfail.zz.", dns.TypeA), "SERVFAIL 0"},
		{"is silent", "dead.halfdead.se.", memnet.UDP, query("www.halfdead.se.", dns.TypeA), "silence"},
		{"drops EDNS", "ns.noedns.zz.", memnet.UDP, query("www.noedns.zz.", dns.TypeA), "silence"},
		{"answers without", "ns.noedns.zz.", memnet.UDP, plain("www.noedns.zz."), "NOERROR 1"},
		{"rejects EDNS", "ns.formerr.zz.", memnet.UDP, query("www.formerr.zz.", dns.TypeA), "FORMERR 0"},
		{"answers without", "ns.formerr.zz.", memnet.UDP, plain("www.formerr.zz."), "NOERROR 1"},
		{"denies", "ns.entbreaker.zz.", memnet.UDP, plain("ent.entbreaker.zz."), "NXDOMAIN 0"},
		{"but not all", "ns.entbreaker.zz.", memnet.UDP, plain("a.ent.entbreaker.zz."), "NOERROR 1"},
		{"is lame", "ns.hoster.se.", memnet.UDP, query("www.lame.se.", dns.TypeA), "REFUSED 0"},
		{"large answer", "ns1.example.se.", memnet.UDP, query("large.example.se.", dns.TypeTXT), "NOERROR TC 0"},
		{"large answer", "ns1.example.se.", memnet.TCP, query("large.example.se.", dns.TypeTXT), "NOERROR 2"},
	} {
		got := "silence"
		if m := ask(t, w.Server(c.host), c.transport, c.query); m != nil {
			got = dns.RcodeToString[m.Rcode]
			if m.Truncated {
				got += " TC"
			}
			got += " " + string(rune('0'+len(m.Answer)))
		}
		if got != c.want {
			t.Errorf("%s %s: got %s, want %s", c.host, c.why, got, c.want)
		}
	}
}

func TestLowerCaseServer(t *testing.T) {
	w := newWorld(t)
	m := ask(t, w.Server("ns.lowercase.se."), memnet.UDP, query("wWw.LowerCase.se.", dns.TypeA))
	if m.Question[0].Name != "www.lowercase.se." || len(m.Answer) != 2 {
		t.Error(m)
	}
}

func TestPoisonedGlue(t *testing.T) {
	w := newWorld(t)
	m := ask(t, w.Server("a.gtld-servers.net."), memnet.UDP, query("www.poison.com.", dns.TypeA))
	if len(m.Extra) != 2 || m.Extra[0].(*dns.A).A.String() != attackerIP {
		t.Errorf("glue is %v", m.Extra)
	}
}

func TestSetQuirk(t *testing.T) {
	w := newWorld(t)
	s := w.Server("ns.example.com.")
	s.SetQuirk(silent)
	if m := ask(t, s, memnet.UDP, query("www.example.com.", dns.TypeA)); m != nil {
		t.Error("a silenced server answers")
	}
	s.SetQuirk(nil)
	if m := ask(t, s, memnet.UDP, query("www.example.com.", dns.TypeA)); m == nil {
		t.Error("a healed server is silent")
	}
}

// TestLoopback asks over real sockets and reads the log of the server.
func TestLoopback(t *testing.T) {
	w := newWorld(t)
	if err := w.Start(0); err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	s := w.Server("ns1.example.se.")
	addr := netip.AddrPortFrom(s.IP(), uint16(w.Port())).String()
	for _, transport := range []string{memnet.UDP, memnet.TCP} {
		c := dns.Client{Net: transport}
		m, _, err := c.Exchange(query("wWw.example.se.", dns.TypeA), addr)
		if err != nil {
			t.Fatal(err)
		}
		if len(m.Answer) != 2 || !m.Authoritative {
			t.Error(m)
		}
	}
	log := s.Queries()
	if len(log) != 2 {
		t.Fatalf("%d queries in the log", len(log))
	}
	got := log[0]
	if got.Transport != memnet.UDP || got.Name != "wWw.example.se." || !got.DO || got.UDPSize != 1232 || got.From.Port() == 0 {
		t.Errorf("logged %+v", got)
	}
	if log[1].Transport != memnet.TCP {
		t.Errorf("logged %+v", log[1])
	}
	if _, err := net.Dial("tcp", netip.AddrPortFrom(w.Server("ns.down.zz.").IP(), uint16(w.Port())).String()); err == nil {
		t.Error("something listens at the address of the closed server")
	}
}

func TestStartTwice(t *testing.T) {
	w := newWorld(t)
	for range 2 {
		if err := w.Start(0); err != nil {
			t.Fatal(err)
		}
		other := newWorld(t)
		if err := other.Start(w.Port()); err == nil {
			t.Error("two worlds on one port")
		}
		other.Close()
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestMemory asks in a bubble, where the time of the signatures is the bubble's.
func TestMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		network := w.Memory(53)
		s := w.Server("ns.example.cz.")
		network.SetLink(s.IP(), memnet.Link{Delay: time.Second})
		start := time.Now()
		conn, err := network.DialUDP(t.Context(), netip.AddrPortFrom(s.IP(), 53))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		c := dns.Conn{Conn: conn}
		if err := c.WriteMsg(query("www.example.cz.", dns.TypeA)); err != nil {
			t.Fatal(err)
		}
		m, err := c.ReadMsg()
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("took %s", took)
		}
		sig := m.Answer[1].(*dns.RRSIG)
		key := w.Zone("example.cz.").Keys()[0].Public
		if err := sig.Verify(key, m.Answer[:1]); err != nil || !sig.ValidityPeriod(time.Now()) {
			t.Errorf("signature: %v, %v", err, sig)
		}
	})
}

func TestLifetimes(t *testing.T) {
	now := time.Unix(1e9, 0)
	for _, l := range []lifetime{expired, notYetValid} {
		if s := l.at(now); s.inception.Before(now) && s.expiration.After(now) {
			t.Errorf("lifetime %d covers the present", l)
		}
	}
	if s := valid.at(now); now.Sub(s.inception) != time.Hour || s.expiration.Sub(now) != 30*24*time.Hour {
		t.Errorf("valid is %v", s)
	}
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		if _, err := New(); err != nil {
			b.Fatal(err)
		}
	}
}

var _ memnet.SourceServer = (*Server)(nil)
