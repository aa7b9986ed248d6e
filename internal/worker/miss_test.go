package worker

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/cache"
	"knot-resolver/internal/cache/mem"
	"knot-resolver/internal/iterate"
	"knot-resolver/internal/server"
	"knot-resolver/internal/testnet"
	"knot-resolver/internal/upstream"
)

// parrot is a network in which every server gives one answer, at no cost: what is counted then is ours.
type parrot struct {
	upstream.Network
	answer []byte // nil: servers are asked
	conn   parrotConn
}

func (p *parrot) DialUDP(ctx context.Context, remote netip.AddrPort) (net.Conn, error) {
	if p.answer == nil {
		return p.Network.DialUDP(ctx, remote)
	}
	p.conn.answer = p.answer
	return &p.conn, nil
}

// parrotConn is used by one exchange at a time.
type parrotConn struct {
	net.Conn
	answer []byte
}

// Write puts id and question, with its letter case, into the answer.
func (c *parrotConn) Write(query []byte) (int, error) {
	copy(c.answer, query[:2])
	copy(c.answer[12:], query[12:len(query)-11])
	return len(query), nil
}

func (c *parrotConn) Read(b []byte) (int, error)      { return copy(b, c.answer), nil }
func (c *parrotConn) SetReadDeadline(time.Time) error { return nil }
func (c *parrotConn) Close() error                    { return nil }

// amnesia is a store that learns nothing any more.
type amnesia struct {
	cache.Store
	begun bool
}

func (s *amnesia) Write(key, value []byte) {
	if !s.begun {
		s.Store.Write(key, value)
	}
}

// misser returns a worker, and a query that it can answer by asking one server only, each time it comes: the zone and its keys are known.
func misser(t testing.TB) (*Worker, *server.Request) {
	world, err := testnet.New()
	if err != nil {
		t.Fatal(err)
	}
	network := &parrot{Network: world.Memory(53)}
	store := &amnesia{Store: mem.New(mem.Options{Size: 16 << 20, Merge: cache.Replaces})}
	client := upstream.New(network, upstream.Options{})
	t.Cleanup(func() { client.Close() })
	w := newWorker(t, world, func(o *iterate.Options) {
		o.Cache, o.Client = cache.New(store, cache.Options{TTLMax: 24 * time.Hour}), client
	})
	ask(t, w, query("example.se.", "NS"), server.UDP)

	var address netip.AddrPort
	for _, s := range ask(t, w, query("ns1.example.se.", "A"), server.UDP).Answer {
		if a, ok := s.(*miekg.A); ok {
			address = netip.AddrPortFrom(netip.AddrFrom4([4]byte(a.A.To4())), 53)
		}
	}
	conn, err := network.DialUDP(context.Background(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	q, err := query("www.example.se.", "A").Pack()
	if err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 4096)
	if _, err := conn.Write(q); err != nil {
		t.Fatal(err)
	}
	n, err := conn.Read(answer)
	if err != nil {
		t.Fatal(err)
	}
	network.answer, store.begun = answer[:n], true
	return w, request(q, server.UDP)
}

// TestMissAllocations pins a resolution of one validated step.
func TestMissAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	w, req := misser(t)
	dst := make([]byte, 0, 4096)
	m := new(miekg.Msg)
	if err := m.Unpack(w.Resolve(context.Background(), dst, req)); err != nil || !m.AuthenticatedData || len(m.Answer) == 0 {
		t.Fatalf("%v: %v", err, m)
	}
	asked := w.engine.Client.Metrics()["exchanges"].(uint64)
	const runs = 200
	n := testing.AllocsPerRun(runs, func() { w.Resolve(context.Background(), dst, req) })
	if asked = w.engine.Client.Metrics()["exchanges"].(uint64) - asked; asked != runs+1 {
		t.Fatalf("%d questions for %d resolutions", asked, runs+1)
	}
	if n > missAllocations {
		t.Errorf("%v allocations", n)
	}
}

// missAllocations are:
//
//	 7  the query: its records and name, who asks, the budget, the judgement, the job, the list of answers
//	10  time: the deadline of the resolution, and being told of its end while waiting for a datagram
//	 1  the flight that others can join
//	10  the look into the cache, which finds the cut: the entry and what is read from it, its servers with addresses, and its DS
//	 5  the session: itself, the servers, those that may be asked, the attempt, what is learnt about the server
//	13  the reply: query, octets, message, question, records, and the sets made of them
//	 6  the signature: who signed (twice), the keys that fit, the canonical form of the set
const missAllocations = 52

// BenchmarkMissStep resolves a name whose zone and keys are known; the server costs nothing.
func BenchmarkMissStep(b *testing.B) {
	w, req := misser(b)
	dst := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		w.Resolve(context.Background(), dst, req)
	}
}

// denier returns a worker, and a query for a name that it can deny by what others brought (RFC 8198).
func denier(t testing.TB, zone string) (*Worker, *server.Request) {
	world, err := testnet.New()
	if err != nil {
		t.Fatal(err)
	}
	w := newWorker(t, world)
	for _, label := range []string{"a", "ab", "nope", "nopf", "zzz"} {
		ask(t, w, query(label+"."+zone, "A"), server.UDP)
	}
	q, err := query("nopea."+zone, "A").Pack()
	if err != nil {
		t.Fatal(err)
	}
	return w, request(q, server.UDP)
}

// TestDeniedAllocations pins a denial from the cache: the names of wildcards, the text that says what proves it, and its option.
func TestDeniedAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	for zone, most := range map[string]float64{"example.se.": 7, "example.cz.": 7} {
		w, req := denier(t, zone)
		dst := make([]byte, 0, 4096)
		if n := testing.AllocsPerRun(200, func() {
			who := w.asker(req)
			defer w.release(who)
			if answer, _, done := w.inline(dst, req, who, time.Now()); !done || answer[3]&15 != 3 {
				t.Fatalf("%s: not denied", zone)
			}
		}); n > most {
			t.Errorf("%s: %v allocations", zone, n)
		}
	}
}

// BenchmarkDenied denies a name by NSEC and NSEC3 records in the cache.
func BenchmarkDenied(b *testing.B) {
	for _, zone := range []string{"example.se.", "example.cz."} {
		b.Run(zone, func(b *testing.B) {
			w, req := denier(b, zone)
			dst := make([]byte, 0, 4096)
			b.ReportAllocs()
			for b.Loop() {
				who := w.asker(req)
				if answer, _, done := w.inline(dst, req, who, time.Now()); !done || answer[3]&15 != 3 {
					b.Fatal("not denied")
				}
				w.release(who)
			}
		})
	}
}
