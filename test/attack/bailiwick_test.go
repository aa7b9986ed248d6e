package attack

import (
	"encoding/base64"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	miekg "github.com/miekg/dns"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/iterate"
)

// trapIP is the server that injected records lead to. It answers everything with itself.
const trapIP = "192.0.2.66"

func (w *world) trap() {
	w.listen(trapIP, func(transport string, _ []byte, q *miekg.Msg) [][]byte {
		return [][]byte{w.pack(transport, q, reply(q, 0, []miekg.RR{rr(lowered(q) + " 3600 A " + trapIP)}, nil, nil))}
	})
}

// bare are worlds in which no signature helps the victim, nor the attacker's zone.
func bare() func(uint64) setting { return same(victims()["unsigned"]) }

// clean demands that nothing injected is used: the victim's names have their true addresses and nobody asked the trap.
func (w *world) clean(names ...string) {
	w.Helper()
	for _, name := range append(names, "www.victim.test.", "ns.victim.test.") {
		want := map[string]string{"www.victim.test.": "198.51.100.1", "ns.victim.test.": victimIP}[name]
		for _, flag := range []func(*miekg.Msg){func(*miekg.Msg) {}, checkingDisabled} {
			if m := w.ask(name, miekg.TypeA, flag); addresses(m) != want {
				w.Errorf("%s: %q, want %q\n%v", name, addresses(m), want, m)
			}
		}
	}
	w.atMost("LQ to the trap", float64(w.LQ(trapIP)), 0)
}

// TestBW01: records of other zones in every section.
func TestBW01(t *testing.T) {
	play(t, bare(), func(w *world) {
		w.trap()
		w.change(evilIP, func(_ string, q, right *miekg.Msg) *miekg.Msg {
			injected := []miekg.RR{rr("www.victim.test. 3600 A " + trapIP), rr("victim.test. 3600 NS ns.evil.test."), rr("victim.test. 3600 SOA a. b. 1 2 3 4 5")}
			right.Answer, right.Ns, right.Extra = append(right.Answer, injected...), append(right.Ns, injected...), append(right.Extra, injected...)
			return right
		})
		w.ask("www.evil.test.", miekg.TypeA)
		w.ask("nothing.evil.test.", miekg.TypeA)
		w.clean()
	})
}

// TestBW02: promiscuous NS and glue in a positive answer.
func TestBW02(t *testing.T) {
	for _, section := range []string{"authority", "answer"} {
		t.Run(section, func(t *testing.T) {
			play(t, bare(), func(w *world) {
				w.trap()
				w.change(victimIP, func(_ string, q, right *miekg.Msg) *miekg.Msg { // somebody spoofs one answer
					ns := []miekg.RR{rr("victim.test. 86400 NS ns2.victim.test."), rr("victim.test. 86400 NS ns.victim.test.")}
					if right.Rcode = 0; section == "authority" {
						right.Ns = ns
					} else {
						right.Answer, right.Ns = append(right.Answer, ns...), nil
					}
					right.Answer = append(right.Answer, rr(lowered(q)+" 60 A 198.51.100.77"))
					right.Extra = append(right.Extra, rr("ns.victim.test. 86400 A "+trapIP), rr("ns2.victim.test. 86400 A "+trapIP))
					return right
				})
				w.ask(fmt.Sprintf("r%d.victim.test.", w.rng.Uint32()), miekg.TypeA)
				w.change(victimIP, nil)
				w.clean()
				time.Sleep(2 * time.Hour)
				w.clean()
			})
		})
	}
}

// TestBW03: glue for names of a sibling, from the attacker's zone and from the zone above both.
func TestBW03(t *testing.T) {
	for _, ip := range []string{evilIP, testIP} {
		t.Run(map[string]string{evilIP: "by the sibling", testIP: "by the parent"}[ip], func(t *testing.T) {
			play(t, bare(), func(w *world) {
				w.trap()
				w.change(ip, func(_ string, q, right *miekg.Msg) *miekg.Msg {
					zone := "sub.evil.test."
					if ip == testIP {
						zone = "lame.test."
					}
					if !miekg.IsSubDomain(zone, lowered(q)) || q.Question[0].Qtype == miekg.TypeDS && ip == testIP {
						return right
					}
					return referral(q, []miekg.RR{rr(zone + " 3600 NS ns.victim.test."), rr(zone + " 3600 NS www.victim.test.")},
						[]miekg.RR{rr("ns.victim.test. 3600 A " + trapIP), rr("www.victim.test. 3600 A " + trapIP)})
				})
				w.ask("a.sub.evil.test.", miekg.TypeA)
				w.ask("a.lame.test.", miekg.TypeA)
				w.reset()
				w.clean()
			})
		})
	}
}

