package dns_test

import (
	"encoding/binary"
	"runtime"
	"strings"
	"testing"

	"knot-resolver/internal/dns"
)

// allocated returns the heap octets f allocates.
func allocated(f func()) int {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int(after.TotalAlloc - before.TotalAlloc)
}

// bomb builds an answer of up to 65535 octets out of records behind a question with the longest name.
func bomb(record func(i int) string) []byte {
	longest := strings.Repeat("\x3f"+strings.Repeat("a", 63), 3) + "\x3d" + strings.Repeat("b", 61) + "\x00"
	raw := wire(1, 0, 0, 0, longest, "\x00\x01\x00\x01")
	n := 0
	for {
		r := record(n)
		if len(raw)+len(r) > 65535 {
			break
		}
		raw = append(raw, r...)
		n++
	}
	binary.BigEndian.PutUint16(raw[6:], uint16(n))
	return raw
}

// TestParseBombs are PX-02 and PX-07: what a message makes us build is bounded by its size.
func TestParseBombs(t *testing.T) {
	const head = "\x00\x01\x00\x00\x00\x00\x00" // class, TTL, upper half of the length
	for name, record := range map[string]func(i int) string{
		"one long owner, empty unknown records": func(i int) string { return "\xc0\x0c\xff\x00" + head + "\x00" },
		"long owner, many types":                func(i int) string { return "\xc0\x0c" + u16(1024+i) + head + "\x00" },
		"many long owners":                      func(i int) string { return "\x02" + u16(i) + "\xc0\x4c\xff\x00" + head + "\x00" },
		"long owner, long targets":              func(i int) string { return "\xc0\x0c\x00\x0f" + head + "\x04" + u16(i) + "\xc0\x0c" },
		"many long owners with long targets": func(i int) string {
			return "\x02" + u16(i) + "\xc0\x4c\x00\x02" + head + "\x02\xc0\x0c"
		},
		"many owners with two long targets": func(i int) string {
			return "\x02" + u16(i) + "\xc0\x4c\x00\x11" + head + "\x04\xc0\x0c\xc0\x0c"
		},
		"many short owners": func(i int) string { return "\x02" + u16(i) + "\x00\xff\x00" + head + "\x00" },
		"long targets of one owner": func(i int) string {
			return "\xc0\x0c\x00\x02" + head + "\x05\x02" + u16(i) + "\xc0\x4c"
		},
	} {
		full := bomb(record)
		for _, raw := range [][]byte{full, small(record)} {
			var err error
			used := allocated(func() {
				var m dns.Message
				if err = m.Parse(raw); err == nil {
					_, err = m.RRsets(dns.Answer)
				}
			})
			t.Logf("%s: %d octets of wire, %d allocated, %v", name, len(raw), used, err)
			if bound := 8*len(raw) + 64<<10; used > bound {
				t.Errorf("%s: %d octets of wire, %d allocated, bound %d (%v)", name, len(raw), used, bound, err)
			}
		}
	}
}

func u16(i int) string { return string([]byte{byte(i >> 8), byte(i)}) }

// small is a bomb of as many records as RRsets are built of one message.
func small(record func(i int) string) []byte {
	return bomb(func(i int) string {
		if i == 1000 {
			return strings.Repeat("x", 65535)
		}
		return record(i)
	})
}
