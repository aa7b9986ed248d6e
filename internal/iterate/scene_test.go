package iterate

import (
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/cache"
	"knot-resolver/internal/cache/mem"
	"knot-resolver/internal/dns"
	"knot-resolver/internal/dnssec"
	"knot-resolver/internal/limits"
	"knot-resolver/internal/testnet/memnet"
	"knot-resolver/internal/testnet/zone"
	"knot-resolver/internal/upstream"
)

// scene is an unsigned internet in memory: servers by address, the root at 192.0.2.1.
type scene struct {
	t      *testing.T
	net    *memnet.Net
	engine *Engine
	mu     sync.Mutex
	asked  map[string][]miekg.Question // by server
}

// handler answers one query; nil is silence.
type handler func(q *miekg.Msg) *miekg.Msg

const (
	rootIP     = "192.0.2.1"
	victimIP   = "192.0.2.2"
	attackerIP = "192.0.2.3"
)

// delegations are those of the root of every scene: zones for the two parties, and test for what else is needed.
const rootZone = `
	@ NS ns.root-servers.test.
	victim NS ns.victim.
	ns.victim A 192.0.2.2
	attacker NS ns.attacker.
	ns.attacker A 192.0.2.3
	`

// victimZone is the zone of the victim: everything of it that is true is at 198.51.100.
const victimZone = `
	@ NS ns
	ns A 192.0.2.2
	www A 198.51.100.1
	x A 198.51.100.2
	y A 198.51.100.3
	`

// play sets a scene up in a bubble of time and runs f in it.
func play(t *testing.T, servers map[string]handler, f func(t *testing.T, s *scene)) {
	synctest.Test(t, func(t *testing.T) {
		s := &scene{t: t, net: memnet.New(1), asked: make(map[string][]miekg.Question)}
		for ip, h := range servers {
			addr := netip.MustParseAddr(ip)
			s.net.SetLink(addr, memnet.Link{Delay: 5 * time.Millisecond})
			s.net.Listen(netip.AddrPortFrom(addr, 53), memnet.ServerFunc(func(transport string, query []byte) [][]byte {
				return s.answer(ip, h, transport, query)
			}))
		}
		client := upstream.New(s.net, upstream.Options{})
		defer client.Close()
		s.engine = New(Options{
			Cache:  cache.New(mem.New(mem.Options{Size: 8 << 20, Merge: cache.Replaces}), cache.Options{TTLMin: time.Second, TTLMax: 24 * time.Hour}),
			Client: client, Stats: upstream.NewStats(nil, 0), Validator: dnssec.New(dnssec.Options{}), Log: slog.New(slog.DiscardHandler),
			RootHints: []cache.NS{{Name: dns.MustName("ns.root-servers.test"), Addrs: []netip.Addr{netip.MustParseAddr(rootIP)}}},
			Minimise:  true, Case0x20: true, IPv4: true, IPv6: true,
		})
		f(t, s)
	})
}

func (s *scene) answer(ip string, h handler, transport string, query []byte) [][]byte {
	q := new(miekg.Msg)
	if err := q.Unpack(query); err != nil {
		s.t.Errorf("query to %s: %v", ip, err)
		return nil
	}
	s.mu.Lock()
	question := q.Question[0]
	question.Name = strings.ToLower(question.Name)
	s.asked[ip] = append(s.asked[ip], question)
	s.mu.Unlock()
	m := h(q)
	if m == nil {
		return nil
	}
	limit := miekg.MaxMsgSize
	if transport == memnet.UDP {
		limit = zone.UDPLimit(q)
	}
	raw, err := zone.Fit(m, limit)
	if err != nil {
		s.t.Errorf("answer of %s: %v", ip, err)
	}
	return [][]byte{raw}
}

// queries returns how many queries a server got, or all together when ip is empty.
func (s *scene) queries(ip string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ip != "" {
		return len(s.asked[ip])
	}
	total := 0
	for _, q := range s.asked {
		total += len(q)
	}
	return total
}

// forget empties the logs of the servers.
func (s *scene) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.asked)
}

// resolve asks for an address. It returns the outcome, what it cost, and the last octets of the addresses in the answer.
func (s *scene) resolve(name string) (Outcome, *limits.Budget, string) {
	budget := new(limits.Budget)
	start := time.Now()
	out := s.engine.Resolve(s.t.Context(), Question{Name: dns.MustName(name), Type: dns.TypeA}, budget, nil)
	if took := time.Since(start); took > limits.ResolutionTime {
		s.t.Errorf("%s took %v", name, took)
	}
	if out.RCode == dns.RCodeServFail && out.Reason == "" {
		s.t.Errorf("%s fails without a reason", name)
	}
	var addrs []string
	for i := range out.Answer {
		for rdata := range out.Answer[i].RDatas.All() {
			if a, ok := dns.AddrOf(out.Answer[i].Type, rdata); ok {
				addrs = append(addrs, a.String())
			}
		}
	}
	return out, budget, strings.Join(addrs, " ")
}

// expect resolves a name and wants these addresses.
func (s *scene) expect(name, want string) {
	s.t.Helper()
	if out, _, got := s.resolve(name); got != want {
		s.t.Errorf("%s: %q, want %q (%v %s)", name, got, want, out.RCode, out.Reason)
	}
}

// serves makes a handler of zones: each an origin and its text, without SOA.
func serves(t *testing.T, zones ...string) handler {
	t.Helper()
	var all []*zone.Zone
	for i := 0; i < len(zones); i += 2 {
		var text strings.Builder
		text.WriteString("@ 60 IN SOA ns.invalid. x.invalid. 1 2 3 4 60\n")
		for line := range strings.Lines(zones[i+1]) {
			text.WriteString(strings.TrimLeft(line, "\t"))
		}
		z, err := zone.New(zone.Config{Origin: zones[i], Text: text.String()})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, z)
	}
	return func(q *miekg.Msg) *miekg.Msg { return zone.Reply(all, q) }
}

// says makes a handler that gives the same response to every question, see message.
func says(t *testing.T, flags, text string) handler {
	return func(q *miekg.Msg) *miekg.Msg { return replyTo(q, message(t, flags, text)) }
}

// replyTo makes m a response to q.
func replyTo(q, m *miekg.Msg) *miekg.Msg {
	r := new(miekg.Msg)
	r.SetReply(q)
	r.Compress = true
	r.Rcode, r.Authoritative = m.Rcode, m.Authoritative
	r.Answer, r.Ns, r.Extra = m.Answer, m.Ns, m.Extra
	if opt := q.IsEdns0(); opt != nil {
		r.SetEdns0(1232, opt.Do())
	}
	return r
}

// internet is a scene of root, victim and attacker.
func internet(t *testing.T, attacker handler) map[string]handler {
	return map[string]handler{rootIP: serves(t, ".", rootZone), victimIP: serves(t, "victim.", victimZone), attackerIP: attacker}
}
