package worker

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/dns/dnstest"
	"knot-resolver/internal/iterate"
	"knot-resolver/internal/limits"
	"knot-resolver/internal/server"
)

// clientQuery describes a query for a.test.
type clientQuery struct {
	typ            uint16
	edns           int // size, 0: no EDNS
	do, ad, cd     bool
	keepalive, tcp bool
}

// answerTo returns what the client gets for an outcome.
func answerTo(t *testing.T, w *Worker, c clientQuery, out iterate.Outcome) (*miekg.Msg, int) {
	t.Helper()
	q := new(miekg.Msg)
	q.SetQuestion("A.tEst.", max(c.typ, miekg.TypeA))
	q.AuthenticatedData, q.CheckingDisabled = c.ad, c.cd
	if c.edns > 0 {
		q.SetEdns0(uint16(c.edns), c.do)
		if c.keepalive {
			q.IsEdns0().Option = append(q.IsEdns0().Option, &miekg.EDNS0_TCP_KEEPALIVE{Code: miekg.EDNS0TCPKEEPALIVE})
		}
	}
	raw, err := q.Pack()
	if err != nil {
		t.Fatal(err)
	}
	var m dns.Message
	if err := m.Parse(raw); err != nil {
		t.Fatal(err)
	}
	transport := server.UDP
	if c.tcp {
		transport = server.TCP
	}
	answer := w.finish([]byte("before"), request(raw, transport), &m, out, time.Now())[len("before"):]
	got := new(miekg.Msg)
	if err := got.Unpack(answer); err != nil {
		t.Fatal(err)
	}
	if got.Id != q.Id || !got.Response || !got.RecursionAvailable || !got.RecursionDesired || got.CheckingDisabled != c.cd ||
		got.Question[0].Name != "A.tEst." || (got.IsEdns0() != nil) != (c.edns > 0) {
		t.Errorf("%+v: %v", c, got)
	}
	return got, len(answer)
}

const rrsig = " 13 2 60 20300101000000 20200101000000 1 test. AAAA"

func positive(secure bool) iterate.Outcome {
	return iterate.Outcome{EDE: dns.NoEDE, Secure: secure,
		Answer:    dnstest.Text("a.test. 60 IN A 192.0.2.1\na.test. 60 IN RRSIG A" + rrsig),
		Authority: dnstest.Text("test. 60 IN SOA ns.test. x.test. 1 2 3 4 5\n*.test. 60 IN NSEC b.test. A\n*.test. 60 IN RRSIG NSEC" + rrsig)}
}

func TestFlags(t *testing.T) {
	w := idle()
	for _, c := range []struct {
		query  clientQuery
		secure bool
		ad     bool
		sigs   bool
	}{
		{clientQuery{}, true, false, false},
		{clientQuery{ad: true}, true, true, false},
		{clientQuery{edns: 1232}, true, false, false},
		{clientQuery{edns: 1232, ad: true}, true, true, false},
		{clientQuery{edns: 1232, do: true}, true, true, true},
		{clientQuery{edns: 1232, do: true, cd: true}, true, false, true},
		{clientQuery{ad: true, cd: true}, true, false, false},
		{clientQuery{edns: 1232, do: true}, false, false, true},
		{clientQuery{ad: true}, false, false, false},
		{clientQuery{typ: miekg.TypeRRSIG, edns: 1232, do: true}, true, false, true},
	} {
		got, _ := answerTo(t, w, c.query, positive(c.secure))
		if got.AuthenticatedData != c.ad || got.Authoritative || got.Truncated {
			t.Errorf("%+v, secure %v: flags %+v", c.query, c.secure, got.MsgHdr)
		}
		wantAnswer, wantNs := 1, 1 // without DO no signatures and no proofs, but the SOA
		if c.sigs {
			wantAnswer, wantNs = 2, 3
		}
		if len(got.Answer) != wantAnswer || len(got.Ns) != wantNs {
			t.Errorf("%+v: %v", c.query, got)
		}
		if o := got.IsEdns0(); o != nil && (o.Do() != c.query.do || o.UDPSize() != 1232 || o.Version() != 0) {
			t.Errorf("%+v: %v", c.query, o)
		}
	}
}

