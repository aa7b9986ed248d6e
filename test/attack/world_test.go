package attack

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/admit"
	"knot-resolver/internal/cache"
	"knot-resolver/internal/cache/mem"
	"knot-resolver/internal/dnssec"
	"knot-resolver/internal/iterate"
	"knot-resolver/internal/limits"
	"knot-resolver/internal/server"
	"knot-resolver/internal/testnet/memnet"
	"knot-resolver/internal/testnet/zone"
	"knot-resolver/internal/upstream"
	"knot-resolver/internal/worker"
)

// Addresses of the servers every world has.
const (
	rootIP   = "192.0.2.1"
	testIP   = "192.0.2.2" // of test., where everything happens
	victimIP = "192.0.2.3"
	evilIP   = "192.0.2.4"
	goodIP   = "192.0.2.5"
	delay    = 10 * time.Millisecond // one way

	benignNames = 16 // in good.test.
)

// world is a small signed internet: the root, test., and below it victim.test., evil.test. with the attacker's server
// and good.test., whose names show that the worker is well. It lives in a bubble of virtual time.
type world struct {
	*testing.T
	*tally
	rng    *rand.Rand
	net    *memnet.Net
	client *upstream.Client
	cache  *cache.Cache
	worker *worker.Worker
	key    *signer // a second key of evil.test., to sign lies with
	zones  map[string]*zone.Zone

	mu       sync.Mutex
	quirks   map[string]quirk // by address of the server
	asked    map[string][]query
	connects map[string]int
	spent    [limits.KindNSLookupFailures + 1]int // since the last reset
	benign   int
}

// quirk changes what a server says. Nothing is silence.
type quirk func(transport string, q, right *miekg.Msg) *miekg.Msg

// query is what a server was asked.
type query struct {
	transport, name, qtype string
	raw                    []byte
	at                     time.Time
}

// setting is what differs between worlds.
type setting struct {
	zones  []site // besides the usual ones, or instead of one with the same origin
	engine func(*iterate.Options)
	worker func(*worker.Options)
	size   int64 // of the cache in octets
}

// site is a zone and the address of its server.
type site struct {
	origin, ip string
	text       string
	unsigned   bool
	denial     zone.Denial
	iterations uint16
	extra      []miekg.RR
	ttl        uint32   // of the delegation; 0 means an hour
	also       []string // further addresses of the server
	outside    string   // name of the server, when it is not ns below the origin
}

func usual(key *signer) []site {
	names := ""
	for i := range benignNames {
		names += fmt.Sprintf("u%d A 203.0.113.%d\n", i, i+1)
	}
	return []site{
		{origin: ".", ip: rootIP},
		{origin: "test.", ip: testIP},
		{origin: "victim.test.", ip: victimIP, text: "www A 198.51.100.1\nx A 198.51.100.2\ny A 198.51.100.3\n@ A 198.51.100.4\nmail MX 1 www\n"},
		{origin: "evil.test.", ip: evilIP, text: "www A 192.0.2.66\n", extra: []miekg.RR{key.public("evil.test.")}},
		{origin: "good.test.", ip: goodIP, text: names},
	}
}

// newWorld must be called in a bubble.
func newWorld(t *testing.T, seed uint64, count *tally, set setting) *world {
	w := &world{T: t, tally: count, rng: rand.New(rand.NewPCG(seed, 0)), net: memnet.New(seed), key: newSigner(miekg.ECDSAP256SHA256),
		quirks: map[string]quirk{}, asked: map[string][]query{}, connects: map[string]int{}}
	sites := usual(w.key)
	for _, s := range set.zones {
		replaced := false
		for i := range sites {
			if sites[i].origin == s.origin {
				sites[i], replaced = s, true
			}
		}
		if !replaced {
			sites = append(sites, s)
		}
	}
	anchor := w.build(sites)
	w.client = upstream.New(counted{w}, upstream.Options{})
	size := set.size
	if size == 0 {
		size = 8 << 20
	}
	w.cache = cache.New(mem.New(mem.Options{Size: size, Merge: cache.Replaces}), cache.Options{TTLMin: time.Second, TTLMax: 24 * time.Hour})
	hints, err := iterate.ParseHints(". 3600000 IN NS ns.\nns. 3600000 IN A "+rootIP+"\n", "hints")
	if err != nil {
		t.Fatal(err)
	}
	anchors, err := dnssec.ParseAnchors(anchor)
	if err != nil {
		t.Fatal(err)
	}
	o := iterate.Options{
		Cache: w.cache, Client: w.client, Stats: upstream.NewStats(nil, 0), Validator: dnssec.New(dnssec.Options{SHA1: true}),
		Log: slog.New(slog.DiscardHandler), RootHints: hints, Anchors: anchors, Minimise: true, Case0x20: true, IPv4: true, IPv6: true, Observe: w.observe,
	}
	if set.engine != nil {
		set.engine(&o)
	}
	wo := worker.Options{UDPSize: limits.UDPPayload, Admit: admit.Rules{RefuseNoRD: true}}
	if set.worker != nil {
		set.worker(&wo)
	}
	w.worker = worker.New(wo, o)
	return w
}

