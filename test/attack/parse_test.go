package attack

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/testnet/memnet"
)

// header is that of a query with these counts.
func header(counts ...uint16) []byte {
	b := []byte{0x12, 0x34, 1, 0}
	for _, n := range counts {
		b = binary.BigEndian.AppendUint16(b, n)
	}
	return b
}

// longName is a name of 255 octets.
func longName(fill byte) []byte {
	label := append([]byte{63}, bytes.Repeat([]byte{fill}, 63)...)
	name := slices.Concat(label, label, label, append([]byte{61}, bytes.Repeat([]byte{fill}, 61)...))
	return append(name, 0)
}

// allocated is the heap that f takes.
func allocated(f func()) float64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return float64(after.TotalAlloc - before.TotalAlloc)
}

// bomb gives the worker a query and returns the answer. What cannot be answered from the cache is no part of it.
func (w *world) bomb(packet []byte, octets float64) []byte {
	w.Helper()
	var answer []byte
	var took time.Duration
	heap := allocated(func() {
		start := cpu()
		answer = w.raw(packet)
		took = cpu() - start
	})
	w.atMost("octets of heap", heap, octets)
	w.atMost("CPU µs", float64(took.Microseconds()), 5000*slow)
	return answer
}

// TestPX02: decompression bombs from clients, and from servers.
func TestPX02(t *testing.T) {
	t.Run("query", func(t *testing.T) {
		packet := append(header(10900, 0, 0, 0), longName('x')...)
		packet = append(packet, 0, 1, 0, 1)
		for len(packet)+6 <= 65533 {
			packet = append(packet, 0xc0, 12, 0, 1, 0, 1)
		}
		records := append(header(1, 0, 0, 10000), longName('x')...)
		records = append(records, 0, 1, 0, 1)
		for len(records)+12 <= 65533 {
			records = append(records, 0xc0, 12, 0, 2, 0, 1, 0, 0, 0, 0, 0, 0)
		}
		play(t, nil, func(w *world) {
			for _, p := range [][]byte{packet, records} {
				answer := w.bomb(p, 64<<10)
				if len(answer) < 12 || answer[3]&15 != miekg.RcodeFormatError {
					w.Errorf("answer %x", answer)
				}
			}
		})
	})
	for name, rrtype := range map[string]byte{"answer of NS": 2, "answer of CNAME": 5, "answer of PTR": 12} {
		t.Run(name, func(t *testing.T) {
			play(t, nil, func(w *world) {
				w.bombed(func(q []byte) []byte {
					end := question(q)
					m := append(slices.Clone(q[:end]), longName('y')...) // RDATA-less filler first names the long name
					m = append(m[:end], 0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 60, 1, 0)
					m = append(append(m, 255), bytes.Repeat([]byte{'t'}, 255)...)
					n := 1
					at := len(m)
					m = append(m, 0xc0, 12, 0, 15, 0, 1, 0, 0, 0, 60, 1, 1, 0, 1)
					m = append(m, longName('y')...)
					for len(m)+14 <= 65533 {
						m = append(m, 0xc0, byte(12), 0, rrtype, 0, 1, 0, 0, 0, 60, 0, 2, 0xc0|byte((at+14)>>8), byte(at+14))
						n++
					}
					m[2], m[3] = 0x84, 0
					copy(m[4:12], []byte{0, 1, byte((n + 1) >> 8), byte(n + 1), 0, 0, 0, 0})
					return m
				})
			})
		})
	}
}

// bombed has the attacker answer over TCP with what make makes of a query.
func (w *world) bombed(make func(query []byte) []byte) {
	w.ask("www.evil.test.", miekg.TypeA) // the way is known
	size := 0
	w.listen(evilIP, func(transport string, raw []byte, q *miekg.Msg) [][]byte {
		if transport == memnet.UDP {
			m := reply(q, 0, nil, nil, nil)
			m.Truncated = true
			return [][]byte{w.pack(transport, q, m)}
		}
		m := make(raw)
		size = max(size, len(m))
		return [][]byte{m}
	})
	start := cpu()
	heap := allocated(func() { w.ask("bomb.evil.test.", miekg.TypeA) })
	w.atMost("CPU ms", float64((cpu()-start).Microseconds())/1000, 15*slow)
	// The network of the test copies the message three times, and the answer to the client is unpacked.
	w.atMost("octets of heap per octet", heap/float64(size), 3+8+float64(64<<10)/float64(size)+3)
}