func TestExtendedErrors(t *testing.T) {
	w := idle()
	out := iterate.Outcome{RCode: dns.RCodeServFail, EDE: dns.EDEBogus, Reason: strings.Repeat("reason ", 100)}
	got, size := answerTo(t, w, clientQuery{edns: 512}, out)
	ede, ok := got.IsEdns0().Option[0].(*miekg.EDNS0_EDE)
	if got.Rcode != miekg.RcodeServerFailure || !ok || ede.InfoCode != 6 || !strings.HasPrefix(out.Reason, ede.ExtraText) || ede.ExtraText == "" || size > 512 {
		t.Errorf("%d octets: %v", size, got)
	}
	if got, _ := answerTo(t, w, clientQuery{}, out); len(got.Extra) > 0 {
		t.Errorf("EDE without EDNS: %v", got)
	}
	if got, _ := answerTo(t, w, clientQuery{edns: 1232}, positive(true)); len(got.IsEdns0().Option) > 0 {
		t.Errorf("options: %v", got)
	}
	if got, _ := answerTo(t, w, clientQuery{edns: 1232}, iterate.Outcome{RCode: dns.RCodeBadVers, EDE: dns.NoEDE}); got.Rcode != miekg.RcodeBadVers {
		t.Errorf("%v", got)
	}
	if got, _ := answerTo(t, w, clientQuery{edns: 1232}, iterate.Outcome{EDE: dns.EDEOther}); len(got.IsEdns0().Option) != 1 {
		t.Errorf("code 0 is a code: %v", got)
	}
}

func TestKeepalive(t *testing.T) {
	for _, c := range []struct{ offered, asked, tcp, want bool }{
		{true, true, true, true}, {true, true, false, false}, {true, false, true, false}, {false, true, true, false},
	} {
		w := idle()
		if w.options.Keepalive = 0; c.offered {
			w.options.Keepalive = limits.StreamIdle
		}
		got, _ := answerTo(t, w, clientQuery{edns: 1232, keepalive: c.asked, tcp: c.tcp}, positive(true))
		options := got.IsEdns0().Option
		if (len(options) == 1) != c.want {
			t.Errorf("%+v: %v", c, options)
		}
		if c.want && options[0].(*miekg.EDNS0_TCP_KEEPALIVE).Timeout != uint16(limits.StreamIdle/(100*time.Millisecond)) {
			t.Errorf("%v", options[0])
		}
	}
}

// TestKeepaliveLater: once a client has asked how long its connection may be idle, all later answers of the connection tell it, at the
// cost of the others, and none of another connection.
func TestKeepaliveLater(t *testing.T) {
	w := idle()
	w.options.Keepalive = limits.StreamIdle
	cached(w)
	const option = "\x00\x0b\x00\x00"
	asks := raw(0x0100, [4]uint16{1, 0, 0, 1}, opt[:9]+"\x00\x04"+option)
	plain, bare := raw(0x0100, [4]uint16{1, 0, 0, 1}, opt), raw(0x0100, [4]uint16{1}, "")
	mine, others := new(atomic.Bool), new(atomic.Bool)
	dst := make([]byte, 0, 4096)
	tells := func(query []byte, transport server.Transport, connection *atomic.Bool) bool {
		req := request(query, transport)
		req.Keepalive = connection
		var m dns.Message
		answer, done := w.Inline(dst, req)
		if err := m.Parse(answer); !done || err != nil {
			t.Fatal(err)
		}
		_, told := m.EDNS.Option(dns.OptionKeepalive)
		return told
	}
	for i, c := range []struct {
		query      []byte
		transport  server.Transport
		connection *atomic.Bool
		want       bool
	}{
		{plain, server.TCP, mine, false}, {asks, server.TCP, mine, true}, {plain, server.TCP, mine, true}, {plain, server.TCP, mine, true},
		{bare, server.TCP, mine, false}, {plain, server.TCP, others, false}, {asks, server.UDP, nil, false}, {plain, server.UDP, nil, false},
	} {
		if told := tells(c.query, c.transport, c.connection); told != c.want {
			t.Errorf("%d: told %v", i, told)
		}
	}
	req := request(plain, server.TCP)
	req.Keepalive = mine
	if n := testing.AllocsPerRun(1000, func() { w.Inline(dst, req) }); n != 0 && !raceEnabled {
		t.Errorf("%v allocations", n)
	}
}

