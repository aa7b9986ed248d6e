package worker

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/admit"
	"knot-resolver/internal/cache"
	"knot-resolver/internal/cache/mem"
	"knot-resolver/internal/dns"
	"knot-resolver/internal/dns/dnstest"
	"knot-resolver/internal/iterate"
	"knot-resolver/internal/server"
)

// idle makes a worker that has no servers to ask, but a cache.
func idle() *Worker {
	store := cache.New(mem.New(mem.Options{Size: 1 << 20, Merge: cache.Replaces}), cache.Options{TTLMax: 24 * time.Hour})
	return New(Options{UDPSize: 1232, Admit: admit.Rules{RefuseNoRD: true}}, iterate.Options{Cache: store})
}

func request(raw []byte, t server.Transport) *server.Request {
	return &server.Request{Raw: raw, Client: netip.MustParseAddrPort("192.0.2.1:4000"), Transport: t}
}

// raw is a query for a.test A with changed header fields and records behind the question.
func raw(flags uint16, counts [4]uint16, rest string) []byte {
	b := []byte{0x12, 0x34, byte(flags >> 8), byte(flags)}
	for _, n := range counts {
		b = binary.BigEndian.AppendUint16(b, n)
	}
	return append(b, "\x01a\x04test\x00\x00\x01\x00\x01"+rest...)
}

const opt = "\x00\x00\x29\x04\xd0\x00\x00\x80\x00\x00\x00"

// cached puts an answer to a.test A into the cache of a worker.
func cached(w *Worker) {
	set := dnstest.MustRRset("a.test. 300 IN A 192.0.2.9")
	e := cache.Entry{Kind: cache.Positive, Rank: cache.Secure, TTL: 300, EDE: dns.NoEDE, Answer: set}
	w.cache.PutAnswer(set.Owner, set.Type, &e, time.Now())
}

func TestGate(t *testing.T) {
	const rd = 0x0100
	one := [4]uint16{1}
	edns := [4]uint16{1, 0, 0, 1}
	drop, later := -1, -2
	for _, c := range []struct {
		name string
		raw  []byte
		want int // RCODE, or what else happens
	}{
		{"nothing", nil, drop},
		{"header cut", raw(rd, one, "")[:11], drop},
		{"response", raw(rd|0x8000, one, ""), drop},
		{"response that is cut", raw(rd|0x8000, one, "")[:12], drop},
		{"in the cache", raw(rd, one, ""), 0},
		{"in the cache, with EDNS", raw(rd, edns, opt), 0},
		{"not in the cache", append(raw(rd, one, "")[:12], "\x01b\x04test\x00\x00\x01\x00\x01"...), later},
		{"notify", raw(rd|4<<11, one, ""), miekg.RcodeNotImplemented},
		{"update with lying counts", raw(rd|5<<11, [4]uint16{9, 9, 9, 9}, ""), miekg.RcodeNotImplemented},
		{"no question", raw(rd, [4]uint16{}, ""), miekg.RcodeFormatError},
		{"two questions", raw(rd, [4]uint16{2}, "\x01b\x00\x00\x01\x00\x01"), miekg.RcodeFormatError},
		{"an answer", raw(rd, [4]uint16{1, 1}, ""), miekg.RcodeFormatError},
		{"lying counts", raw(rd, [4]uint16{1, 0, 0, 2}, ""), miekg.RcodeFormatError},
		{"octets behind", raw(rd, one, "x"), miekg.RcodeFormatError},
		{"question cut", raw(rd, one, "")[:20], miekg.RcodeFormatError},
		{"two OPT", raw(rd, [4]uint16{1, 0, 0, 2}, opt+opt), miekg.RcodeFormatError},
		{"option longer than OPT", raw(rd, edns, opt[:10]+"\x04\x00\x0a\x00\x09"), miekg.RcodeFormatError},
		{"pointer to itself", append(raw(rd, one, "")[:12], "\xc0\x0c\x00\x01\x00\x01"...), miekg.RcodeFormatError},
		{"EDNS version 1", raw(rd, edns, "\x00\x00\x29\x04\xd0\x00\x01\x00\x00\x00\x00"), miekg.RcodeBadVers},
		{"no recursion desired", raw(0, one, ""), miekg.RcodeRefused},
		{"class CH", append(raw(rd, one, "")[:22], 0, 3), miekg.RcodeNotImplemented},
		{"AXFR", append(raw(rd, one, "")[:20], 0, 252, 0, 1), miekg.RcodeNotImplemented},
		{"type OPT", append(raw(rd, one, "")[:20], 0, 41, 0, 1), miekg.RcodeNotImplemented},
	} {
		w := idle()
		cached(w)
		for range 2 { // the second time it may come out of the packet cache
			answer, done := w.Inline([]byte("x")[:0], request(c.raw, server.UDP))
			got := drop
			m := new(miekg.Msg)
			switch {
			case !done:
				got = later
			case len(answer) > 0:
				if err := m.Unpack(answer); err != nil {
					t.Errorf("%s: %v in %x", c.name, err, answer)
					continue
				}
				got = m.Rcode
				// An answer without a question comes from the header alone and promises nothing.
				if m.Id != 0x1234 || !m.Response || m.RecursionAvailable != (len(m.Question) > 0) {
					t.Errorf("%s: header %+v", c.name, m.MsgHdr)
				}
			}
			if got != c.want {
				t.Errorf("%s: %d, want %d", c.name, got, c.want)
			}
		}
	}
}

// FuzzInline hands any bytes to a worker. Whatever it answers is a message that fits, and what is
// repeated from the packet cache would be answered alike by the slow way.
func FuzzInline(f *testing.F) {
	f.Add(raw(0x0100, [4]uint16{1}, ""))
	f.Add(raw(0x0100, [4]uint16{1, 0, 0, 1}, opt))
	f.Add(raw(0x0130, [4]uint16{1, 0, 0, 1}, opt[:10]+"\x04\x00\x0a\x00\x00"))
	w := idle()
	cached(w)
	f.Fuzz(func(t *testing.T, b []byte) {
		answer, done := w.Inline(nil, request(b, server.UDP))
		if len(answer) > 0 {
			var m dns.Message
			if err := m.Parse(answer); err != nil || !done || len(answer) > 1232 || !m.Flags().Has(dns.FlagQR) {
				t.Fatalf("%x is answered %x: %v", b, answer, err)
			}
		}
		var q plain
		if !q.read(request(b, server.UDP), 1232) {
			return
		}
		var m dns.Message
		if err := m.Parse(b); err != nil || !admit.Header(b).OK() {
			t.Fatalf("%x is plain, but %v", b, err)
		}
		name := string(m.Question.Name.Lower())
		if string(q.key[:len(name)]) != name || q.length != len(name)+3 || string(q.question) != string(m.RawQuestion()) {
			t.Fatalf("%x: key %x of %q", b, q.key[:q.length], name)
		}
	})
}