func (w *world) observe(b *limits.Budget) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for k := range w.spent {
		w.spent[k] += min(b.Spent(limits.Kind(k)), granted(limits.Kind(k)))
	}
}

// granted is how many units of a kind a budget pays for; the one that it refuses is counted but not spent.
func granted(k limits.Kind) int {
	switch k {
	case limits.KindDigests:
		return limits.Digests
	case limits.KindSignatureChecks:
		return limits.SignatureChecks
	case limits.KindSignatureFailures:
		return limits.SignatureFailures
	}
	return math.MaxInt
}

// counted is the network that counts connections.
type counted struct{ *world }

func (c counted) DialUDP(ctx context.Context, remote netip.AddrPort) (net.Conn, error) {
	return c.net.DialUDP(ctx, remote)
}

func (c counted) DialTCP(ctx context.Context, remote netip.AddrPort) (net.Conn, error) {
	c.mu.Lock()
	c.connects[remote.Addr().String()]++
	c.mu.Unlock()
	return c.net.DialTCP(ctx, remote)
}

// close ends the connections of the worker.
func (w *world) close() { w.client.Close() }

// ask takes a query through the worker as a listener would.
func (w *world) ask(name string, t uint16, flags ...func(*miekg.Msg)) *miekg.Msg {
	w.Helper()
	q := new(miekg.Msg).SetQuestion(name, t)
	q.SetEdns0(limits.UDPPayload, true)
	for _, f := range flags {
		f(q)
	}
	raw, err := q.Pack()
	if err != nil {
		w.Fatal(err)
	}
	start := time.Now()
	m := new(miekg.Msg)
	if err := m.Unpack(w.raw(raw)); err != nil {
		w.Fatalf("answer to %s: %v", name, err)
	}
	if took := time.Since(start); took > limits.ResolutionTime {
		w.Errorf("%s took %v", name, took)
	}
	return m
}

// raw takes octets through the worker.
func (w *world) raw(packet []byte) []byte {
	req := &server.Request{Raw: packet, Client: netip.MustParseAddrPort("203.0.113.250:4000"), Transport: server.TCP}
	answer, done := w.worker.Inline(nil, req)
	if !done {
		answer = w.worker.Resolve(context.Background(), nil, req)
	}
	return answer
}

func checkingDisabled(q *miekg.Msg) { q.CheckingDisabled = true }

// reset forgets what was counted.
func (w *world) reset() {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.asked)
	clear(w.connects)
	clear(w.spent[:])
}

// LQ is how many queries arrived at a server, or at all of them when ip is empty.
func (w *world) LQ(ip string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	if ip != "" {
		return len(w.asked[ip])
	}
	total := 0
	for _, q := range w.asked {
		total += len(q)
	}
	return total
}

// LC is how many connections were opened.
func (w *world) LC() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	total := 0
	for _, n := range w.connects {
		total += n
	}
	return total
}

// used is what was charged of a kind.
func (w *world) used(k limits.Kind) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.spent[k]
}

// addresses are those in an answer, in text.
func addresses(m *miekg.Msg) string {
	var all []string
	for _, rr := range m.Answer {
		switch rr := rr.(type) {
		case *miekg.A:
			all = append(all, rr.A.String())
		case *miekg.AAAA:
			all = append(all, rr.AAAA.String())
		}
	}
	return strings.Join(all, " ")
}

// expect asks for an address that is secure.
func (w *world) expect(name, want string) {
	w.Helper()
	if m := w.ask(name, miekg.TypeA); addresses(m) != want || !m.AuthenticatedData {
		w.Errorf("%s: %q, want %q with AD\n%v", name, addresses(m), want, m)
	}
}

// refuse asks for what must not be answered but with SERVFAIL.
func (w *world) refuse(name string, t uint16) *miekg.Msg {
	w.Helper()
	m := w.ask(name, t)
	if m.Rcode != miekg.RcodeServerFailure || len(m.Answer) > 0 {
		w.Errorf("%s %s: want SERVFAIL\n%v", name, miekg.TypeToString[t], m)
	}
	return m
}

// probe is the liveness probe: a name from the cache and one that is not in it, both within a second.
func (w *world) probe() {
	w.Helper()
	for _, name := range []string{"u0.good.test.", fmt.Sprintf("u%d.good.test.", 1+w.benign%(benignNames-1))} {
		start := time.Now()
		m := w.ask(name, miekg.TypeA)
		if took := time.Since(start); addresses(m) == "" || !m.AuthenticatedData || took > time.Second {
			w.Errorf("afterwards %s within %v:\n%v", name, took, m)
		}
	}
	w.benign++
}

// ede is the code of the extended error in an answer, or -1.
func ede(m *miekg.Msg) int {
	if opt := m.IsEdns0(); opt != nil {
		for _, o := range opt.Option {
			if e, ok := o.(*miekg.EDNS0_EDE); ok {
				return int(e.InfoCode)
			}
		}
	}
	return -1
}
