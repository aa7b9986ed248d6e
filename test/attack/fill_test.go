package attack

import (
	"fmt"
	"strings"
	"testing"
	"time"

	miekg "github.com/miekg/dns"
)

// TestCM01: thousands of records, and of types, at one name.
func TestCM01(t *testing.T) {
	t.Run("records", func(t *testing.T) {
		var set []miekg.RR
		for i := range 4000 {
			set = append(set, rr(fmt.Sprintf("many.evil.test. 300 A 10.0.%d.%d", i>>8, i&255)))
		}
		play(t, nil, func(w *world) {
			signed := w.key.signed("evil.test.", set...)
			w.change(evilIP, w.records("many.evil.test.", signed))
			w.ask("many.evil.test.", miekg.TypeA)
			w.repeatedly("many.evil.test.", miekg.TypeA)
			if m := w.ask("many.evil.test.", miekg.TypeTXT); len(m.Answer) == 0 {
				w.Errorf("another type of the name\n%v", m)
			}
		})
	})
	t.Run("types", func(t *testing.T) {
		play(t, nil, func(w *world) {
			const first, types = 1000, 1000
			w.change(evilIP, func(_ string, q, right *miekg.Msg) *miekg.Msg {
				if t := q.Question[0].Qtype; lowered(q) == "many.evil.test." && t >= first {
					return reply(q, 0, w.key.signed("evil.test.", rr(fmt.Sprintf("many.evil.test. 300 TYPE%d \\# 4 01020304", t))), nil, nil)
				}
				return right
			})
			for i := range uint16(types) {
				if m := w.ask("many.evil.test.", first+i); len(m.Answer) == 0 {
					w.Fatalf("type %d\n%v", first+i, m)
				}
			}
			w.repeatedly("many.evil.test.", first)
			w.repeatedly("many.evil.test.", first+types-1)
			w.repeatedly("u0.good.test.", miekg.TypeA)
		})
	})
}

// records has thousands of addresses and an ordinary TXT record at one name.
func (w *world) records(name string, addrs []miekg.RR) quirk {
	txt := w.key.signed("evil.test.", rr(name+" 300 TXT fine"))
	return func(_ string, q, right *miekg.Msg) *miekg.Msg {
		switch {
		case lowered(q) != name:
		case q.Question[0].Qtype == miekg.TypeA:
			return reply(q, 0, addrs, nil, nil)
		case q.Question[0].Qtype == miekg.TypeTXT:
			return reply(q, 0, txt, nil, nil)
		}
		return right
	}
}

// repeatedly asks a hundred times for something and counts what one time costs.
func (w *world) repeatedly(name string, t uint16) {
	const times = 100
	start := cpu()
	for range times {
		w.ask(name, t)
	}
	w.atMost("CPU µs per query", float64((cpu()-start).Microseconds())/times, 1000*slow)
}

// TestCM02: CacheFlush, answers of 60 KiB that are asked for to drive out what others need. A hundredth of the real size.
func TestCM02(t *testing.T) {
	names := ""
	const hot = 500
	for i := range hot {
		names += fmt.Sprintf("h%d A 198.51.100.9\n", i)
	}
	set := setting{size: 1 << 20, zones: []site{{origin: "hot.test.", ip: "192.0.2.90", unsigned: true, text: names}}}
	play(t, same(set), func(w *world) {
		var txt []miekg.RR
		for range 200 {
			txt = append(txt, rr("big.evil.test. 3600 TXT "+strings.Repeat("x", 250)+" "+fmt.Sprint(w.rng.Uint64())))
		}
		w.change(evilIP, func(_ string, q, right *miekg.Msg) *miekg.Msg {
			if q.Question[0].Qtype != miekg.TypeTXT {
				return right
			}
			for _, record := range txt {
				record.Header().Name = lowered(q)
			}
			return reply(q, 0, w.key.signed("evil.test.", txt...), nil, nil)
		})
		for i := range hot {
			w.ask(fmt.Sprintf("h%d.hot.test.", i), miekg.TypeA)
		}
		asked, missed := 0, 0
		for i := range 40 { // 2 MB into 1 MB, over 80 seconds
			w.ask(fmt.Sprintf("f%d.evil.test.", i), miekg.TypeTXT)
			before := w.LQ("192.0.2.90")
			for range hot / 5 {
				w.ask(fmt.Sprintf("h%d.hot.test.", w.rng.IntN(hot)), miekg.TypeA)
				asked++
			}
			missed += w.LQ("192.0.2.90") - before
			time.Sleep(2 * time.Second)
		}
		w.atMost("% of hot names missed", 100*float64(missed)/float64(asked), 5)
		if stats := w.cache.Store().Stats(); stats.UsedBytes > uint64(set.size) {
			w.Errorf("%+v", stats)
		}
	})
}