// sized is an outcome of so many addresses.
func sized(addresses int) iterate.Outcome {
	var text strings.Builder
	for i := range addresses {
		fmt.Fprintf(&text, "a.test. 60 IN A 10.0.%d.%d\n", i>>8, i&255)
	}
	return iterate.Outcome{EDE: dns.NoEDE, Answer: dnstest.Text(text.String())}
}

func TestTruncation(t *testing.T) {
	w := idle()
	const fixed, record, edns = 12 + 8 + 4, 16, 11 // octets
	for _, c := range []struct {
		name  string
		query clientQuery
		limit int
	}{
		{"without EDNS", clientQuery{}, 512},
		{"small offer", clientQuery{edns: 1}, 512},
		{"offer of 512", clientQuery{edns: 512}, 512},
		{"offer of 900", clientQuery{edns: 900}, 900},
		{"offer of 1232", clientQuery{edns: 1232}, 1232},
		{"large offer", clientQuery{edns: 65535}, 1232},
	} {
		room := c.limit - fixed
		if c.query.edns > 0 {
			room -= edns
		}
		fits := room / record
		got, size := answerTo(t, w, c.query, sized(fits))
		if got.Truncated || len(got.Answer) != fits || size > c.limit {
			t.Errorf("%s: %d of %d records in %d octets, TC %v", c.name, len(got.Answer), fits, size, got.Truncated)
		}
		got, size = answerTo(t, w, c.query, sized(fits+1))
		if !got.Truncated || len(got.Answer) != 0 || size > c.limit {
			t.Errorf("%s: one more: %d records in %d octets, TC %v", c.name, len(got.Answer), size, got.Truncated)
		}
		c.query.tcp = true
		if got, _ := answerTo(t, w, c.query, sized(200)); got.Truncated || len(got.Answer) != 200 {
			t.Errorf("%s over TCP: %d records", c.name, len(got.Answer))
		}
	}
}

// TestLongestMessage fills 64 KiB, and then one octet more.
func TestLongestMessage(t *testing.T) {
	w := idle()
	text := func(octets int) iterate.Outcome {
		set := dns.RRset{Owner: dns.MustName("a.test"), Type: dns.TypeTXT, TTL: 60, RDatas: dns.RDatas(nil).Append(make([]byte, octets))}
		return iterate.Outcome{EDE: dns.NoEDE, Answer: []dns.RRset{set}}
	}
	const most = 65535 - (12 + 12) - 12 - 11
	if got, size := answerTo(t, w, clientQuery{typ: miekg.TypeTXT, edns: 1232, tcp: true}, text(most)); size != 65535 || got.Truncated {
		t.Errorf("%d octets, TC %v", size, got.Truncated)
	}
	if got, size := answerTo(t, w, clientQuery{typ: miekg.TypeTXT, edns: 1232, tcp: true}, text(most+1)); size > 512 || !got.Truncated {
		t.Errorf("%d octets, TC %v", size, got.Truncated)
	}
}

// TestRepeatedAnswer compares an answer of the packet cache with the one it was made of.
func TestRepeatedAnswer(t *testing.T) {
	for _, query := range [][]byte{
		raw(0x0100, [4]uint16{1}, ""), raw(0x0120, [4]uint16{1}, ""), raw(0x0110, [4]uint16{1}, ""), raw(0x0100, [4]uint16{1, 0, 0, 1}, opt),
	} {
		w := idle()
		cached(w)
		first, _ := w.Inline(nil, request(query, server.UDP))
		second := append([]byte(nil), query...)
		second[0], second[13] = 0x77, 'A'
		again, done := w.Inline(nil, request(second, server.UDP))
		if !done || again[0] != 0x77 || again[13] != 'A' {
			t.Errorf("%x", again)
		}
		again[0], again[13] = first[0], first[13]
		if string(again) != string(first) {
			t.Errorf("%x, at first %x", again, first)
		}
	}
}