// TestPX03: counts that cannot be.
func TestPX03(t *testing.T) {
	play(t, nil, func(w *world) {
		const most = 0xffff
		for _, counts := range [][]uint16{{most, most, most, most}, {1, most, 0, 0}, {1, 0, most, 0}, {1, 0, 0, most}, {most, 0, 0, 0}} {
			w.bomb(header(counts...), 4<<10)
			w.bomb(append(header(counts...), 0, 0, 1, 0, 1), 4<<10)
		}
		w.bombed(func(q []byte) []byte {
			m := slices.Clone(q[:question(q)])
			m[2], m[3] = 0x84, 0
			copy(m[4:], []byte{0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
			return append(m, make([]byte, 4000)...)
		})
	})
}

// TestPX07: thousands of long names with common endings, to be read and to be written. Doubling them doubles the work.
func TestPX07(t *testing.T) {
	play(t, nil, func(w *world) {
		text := func(i int) string {
			return fmt.Sprintf("%s.%s.evil.test.", strings.Repeat(fmt.Sprintf("l%d.", i), 12)+"x", strings.Repeat("y", 60))
		}
		work := func(n int) time.Duration {
			var records []miekg.RR
			for i := range n {
				records = append(records, rr("many.evil.test. 60 NS "+text(i)))
			}
			signed := w.key.signed("evil.test.", records...)
			w.change(evilIP, func(_ string, q, right *miekg.Msg) *miekg.Msg {
				if lowered(q) != "many.evil.test." || q.Question[0].Qtype == miekg.TypeNS {
					return right
				}
				return reply(q, 0, signed, nil, nil)
			})
			w.forgetEvil()
			w.ask("www.evil.test.", miekg.TypeA)
			start := cpu()
			w.ask("many.evil.test.", miekg.TypeMX)
			return cpu() - start
		}
		work(100)
		w.atMost("CPU ms for 250 names", float64(work(250).Microseconds())/1000, 25*slow) // most of it is the test's own server
	})
}

// TestPX08: EDNS options without end.
func TestPX08(t *testing.T) {
	option := func(code uint16, data []byte) []byte {
		b := binary.BigEndian.AppendUint16(nil, code)
		return append(binary.BigEndian.AppendUint16(b, uint16(len(data))), data...)
	}
	query := func(version byte, opts ...[]byte) []byte {
		b := append(header(1, 0, 0, uint16(len(opts))), 2, 'u', '0', 4, 'g', 'o', 'o', 'd', 4, 't', 'e', 's', 't', 0, 0, 1, 0, 1)
		for _, data := range opts {
			b = append(b, 0, 0, 41, 4, 0xd0, 0, version, 0, 0)
			b = append(binary.BigEndian.AppendUint16(b, uint16(len(data))), data...)
		}
		return b
	}
	play(t, nil, func(w *world) {
		for name, packet := range map[string][]byte{
			"empty options": query(0, bytes.Repeat(option(65001, nil), 16000)),
			"NSID":          query(0, bytes.Repeat(option(3, nil), 500)),
			"cookies":       query(0, bytes.Repeat(option(10, make([]byte, 8)), 500)),
			"padding":       query(0, option(12, make([]byte, 65000))),
			"keepalive":     query(0, bytes.Repeat(option(11, nil), 500)),
		} {
			answer := w.bomb(packet, 16<<10)
			m := new(miekg.Msg)
			if err := m.Unpack(answer); err != nil || len(answer) > 1232 || m.Rcode == 0 && addresses(m) == "" {
				w.Errorf("%s: %d octets, %v", name, len(answer), m)
			}
		}
		for version := 1; version < 256; version++ {
			m := new(miekg.Msg)
			if err := m.Unpack(w.raw(query(byte(version), nil))); err != nil || m.Rcode != miekg.RcodeBadVers {
				w.Errorf("version %d: %v", version, m)
			}
		}
		if answer := w.raw(query(0, nil, nil)); len(answer) < 12 || answer[3]&15 != miekg.RcodeFormatError {
			w.Errorf("two OPT: %x", answer)
		}
		w.atMost("LQ", float64(w.LQ("")), 0)
	})
}
