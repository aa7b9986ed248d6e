package attack

import (
	"bytes"
	"encoding/binary"
	"runtime"
	"slices"
	"testing"
	"time"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/limits"
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
	heap := allocated(func() { answer = w.raw(packet) })
	took := time.Hour
	for range 20 { // the best, for other things run, too
		start := cpu()
		w.raw(packet)
		took = min(took, cpu()-start)
	}
	w.atMost("octets of heap", heap, octets)
	if len(packet) <= limits.QueryBytes {
		w.atMost("CPU µs", float64(took.Nanoseconds())/1000, 20*slow)
	} else { // listeners refuse it unread
		w.atMost("CPU µs above 4 KiB", float64(took.Nanoseconds())/1000, 1000*slow)
	}
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
			play(t, nil, func(w *world) { w.bombed(expanding(rrtype)) })
		})
	}
}

// bombName is what the answers that are bombs answer to, asked for its address.
const bombName = "bomb.evil.test."

// bombHead is the beginning of an answer with these counts: header and question.
func bombHead(counts ...uint16) []byte {
	q := new(miekg.Msg).SetQuestion(bombName, miekg.TypeA)
	raw, err := q.Pack()
	if err != nil {
		panic(err)
	}
	head := header(counts...)
	head[2] = 0x84
	return append(head, raw[12:]...)
}

// expanding is an answer of 64 KiB in which thousands of records point to one name of 255 octets.
func expanding(rrtype byte) []byte {
	m := append(bombHead(1, 0, 0, 0), 0xc0, 12, 0, 15, 0, 1, 0, 0, 0, 60, 1, 1, 0, 1) // an MX record has the name
	at := len(m)
	m = append(m, longName('y')...)
	n := uint16(1)
	for ; len(m)+14 <= 65533; n++ {
		m = append(m, 0xc0, 12, 0, rrtype, 0, 1, 0, 0, 0, 60, 0, 2, 0xc0|byte(at>>8), byte(at))
	}
	binary.BigEndian.PutUint16(m[6:], n)
	return m
}

// bombed has the attacker answer over TCP with a message, and counts what that costs.
func (w *world) bombed(message []byte) {
	w.ask("www.evil.test.", miekg.TypeA) // the way is known
	times := 0
	w.listen(evilIP, func(transport string, raw []byte, q *miekg.Msg) [][]byte {
		if transport == memnet.UDP {
			m := reply(q, 0, nil, nil, nil)
			m.Truncated = true
			return [][]byte{w.pack(transport, q, m)}
		}
		times++
		m := slices.Clone(message)
		copy(m, raw[:2])
		copy(m[12:], raw[12:question(raw)])
		return [][]byte{m}
	})
	heap := allocated(func() { w.ask(bombName, miekg.TypeA) })
	heap -= 3 * float64(len(message)*times) // the copies that the network of the test makes
	w.atMost("octets of heap per octet, 64 KiB free", (heap-64<<10)/float64(len(message)*times), 8)
	w.atMost("CPU ms", float64(w.reading().Microseconds())/1000, 5*slow)
}

// reading is the time it takes to read the bomb, the best of some: the test's own work is in it.
func (w *world) reading() time.Duration {
	best := time.Hour
	for range 5 {
		w.forgetEvil()
		w.ask("ns.evil.test.", miekg.TypeDS)
		start := cpu()
		w.ask(bombName, miekg.TypeA)
		best = min(best, cpu()-start)
	}
	return best
}

// TestPX03: counts that cannot be.
func TestPX03(t *testing.T) {
	play(t, nil, func(w *world) {
		const most = 0xffff
		for _, counts := range [][]uint16{{most, most, most, most}, {1, most, 0, 0}, {1, 0, most, 0}, {1, 0, 0, most}, {most, 0, 0, 0}} {
			w.bomb(header(counts...), 4<<10)
			w.bomb(append(header(counts...), 0, 0, 1, 0, 1), 4<<10)
		}
		w.bombed(append(bombHead(1, most, most, most), make([]byte, 4000)...))
	})
}

// TestPX07: thousands of long names with common endings, to be read and to be written. Doubling them doubles the work.
func TestPX07(t *testing.T) {
	play(t, nil, func(w *world) {
		w.bombed(suffixed(4000))
		whole := w.reading()
		w.bombed(suffixed(2000))
		w.atMost("time for twice the size", float64(whole)/float64(max(w.reading(), time.Microsecond)), 2.2+slow)
	})
}

// suffixed is an answer with n different names, each the one before with another label in front, as far as that goes.
func suffixed(n int) []byte {
	m := bombHead(1, 0, 0, 0)
	end := 12 + 5 // evil.test. in the question
	before, length := end, 11
	count := uint16(0)
	for i := range n {
		if len(m)+30 > 65000 {
			break
		}
		if length+6 > 255 || before > 0x3fff {
			before, length = end, 11
		}
		m = append(m, 0xc0, 12, 0, 2, 0, 1, 0, 0, 0, 60, 0, 8, 5, byte('a'+i%26), byte('a'+i/26%26), byte('a'+i/676%26), 'x', 'x', 0xc0|byte(before>>8), byte(before))
		before, length = len(m)-8, length+6
		count++
	}
	binary.BigEndian.PutUint16(m[6:], count)
	return m
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
			"4 KiB of them": query(0, bytes.Repeat(option(65001, nil), 1000)),
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
