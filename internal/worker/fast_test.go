package worker

import (
	"bytes"
	"context"
	"encoding/binary"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"knot-resolver/internal/admit"
	"knot-resolver/internal/cache"
	"knot-resolver/internal/dns"
	"knot-resolver/internal/dns/dnstest"
	"knot-resolver/internal/server"
	"knot-resolver/internal/testnet"
)

// FuzzPlain: what the fast path understands of a query is what the parser and the gate understand.
func FuzzPlain(f *testing.F) {
	const rd = 0x0100
	edns := [4]uint16{1, 0, 0, 1}
	for _, seed := range [][]byte{
		raw(rd, [4]uint16{1}, ""),
		raw(rd|0x30, [4]uint16{1}, ""),
		raw(rd, edns, opt),
		raw(rd, edns, opt[:9]+"\x00\x05\x00\x0a\x00\x01x"),
		raw(rd, edns, opt[:9]+"\x00\x04\x00\x0a\x00\x01x"),
		raw(rd, edns, "\x00\x00\x29\x00\x10\x00\x01\x00\x00\x00\x00"),
		raw(rd, [4]uint16{1}, "")[:20],
		append(raw(rd, [4]uint16{1}, "")[:12], "\xc0\x0c\x00\x01\x00\x01"...),
		append(append(raw(rd, [4]uint16{1}, "")[:12], bytes.Repeat([]byte("\x3fABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJK"), 4)...), "\x00\x00\x01\x00\x01"...),
		append(raw(rd, [4]uint16{1}, "")[:12], "\x00\x00\xff\x00\x01"...),
	} {
		f.Add(seed, false)
		f.Add(seed, true)
	}
	f.Fuzz(func(t *testing.T, raw []byte, stream bool) {
		const size = 1232
		req := request(raw, server.UDP)
		if stream {
			req.Transport = server.TCP
		}
		var q plain
		if !q.read(req, size) {
			return
		}
		var m dns.Message
		if err := m.Parse(raw); err != nil {
			t.Fatalf("plain, but %v", err)
		}
		if v := admit.Header(raw); !v.OK() {
			t.Fatalf("plain, but %+v", v)
		}
		if !m.Flags().Has(dns.FlagRD) || m.EDNS.Version != 0 || m.Question.Class != dns.ClassIN || m.QDCount != 1 {
			t.Fatalf("plain, but %+v %+v", m.Question, m.EDNS)
		}
		want := binary.BigEndian.AppendUint16([]byte(m.Question.Name.Lower()), uint16(m.Question.Type))
		variant := byte(0)
		for _, v := range []struct {
			bit byte
			set bool
		}{
			{variantEDNS, m.HasEDNS}, {variantDO, m.EDNS.DO}, {variantCD, m.Flags().Has(dns.FlagCD)},
			{variantAD, m.Flags().Has(dns.FlagAD)},
		} {
			if v.set {
				variant |= v.bit
			}
		}
		if want = append(want, variant); !bytes.Equal(q.key[:q.length], want) {
			t.Fatalf("key %x, want %x", q.key[:q.length], want)
		}
		r := reply{w: &Worker{options: Options{UDPSize: size}}, req: req, query: &m}
		if q.limit != r.size() || !bytes.Equal(q.question, m.RawQuestion()) {
			t.Fatalf("limit %d and question %x, want %d and %x", q.limit, q.question, r.size(), m.RawQuestion())
		}
	})
}

// TestRepeatDiffers: what makes answers to one question differ is kept apart.
func TestRepeatDiffers(t *testing.T) {
	w := idle()
	cached(w)
	const rd = 0x0100
	edns := [4]uint16{1, 0, 0, 1}
	queries := [][]byte{
		raw(rd, [4]uint16{1}, ""), raw(rd|0x10, [4]uint16{1}, ""), raw(rd|0x20, [4]uint16{1}, ""),
		raw(rd, edns, opt), raw(rd, edns, opt[:7]+"\x00\x00\x00\x00"), raw(rd|0x20, edns, opt[:7]+"\x00\x00\x00\x00"), raw(rd|0x10, edns, opt),
	}
	var first [][]byte
	for range 2 {
		for i, q := range queries {
			answer, _ := w.Inline(nil, request(q, server.UDP))
			if len(first) < len(queries) {
				first = append(first, answer)
			} else if !bytes.Equal(answer, first[i]) {
				t.Errorf("%d: repeated as %x, at first %x", i, answer, first[i])
			}
		}
	}
	for i, want := range []dns.Flags{0, dns.FlagCD, dns.FlagAD, dns.FlagAD, 0, dns.FlagAD, dns.FlagCD} {
		if f := dns.Flags(binary.BigEndian.Uint16(first[i][2:])); f&(dns.FlagCD|dns.FlagAD) != want {
			t.Errorf("%d: flags %x, want %x", i, f, want)
		}
	}
}

// TestRepeatFits: an answer kept from a stream is not repeated to a datagram it does not fit.
func TestRepeatFits(t *testing.T) {
	world, err := testnet.New()
	if err != nil {
		t.Fatal(err)
	}
	w := newWorker(t, world)
	for range 2 {
		if m := ask(t, w, query("se.", "DNSKEY"), server.TCP); m.Truncated || len(m.Answer) == 0 {
			t.Fatalf("over TCP: %v", m)
		}
	}
	q := query("se.", "DNSKEY")
	q.IsEdns0().SetUDPSize(512)
	if m := ask(t, w, q, server.UDP); m.Len() > 512 {
		t.Errorf("%d octets for a client that takes 512", m.Len())
	}
}

