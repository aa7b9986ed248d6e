package attack

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/limits"
	"knot-resolver/internal/testnet/memnet"
	"knot-resolver/internal/testnet/zone"
)

// many is the victim's zone with n more names, all of them at 198.51.100.9.
func many(n int) site {
	s := site{origin: "victim.test.", ip: victimIP, text: "www A 198.51.100.1\n"}
	for i := range n {
		s.text += fmt.Sprintf("m%d A 198.51.100.9\n", i)
	}
	return s
}

// before lets packets arrive before the true answer of the victim's server: the link, and the forger, is faster.
func (w *world) before(forge func(transport string, q *miekg.Msg, query, right []byte) [][]byte) {
	zones := []*zone.Zone{w.zones["victim.test."]}
	w.listen(victimIP, func(transport string, raw []byte, q *miekg.Msg) [][]byte {
		right := w.pack(transport, q, zone.Reply(zones, q))
		if transport == memnet.TCP {
			return [][]byte{right}
		}
		return append(forge(transport, q, raw, right), right)
	})
}

// TestSP05: a flood of wrong ids before the true answer.
func TestSP05(t *testing.T) {
	for _, k := range []int{1, 10, 10_000} {
		t.Run(fmt.Sprint(k), func(t *testing.T) {
			play(t, nil, func(w *world) {
				w.ask("victim.test.", miekg.TypeSOA) // the way is known
				w.before(func(_ string, _ *miekg.Msg, _, right []byte) [][]byte {
					wrong := make([][]byte, k)
					for i := range wrong {
						wrong[i] = append([]byte(nil), right...)
						binary.BigEndian.PutUint16(wrong[i], binary.BigEndian.Uint16(right)+1+uint16((i+w.rng.IntN(60000))%65534))
						copy(wrong[i][len(right)-30:], "forged")
					}
					return wrong
				})
				w.reset()
				start := time.Now()
				w.expect("www.victim.test.", "198.51.100.1")
				w.atMost("TCP retries", float64(w.LC()), 1)
				w.atMost("LQ", float64(w.LQ("")), 2)
				w.atMost("milliseconds of virtual time, round trip 20", float64(time.Since(start).Milliseconds()), 20+4*20) // TCP takes two of its own to connect
				w.before(func(string, *miekg.Msg, []byte, []byte) [][]byte { return nil })
				w.reset()
				w.expect("x.victim.test.", "198.51.100.2") // SP-10: the server has not lost its good name
				w.atMost("LQ afterwards", float64(w.LQ("")), 1)
				w.atMost("TCP afterwards", float64(w.LC()), 0)
			})
		})
	}
}

// TestSP09: TuDoor, each of 64 malformed packets before the true answer, then all of them (SP-10: and the server is fine).
func TestSP09(t *testing.T) {
	list := malformations()
	if len(list) != 64 {
		t.Fatalf("%d malformations", len(list))
	}
	play(t, same(setting{zones: []site{many(66)}}), func(w *world) {
		w.ask("victim.test.", miekg.TypeDNSKEY)
		ports := 0
		for i, bad := range list {
			w.before(func(_ string, _ *miekg.Msg, query, right []byte) [][]byte { return [][]byte{bad(query, right)} })
			w.reset()
			w.expect(fmt.Sprintf("m%d.victim.test.", i), "198.51.100.9")
			w.atMost("LQ more than one", float64(w.LQ("")-1), 1)
			if w.LQ("") > 1 {
				ports++
			}
		}
		w.atMost("new ports in 64", float64(ports), 1)
		w.before(func(_ string, _ *miekg.Msg, query, right []byte) (all [][]byte) {
			for _, bad := range list {
				all = append(all, bad(query, right))
			}
			return all
		})
		w.reset()
		w.expect("m64.victim.test.", "198.51.100.9")
		w.atMost("LQ with all 64", float64(w.LQ("")), 2)
		w.before(func(string, *miekg.Msg, []byte, []byte) [][]byte { return nil })
		w.reset()
		w.expect("m65.victim.test.", "198.51.100.9")
		w.atMost("LQ afterwards", float64(w.LQ("")), 1)
		w.atMost("TCP afterwards", float64(w.LC()), 0)
	})
}

