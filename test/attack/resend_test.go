package attack

import (
	"fmt"
	"math"
	"testing"
	"time"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/testnet/memnet"
)

// rcoded answers everything with a response code, the upper bits of which are in the OPT record.
func rcoded(rcode int, edns bool) quirk {
	return func(_ string, q, _ *miekg.Msg) *miekg.Msg {
		m := reply(q, 0, nil, nil, nil)
		m.Rcode = rcode
		if opt := m.IsEdns0(); opt != nil && !edns {
			m.Extra = nil
		}
		return m
	}
}

// TestAM11: servers that send us round in circles. Each way to ask is tried once.
func TestAM11(t *testing.T) {
	kinds := map[string]quirk{
		"FORMERR":      rcoded(miekg.RcodeFormatError, true),
		"FORMERR bare": rcoded(miekg.RcodeFormatError, false),
		"NOTIMP bare":  rcoded(miekg.RcodeNotImplemented, false),
		"SERVFAIL":     rcoded(miekg.RcodeServerFailure, true),
		"BADVERS":      rcoded(miekg.RcodeBadVers, true),
		"BADCOOKIE":    rcoded(miekg.RcodeBadCookie, true),
		"unknown 4095": rcoded(4095, true),
		"unknown 13":   rcoded(13, false),
		"truncated for ever": func(_ string, q, _ *miekg.Msg) *miekg.Msg {
			m := reply(q, 0, nil, nil, nil)
			m.Truncated = true
			return m
		},
	}
	for name, f := range kinds {
		for _, unsigned := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s unsigned %v", name, unsigned), func(t *testing.T) {
				bad := site{origin: "bad.test.", ip: "192.0.2.70", also: []string{"192.0.2.71", "192.0.2.72"}, unsigned: unsigned}
				play(t, same(setting{zones: []site{bad}}), func(w *world) {
					for i := range 3 {
						w.change(fmt.Sprintf("192.0.2.%d", 70+i), f)
					}
					start := time.Now()
					w.refuse("www.bad.test.", miekg.TypeA)
					w.atMost("seconds", time.Since(start).Seconds(), 5)
					for i := range 3 {
						w.atMost("LQ to one server", float64(w.LQ(fmt.Sprintf("192.0.2.%d", 70+i))), 3)
					}
					w.reset()
					w.refuse("www.bad.test.", miekg.TypeA)
					w.atMost("LQ when asked again", float64(w.LQ("")), 0)
				})
			})
		}
	}
}

// TestAM12: servers that misuse TCP, on 13 addresses.
func TestAM12(t *testing.T) {
	for name, stream := range map[string]func(query []byte) [][]byte{
		"accept and close": func([]byte) [][]byte { return [][]byte{{}} },
		"accept and stall": func([]byte) [][]byte { return nil },
		"nonsense":         func([]byte) [][]byte { return [][]byte{{21, 3, 3, 0, 2, 2, 40}} },
		"half a message":   func(query []byte) [][]byte { return [][]byte{query[:len(query)/2], {}} },
		"the query":        func(query []byte) [][]byte { return [][]byte{query} },
	} {
		t.Run(name, func(t *testing.T) {
			play(t, same(setting{zones: thirteen()}), func(w *world) {
				for i := range 13 {
					w.listen(fmt.Sprintf("192.0.2.%d", 100+i), func(transport string, raw []byte, q *miekg.Msg) [][]byte {
						if transport == memnet.TCP {
							return stream(raw)
						}
						m := reply(q, 0, nil, nil, nil)
						m.Truncated = true
						return [][]byte{w.pack(transport, q, m)}
					})
				}
				w.refuse("c0.wide.test.", miekg.TypeA)
				w.atMost("LC", float64(w.LC()), 8)
				w.atMost("LQ", float64(w.LQ("")), 100)
				start := time.Now()
				w.reset()
				for i := range 25 { // different clients within a second or so
					w.ask(fmt.Sprintf("n%d.wide.test.", i), miekg.TypeA)
				}
				w.mu.Lock()
				defer w.mu.Unlock()
				for _, n := range w.connects {
					w.atMost("connects per second to an address", float64(n)/math.Max(1, math.Ceil(time.Since(start).Seconds())), 10)
				}
			})
		})
	}
}

// TestAM19: a dead zone that a hundred clients keep asking for.
func TestAM19(t *testing.T) {
	for name, f := range map[string]quirk{
		"silent":  func(string, *miekg.Msg, *miekg.Msg) *miekg.Msg { return nil },
		"refused": rcoded(miekg.RcodeRefused, true),
		"failing": rcoded(miekg.RcodeServerFailure, true),
	} {
		for _, asked := range []string{"www.dead.test.", "a.b.c.www.dead.test."} { // minimised questions count, too
			t.Run(name+" "+asked, func(t *testing.T) {
				dead := site{origin: "dead.test.", ip: "192.0.2.80", also: []string{"192.0.2.81"}, unsigned: true}
				play(t, same(setting{zones: []site{dead}}), func(w *world) {
					w.change("192.0.2.80", f)
					w.change("192.0.2.81", f)
					for range 60 {
						for range 100 {
							w.refuse(asked, miekg.TypeA)
						}
						time.Sleep(time.Second)
					}
					w.atMost("LQ to an address in 5 seconds", float64(max(w.densest("192.0.2.80"), w.densest("192.0.2.81"))), 3)
					w.atMost("LQ to ancestors", float64(w.LQ(rootIP)+w.LQ(testIP)), 3)
				})
			})
		}
	}
}

// densest is the most queries a server got within five seconds.
func (w *world) densest(ip string) (most int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := w.asked[ip]
	for i, from := 0, 0; i < len(list); i++ {
		for list[i].at.Sub(list[from].at) >= 5*time.Second {
			from++
		}
		most = max(most, i-from+1)
	}
	return most
}