// TestRepeatAllocations pins a repeated query, over UDP and TCP, at none.
func TestRepeatAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	w := idle()
	cached(w)
	for _, transport := range []server.Transport{server.UDP, server.TCP} {
		req := request(raw(0x0100, [4]uint16{1, 0, 0, 1}, opt), transport)
		dst := make([]byte, 0, 4096)
		w.Inline(dst, req)
		if n := testing.AllocsPerRun(1000, func() {
			if answer, done := w.Inline(dst, req); !done || len(answer) == 0 {
				t.Fatal("not answered")
			}
		}); n != 0 {
			t.Errorf("%v: %v allocations", transport, n)
		}
	}
}

// shared are queries that the shared cache answers, as if nobody had asked before: with and without EDNS, with capital letters as
// of clients that draw lots for them, for a name that is there and for one that is not.
func shared(w *Worker) map[string][]byte {
	cached(w)
	soa := dnstest.MustRRset("test. 300 IN SOA ns.test. host.test. 1 2 3 4 300")
	gone := cache.Entry{Kind: cache.NXDomain, Rank: cache.Secure, TTL: 300, EDE: dns.NoEDE, Authority: []dns.RRset{soa}}
	w.cache.PutAnswer(dns.MustName("b.test"), dns.TypeA, &gone, time.Now())
	upper := raw(0x0100, [4]uint16{1, 0, 0, 1}, opt)
	copy(upper[12:], "\x01A\x04tEsT")
	missing := raw(0x0100, [4]uint16{1, 0, 0, 1}, opt)
	missing[13] = 'b'
	return map[string][]byte{
		"plain": raw(0x0100, [4]uint16{1}, ""), "EDNS": raw(0x0100, [4]uint16{1, 0, 0, 1}, opt), "capitals": upper, "NXDOMAIN": missing,
	}
}

// TestCachedAllocations pins an answer from the shared cache, over UDP and TCP, at none.
func TestCachedAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	w := idle()
	for what, query := range shared(w) {
		for _, transport := range []server.Transport{server.UDP, server.TCP} {
			req := request(query, transport)
			dst := make([]byte, 0, 4096)
			if n := testing.AllocsPerRun(1000, func() {
				w.packets.Clear()
				if answer, done := w.Inline(dst, req); !done || len(answer) == 0 {
					t.Fatal("not answered")
				}
			}); n != 0 {
				t.Errorf("%s over %v: %v allocations", what, transport, n)
			}
		}
	}
}

// TestBorrowedMemory: nothing that an answer on the hit path was made of outlives it. The octets of the query are overwritten at
// once, as those of the next one do, while other goroutines use the same leases.
func TestBorrowedMemory(t *testing.T) { synctest.Test(t, testBorrowedMemory) } // where TTLs stand still

func testBorrowedMemory(t *testing.T) {
	w := idle()
	queries := shared(w)
	want := map[string][]byte{}
	for what, query := range queries {
		answer, _ := w.Inline(nil, request(query, server.UDP))
		want[what] = bytes.Clone(answer)
	}
	var running sync.WaitGroup
	for range 4 {
		running.Go(func() {
			received, dst := make([]byte, 0, 512), make([]byte, 0, 4096)
			for range 200 {
				for what, query := range queries {
					w.packets.Clear()
					received = append(received[:0], query...)
					answer, done := w.Inline(dst, request(received, server.UDP))
					for i := range received {
						received[i] = 0xff
					}
					if !done || !bytes.Equal(answer, want[what]) {
						t.Errorf("%s: %x, want %x", what, answer, want[what])
						return
					}
				}
			}
		})
	}
	running.Wait()
}

func BenchmarkRepeat(b *testing.B) {
	w := idle()
	cached(w)
	req := request(raw(0x0100, [4]uint16{1, 0, 0, 1}, opt), server.UDP)
	dst := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		w.Inline(dst, req)
	}
}

// BenchmarkCached answers from the shared cache, each time as if for the first time.
func BenchmarkCached(b *testing.B) {
	w := idle()
	for what, query := range shared(w) {
		b.Run(what, func(b *testing.B) {
			req := request(query, server.UDP)
			dst := make([]byte, 0, 4096)
			b.ReportAllocs()
			for b.Loop() {
				w.packets.Clear()
				w.Inline(dst, req)
			}
		})
	}
}

// BenchmarkMiss resolves a name whose zone and keys are known, in memory.
func BenchmarkMiss(b *testing.B) {
	world, err := testnet.New()
	if err != nil {
		b.Fatal(err)
	}
	w := newWorker(b, world)
	ask(b, w, query("www.example.se.", "A"), server.UDP)
	q, err := query("www.example.se.", "A").Pack()
	if err != nil {
		b.Fatal(err)
	}
	name := dns.MustName("www.example.se")
	dst := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		w.cache.Clear(name, true, dns.TypeA, 0)
		w.Resolve(context.Background(), dst, request(q, server.UDP))
	}
}