// TestBW05: the forged end of a chain of aliases.
func TestBW05(t *testing.T) {
	for name, alias := range map[string]string{"CNAME": "x.evil.test. 60 CNAME www.victim.test.", "DNAME": "evil.test. 60 DNAME victim.test."} {
		t.Run(name, func(t *testing.T) {
			play(t, bare(), func(w *world) {
				w.trap()
				w.change(evilIP, func(_ string, q, right *miekg.Msg) *miekg.Msg {
					if q.Question[0].Qtype == miekg.TypeNS {
						return right
					}
					answer := []miekg.RR{rr(alias), rr("www.victim.test. 3600 A " + trapIP), rr("x.victim.test. 3600 A " + trapIP)}
					if name == "DNAME" {
						answer = append(answer, rr(lowered(q)+" 60 CNAME "+strings.Replace(lowered(q), "evil", "victim", 1)))
					}
					return reply(q, 0, answer, nil, nil)
				})
				asked := map[string]string{"CNAME": "x.evil.test.", "DNAME": "www.evil.test."}[name]
				for range 2 {
					if m := w.ask(asked, miekg.TypeA); addresses(m) != "198.51.100.1" {
						w.Errorf("%v", m)
					}
				}
				w.clean()
			})
		})
	}
}

// TestBW14: what clients who disable checking fetch stays theirs.
func TestBW14(t *testing.T) {
	play(t, nil, func(w *world) {
		noise := base64.StdEncoding.EncodeToString(make([]byte, 64))
		badly := func(record miekg.RR) []miekg.RR {
			sig := w.key.sign("victim.test.", []miekg.RR{record})
			sig.Signature = noise
			return []miekg.RR{record, sig}
		}
		w.change(victimIP, func(_ string, q, right *miekg.Msg) *miekg.Msg {
			switch {
			case q.Question[0].Qtype == miekg.TypeDNSKEY:
				return right
			case lowered(q) == "www.victim.test.":
				return reply(q, 0, badly(rr("www.victim.test. 3600 A "+trapIP)), nil, nil)
			}
			authority := append(badly(rr("victim.test. 3600 SOA a. b. 1 2 3 4 3600")), badly(rr("victim.test. 3600 NSEC victim.test. NS SOA RRSIG NSEC DNSKEY"))...)
			return reply(q, miekg.RcodeNameError, nil, authority, nil)
		})
		for _, name := range []string{"www.victim.test.", "a.victim.test.", "x.victim.test."} {
			if m := w.ask(name, miekg.TypeA, checkingDisabled); m.Rcode == miekg.RcodeServerFailure || m.AuthenticatedData {
				w.Errorf("with CD\n%v", m)
			}
		}
		w.change(victimIP, nil)
		w.untouched()
		w.expect("y.victim.test.", "198.51.100.3")
		if e, ok := w.cache.Answer(dns.MustName("www.victim.test."), dns.TypeA, 1, time.Now()); ok && addressOf(e.Answer) == trapIP {
			w.Errorf("the forged record has rank %v", e.Rank)
		}
	})
}

func addressOf(set dns.RRset) string {
	a, _ := dns.AddrOf(set.Type, set.RDatas.First())
	return a.String()
}

// TestBW04: MaginotDNS, a forwarder that answers for more than it is asked for.
func TestBW04(t *testing.T) {
	const forwarderIP = "192.0.2.60"
	for _, authoritative := range []bool{false, true} {
		t.Run(fmt.Sprintf("authoritative %v", authoritative), func(t *testing.T) {
			set := bare()(0)
			set.engine = func(o *iterate.Options) {
				o.Forwards = []iterate.Forward{{Apex: dns.MustName("corp.test"), Servers: []iterate.Server{{Addr: netip.MustParseAddrPort(forwarderIP + ":53")}}, Authoritative: authoritative}}
				o.Negative = []dns.Name{dns.MustName("corp.test")}
			}
			play(t, same(set), func(w *world) {
				w.trap()
				w.listen(forwarderIP, func(transport string, _ []byte, q *miekg.Msg) [][]byte {
					injected := []miekg.RR{rr("test. 86400 NS ns.evil.test."), rr("victim.test. 86400 NS ns.victim.test."), rr("www.victim.test. 86400 A " + trapIP), rr("ns.victim.test. 86400 A " + trapIP)}
					answer := append([]miekg.RR{rr("x.corp.test. 60 CNAME www.victim.test.")}, injected[2:]...)
					if lowered(q) != "x.corp.test." {
						answer = append([]miekg.RR{rr(lowered(q) + " 60 A 10.0.0.1")}, injected[2:]...)
					}
					m := reply(q, 0, answer, injected[:2], injected[2:])
					m.RecursionAvailable = true
					return [][]byte{w.pack(transport, q, m)}
				})
				if m := w.ask("a.corp.test.", miekg.TypeA); addresses(m) != "10.0.0.1" {
					w.Errorf("%v", m)
				}
				if m := w.ask("x.corp.test.", miekg.TypeA); addresses(m) != "198.51.100.1" {
					w.Errorf("%v", m)
				}
				w.clean()
				w.expect("u3.good.test.", "203.0.113.4")
			})
		})
	}
}