// TestSP10: bad packets "from" the better of two servers before each of its answers do not turn the choice between them.
func TestSP10(t *testing.T) {
	const names = 400
	two := many(names)
	two.also, two.unsigned = []string{"192.0.2.44"}, true
	play(t, same(setting{zones: []site{two}}), func(w *world) {
		w.before(func(_ string, _ *miekg.Msg, _, right []byte) (all [][]byte) {
			for i := range 15 {
				wrong := append([]byte(nil), right...)
				wrong[i%2]++
				all = append(all, wrong)
			}
			return all
		})
		w.net.SetLink(netip.MustParseAddr(victimIP), memnet.Link{Delay: delay / 2})
		for i := range names {
			if m := w.ask(fmt.Sprintf("m%d.victim.test.", i), miekg.TypeA); addresses(m) != "198.51.100.9" {
				w.Errorf("%v", m)
			}
		}
		// One query in limits.ExploreOneIn goes elsewhere without any attack.
		w.atMost("% of queries to the other server", 100*float64(w.LQ("192.0.2.44"))/names, 100/limits.ExploreOneIn+5)
		w.atMost("TCP", float64(w.LC()), 0)
	})
}

// TestSP11: a forged FORMERR without EDNS, with the right id, before the true answer.
func TestSP11(t *testing.T) {
	for _, bare := range []bool{false, true} {
		t.Run(fmt.Sprintf("header only %v", bare), func(t *testing.T) {
			play(t, same(setting{zones: []site{many(3)}}), func(w *world) {
				guessed := false // one lucky guess, that is
				w.before(func(_ string, _ *miekg.Msg, _, right []byte) [][]byte {
					if guessed {
						return nil
					}
					guessed = true
					end := question(right)
					forged := append([]byte(nil), right[:end]...)
					forged[3], forged[7], forged[9], forged[11] = 1, 0, 0, 0
					if bare {
						forged, forged[5] = forged[:12], 0
					}
					return [][]byte{forged}
				})
				w.expect("m0.victim.test.", "198.51.100.9")
				w.before(func(string, *miekg.Msg, []byte, []byte) [][]byte { return nil })
				w.reset()
				w.expect("m1.victim.test.", "198.51.100.9")
				for _, q := range w.asked[victimIP] {
					if q.raw[11] != 1 {
						w.Errorf("%s %s asked without EDNS", q.name, q.qtype)
					}
				}
			})
		})
	}
}

// birthday has a thousand clients ask for one name within 10 ms.
func (w *world) birthday(t *testing.T, change func(i int, q *miekg.Msg)) {
	w.expect("www.victim.test.", "198.51.100.1")
	w.reset()
	var group sync.WaitGroup
	for i := range limits.WaitersPerResolution {
		group.Go(func() {
			time.Sleep(time.Duration(i) * 10 * time.Microsecond)
			m := w.ask("x.victim.test.", miekg.TypeA, func(q *miekg.Msg) { change(i, q) })
			if addresses(m) != "198.51.100.2" {
				t.Errorf("%v", m)
			}
		})
	}
	group.Wait()
}

// TestSP06: many clients with one question make one question upstream.
func TestSP06(t *testing.T) {
	play(t, nil, func(w *world) {
		w.birthday(w.T, func(int, *miekg.Msg) {})
		w.atMost("LQ", float64(w.LQ("")), 1)
	})
}

// TestSP07: RebirthDay, the same with another client subnet each. The option never leaves the house.
func TestSP07(t *testing.T) {
	play(t, nil, func(w *world) {
		w.birthday(w.T, func(i int, q *miekg.Msg) {
			subnet := &miekg.EDNS0_SUBNET{Code: miekg.EDNS0SUBNET, Family: 1, SourceNetmask: 24, Address: netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 0}).AsSlice()}
			q.IsEdns0().Option = append(q.IsEdns0().Option, subnet)
		})
		w.atMost("LQ", float64(w.LQ("")), 2)
		options := 0
		for _, list := range w.asked {
			for _, q := range list {
				m := new(miekg.Msg)
				if err := m.Unpack(q.raw); err != nil || len(m.IsEdns0().Option) > 0 {
					options++
				}
			}
		}
		w.atMost("queries with an option", float64(options), 0)
	})
}
