package upstream

import (
	"encoding/binary"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/limits"
)

// The true answer after a flood of wrong ids is used, by UDP or one TCP retry, within two
// round trips, and the server keeps its reputation.
func TestSP05NearMissFlood(t *testing.T) {
	const rtt = 30 * time.Millisecond
	for _, k := range []int{1, 10, 10_000} {
		synctest.Test(t, func(t *testing.T) {
			n := &scripted{
				udp: func(conn net.Conn, query []byte) {
					bad := respond(query, 0, forged)
					for i := range k {
						binary.BigEndian.PutUint16(bad, binary.BigEndian.Uint16(query)+uint16(1+i%65535))
						if _, err := conn.Write(bad); err != nil {
							return
						}
					}
					time.Sleep(rtt)
					truly(conn, query)
				},
				tcp: eachQuery(func(conn net.Conn, query []byte) { time.Sleep(rtt); trulyTCP(conn, query) }),
			}
			stats := NewStats(nil, 0)
			begin := time.Now()
			r, b, err := ask(asker(t, n), theQuery)
			wantTrue(t, r, err)
			if took := time.Since(begin); took > 2*rtt {
				t.Errorf("k=%d: took %v", k, took)
			}
			if queries, connects := spent(b); queries > 2 || connects > 1 {
				t.Errorf("k=%d: %d queries, %d connects", k, queries, connects)
			}
			stats.Report(Choice{Server: theServer}, r, err)
			if rec := stats.Record(theServer); rec.Timeouts != 0 || rec.SRTT == 0 {
				t.Errorf("k=%d: reputation %+v", k, rec)
			}
		})
	}
}

// When the true answer is lost and forgeries came, there is one TCP retry.
func TestSP05LostAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &scripted{
			udp: func(conn net.Conn, query []byte) {
				query[0]++
				conn.Write(respond(query, 0, forged))
			},
			tcp: eachQuery(trulyTCP),
		}
		r, b, err := ask(asker(t, n), theQuery)
		wantTrue(t, r, err)
		if queries, connects := spent(b); queries != 2 || connects != 1 || r.Degraded != AfterNearMisses {
			t.Errorf("%d queries, %d connects, degraded %v", queries, connects, r.Degraded)
		}
	})
}

func TestSP08Oversize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, size := range []int{1233, 1300, 4000} {
			n := &scripted{
				udp: func(conn net.Conn, query []byte) {
					r := respond(query, 0, forged)
					conn.Write(append(r, make([]byte, size-len(r))...))
				},
				tcp: eachQuery(trulyTCP),
			}
			r, b, err := ask(asker(t, n), theQuery)
			wantTrue(t, r, err)
			if _, connects := spent(b); connects != 1 || r.Degraded != AfterTruncation {
				t.Errorf("size %d: %d connects, degraded %v", size, connects, r.Degraded)
			}
		}
	})
}

func TestSP09Malformations(t *testing.T) {
	list := malformations()
	if len(list) != 64 {
		t.Fatalf("%d malformations, want 64", len(list))
	}
	for i, m := range list {
		synctest.Test(t, func(t *testing.T) {
			n := &scripted{udp: func(conn net.Conn, query []byte) {
				conn.Write(m.make(query))
				time.Sleep(10 * time.Millisecond)
				truly(conn, query)
			}}
			r, b, err := ask(asker(t, n), theQuery)
			if err != nil {
				t.Fatalf("%d %s: %v", i, m.name, err)
			}
			wantTrue(t, r, err)
			if queries, connects := spent(b); queries != 1 || connects != 0 || r.Transport != UDP {
				t.Errorf("%d %s: %d queries, %d connects", i, m.name, queries, connects)
			}
		})
	}
}

// All 64 before one true answer: at most one TCP retry, and the true answer either way.
func TestSP09AllAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &scripted{
			udp: func(conn net.Conn, query []byte) {
				for _, m := range malformations() {
					conn.Write(m.make(query))
				}
				truly(conn, query)
			},
			tcp: eachQuery(trulyTCP),
		}
		r, b, err := ask(asker(t, n), theQuery)
		wantTrue(t, r, err)
		if queries, connects := spent(b); queries > 2 || connects > 1 {
			t.Errorf("%d queries, %d connects", queries, connects)
		}
	})
}

// Forged packets and what follows from them leave the record of a server as it was.
func TestSP10Reputation(t *testing.T) {
	choice := Choice{Server: theServer, Timeout: limits.InitialRTO}
	stats := NewStats(nil, 0)
	stats.Success(theServer, 20*time.Millisecond)
	before := stats.Record(theServer)
	for name, err := range map[string]error{
		"timeout after near misses": &Error{Server: theServer, Kind: ErrTimeout, NearMisses: 3},
		"TCP failed afterwards":     &Error{Server: theServer, Transport: TCP, Kind: ErrUnreachable, After: AfterNearMisses},
		"caller gave up":            &Error{Server: theServer, Kind: ErrCanceled},
		"own limits":                &Error{Server: theServer, Kind: ErrBusy},
		"budget":                    &limits.Exceeded{},
		"other":                     errors.New("something else"),
	} {
		stats.Report(choice, nil, err)
		if got := stats.Record(theServer); got != before {
			t.Errorf("%s: record became %+v", name, got)
		}
	}
	stats.Report(choice, &Reply{Bare: true, RTT: time.Second}, nil)
	if got := stats.Record(theServer); got != before {
		t.Errorf("error without question: record became %+v", got)
	}
	stats.Report(choice, nil, &Error{Server: theServer, Kind: ErrTimeout})
	if got := stats.Record(theServer); got.Timeouts != 1 {
		t.Errorf("true timeout: record is %+v", got)
	}
}

// A server that does not keep the case is asked over TCP, and only once; the next time
// without 0x20. A forger who does not know the case cannot win.
func TestSP12Case(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		strip := func(query []byte) []byte {
			copy(query[dns.HeaderLength:], theName)
			return respond(query, 0, theRData)
		}
		n := &scripted{
			udp: func(conn net.Conn, query []byte) { conn.Write(strip(query)) },
			tcp: eachQuery(func(conn net.Conn, query []byte) { conn.Write(frame(strip(query))) }),
		}
		c, stats := asker(t, n), NewStats(nil, 0)
		r, b, err := ask(c, theQuery)
		wantTrue(t, r, err)
		if queries, _ := spent(b); queries != 2 || r.Degraded != AfterOtherCase {
			t.Errorf("%d queries, degraded %v", queries, r.Degraded)
		}
		stats.Report(Choice{Server: theServer}, r, err)
		candidates := []Candidate{{Server: theServer}}
		if stats.Fill(candidates); !candidates[0].NoCase {
			t.Error("the server's case fault is not remembered")
		}
		plain := theQuery
		plain.Case0x20 = false
		r, b, err = ask(c, plain)
		wantTrue(t, r, err)
		if queries, _ := spent(b); queries != 1 || r.Transport != UDP {
			t.Errorf("without 0x20: %d queries, %v", queries, r.Transport)
		}
	})
}

func TestSP12BitsPerLetter(t *testing.T) {
	var ones [len("spoof")]int
	const draws = 4000
	for range draws {
		var u unpredictable
		u.draw()
		name := []byte("spoof")
		u.flipCase(name)
		for i, c := range name {
			if c < 'a' {
				ones[i]++
			}
		}
	}
	for i, n := range ones {
		if n < draws*45/100 || n > draws*55/100 {
			t.Errorf("letter %d is upper case %d times of %d", i, n, draws)
		}
	}
}
