package upstream

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/limits"
)

var tcpQuery = Query{Name: theName, Type: dns.TypeA, EDNS: true, TCP: true}

// askMany puts n questions with names of their own at the same time and checks that each
// gets the answer to itself, which serve makes with ownAnswer.
func askMany(t *testing.T, c *Client, n int) (answered, connects int) {
	t.Helper()
	var wg sync.WaitGroup
	var mu sync.Mutex
	for i := range n {
		wg.Go(func() {
			q := tcpQuery
			q.Name = dns.MustName(fmt.Sprintf("n%d.example.", i))
			b := new(limits.Budget)
			r, err := c.Ask(t.Context(), theServer, q, b)
			mu.Lock()
			defer mu.Unlock()
			connects += b.Spent(limits.KindConnects)
			if err != nil {
				return
			}
			answered++
			sets, _ := r.Msg.RRsets(dns.Answer)
			if len(sets) != 1 || sets[0].Owner != q.Name || !bytes.Equal(sets[0].RDatas.First(), sum(q.Name)) {
				t.Errorf("%v got %v", q.Name, sets)
			}
		})
	}
	wg.Wait()
	return answered, connects
}

// sum makes an address of a name, to know whose answer it is.
func sum(name dns.Name) []byte {
	h := uint32(2166136261)
	for _, c := range []byte(name) {
		h = bits.RotateLeft32(h^uint32(c), 5) * 16777619
	}
	return binary.BigEndian.AppendUint32(nil, h)
}

func ownAnswer(query []byte) []byte {
	end := bytes.IndexByte(query[dns.HeaderLength:], 0) + dns.HeaderLength + 1
	return respond(query, 0, sum(dns.Name(query[dns.HeaderLength:end])))
}

// Answers out of order, twice, and with ids swapped: each question gets its own or none.
func TestSP13MixUp(t *testing.T) {
	const questions = 60
	for name, send := range map[string]func(conn net.Conn, batch [][]byte){
		"reversed": func(conn net.Conn, batch [][]byte) {
			slices.Reverse(batch)
			for _, a := range batch {
				conn.Write(frame(a))
			}
		},
		"twice": func(conn net.Conn, batch [][]byte) {
			for _, a := range append(batch, batch...) {
				conn.Write(frame(a))
			}
		},
		"swapped ids, then right": func(conn net.Conn, batch [][]byte) {
			for i := range batch[1:] {
				swapped := bytes.Clone(batch[i])
				copy(swapped, batch[i+1][:2])
				conn.Write(frame(swapped))
			}
			for _, a := range batch {
				conn.Write(frame(a))
			}
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			n := &scripted{tcp: func(conn net.Conn) {
				var batch [][]byte
				for len(batch) < questions {
					query, err := readFrame(conn)
					if err != nil {
						return
					}
					batch = append(batch, ownAnswer(query))
				}
				send(conn, batch)
				readFrame(conn) // until the client is gone
			}}
			c := New(n, Options{})
			defer c.Close()
			if answered, connects := askMany(t, c, questions); answered != questions || connects != 1 {
				t.Errorf("%s: %d answered, %d connects", name, answered, connects)
			}
		})
	}
}

// More than the pipeline's length of questions goes to further connections, up to a bound.
func TestPipeline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &scripted{tcp: eachQuery(func(conn net.Conn, query []byte) {
			time.Sleep(time.Millisecond)
			conn.Write(frame(ownAnswer(query)))
		})}
		c := New(n, Options{Pipeline: 10})
		t.Cleanup(func() { c.Close() })
		if answered, connects := askMany(t, c, 45); answered != 45 || connects != 5 {
			t.Errorf("%d answered, %d connects", answered, connects)
		}
		time.Sleep(limits.StreamInactive + time.Second)
		c.streams.mu.Lock()
		defer c.streams.mu.Unlock()
		if c.streams.open != 0 {
			t.Errorf("%d idle connections left open", c.streams.open)
		}
	})
}

// A connection the server closed while idle costs one more, not the answer.
func TestClosedWhileIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &scripted{tcp: func(conn net.Conn) {
			query, err := readFrame(conn)
			if err != nil {
				return
			}
			trulyTCP(conn, query)
			readFrame(conn) // takes another query, and closes
		}}
		c := New(n, Options{})
		defer c.Close()
		for i := range 3 {
			r, b, err := ask(c, tcpQuery)
			wantTrue(t, r, err)
			if queries, connects := spent(b); connects > 1 || queries > 2 {
				t.Errorf("question %d: %d queries, %d connects", i, queries, connects)
			}
		}
	})
}

// Each degradation happens once: truncated answers for ever cost one message each way.
func TestAM11TruncatedForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &scripted{
			udp: func(conn net.Conn, query []byte) { conn.Write(respond(query, dns.FlagTC, nil)) },
			tcp: eachQuery(func(conn net.Conn, query []byte) { conn.Write(frame(respond(query, dns.FlagTC, nil))) }),
		}
		c := New(n, Options{})
		defer c.Close()
		_, b, err := ask(c, theQuery)
		var e *Error
		if !errors.Is(err, ErrTruncated) || !errors.As(err, &e) || e.After != AfterTruncation {
			t.Errorf("%v", err)
		}
		if queries, connects := spent(b); queries != 2 || connects != 1 || n.udpSent.Load() != 1 {
			t.Errorf("%d queries, %d connects, %d datagrams", queries, connects, n.udpSent.Load())
		}
	})
}

// Servers that misuse TCP: however often they are asked for one client query, there are
// at most limits.Connects connections, and each question ends in time with its reason.
func TestAM12ConnectionChurn(t *testing.T) {
	stall := func(conn net.Conn) { time.Sleep(5 * time.Second) } // longer than anybody waits
	for name, test := range map[string]struct {
		tcp  func(net.Conn)
		want error
	}{
		"refuse":            {nil, ErrUnreachable},
		"accept and close":  {func(net.Conn) {}, ErrClosed},
		"read and close":    {func(conn net.Conn) { readFrame(conn) }, ErrClosed},
		"accept and stall":  {stall, ErrTimeout},
		"read and stall":    {func(conn net.Conn) { readFrame(conn); stall(conn) }, ErrTimeout},
		"short frame":       {func(conn net.Conn) { readFrame(conn); conn.Write([]byte{0, 3, 1, 2, 3}) }, ErrMalformed},
		"TLS alert":         {func(conn net.Conn) { readFrame(conn); conn.Write([]byte{21, 3, 3, 0, 2, 2, 40}) }, ErrClosed},
		"cut frame":         {func(conn net.Conn) { readFrame(conn); conn.Write([]byte{1, 0, 0, 0}) }, ErrClosed},
		"foreign messages":  {eachQuery(flood), ErrMalformed},
		"malformed message": {eachQuery(func(conn net.Conn, q []byte) { conn.Write(frame(append(respond(q, 0, forged), 0))) }), ErrMalformed},
	} {
		synctest.Test(t, func(t *testing.T) {
			n := &scripted{tcp: test.tcp}
			c := New(n, Options{})
			b := new(limits.Budget)
			for range 20 {
				begin := time.Now()
				_, err := c.Ask(t.Context(), theServer, tcpQuery, b)
				var over *limits.Exceeded
				if !errors.Is(err, test.want) && !errors.As(err, &over) {
					t.Errorf("%s: %v, want %v", name, err, test.want)
				}
				if took := time.Since(begin); took > limits.StreamConnect+limits.StreamAnswer {
					t.Errorf("%s: took %v", name, took)
				}
			}
			if n.tcpSeen.Load() > limits.Connects {
				t.Errorf("%s: %d connects", name, n.tcpSeen.Load())
			}
			c.Close()
			time.Sleep(5 * time.Second) // the server's end
		})
	}
}

// flood answers with messages nobody asked for.
func flood(conn net.Conn, query []byte) {
	query[0]++
	for range limits.StreamStrays + 1 {
		conn.Write(frame(respond(query, 0, forged)))
	}
}

// Different client queries together do not connect more often than the rate allows.
func TestAM12ConnectRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &scripted{tcp: func(net.Conn) {}}
		c := New(n, Options{})
		defer c.Close()
		busy := 0
		for range 100 { // over one second
			if _, _, err := ask(c, tcpQuery); errors.Is(err, ErrBusy) {
				busy++
			}
			time.Sleep(9 * time.Millisecond)
		}
		if n.tcpSeen.Load() > limits.StreamConnectRate || busy < 80 {
			t.Errorf("%d connects, %d refused here", n.tcpSeen.Load(), busy)
		}
	})
}

// Closing the client ends what waits, and leaves no goroutine (the bubble would not end).
func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := New(&scripted{tcp: func(conn net.Conn) { readFrame(conn); readFrame(conn) }}, Options{})
		time.AfterFunc(time.Millisecond, func() { c.Close() })
		if _, _, err := ask(c, tcpQuery); !errors.Is(err, ErrShutdown) {
			t.Errorf("waiting: %v", err)
		}
		if _, _, err := ask(c, tcpQuery); !errors.Is(err, ErrShutdown) {
			t.Errorf("afterwards: %v", err)
		}
	})
}

// The deadline of the context ends the wait and is no fault of the server.
func TestDeadline(t *testing.T) {
	for _, tcp := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			c := New(&scripted{tcp: func(conn net.Conn) { readFrame(conn); readFrame(conn) }}, Options{})
			defer c.Close()
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			q := theQuery
			q.TCP = tcp
			begin := time.Now()
			_, err := c.Ask(ctx, theServer, q, new(limits.Budget))
			if !errors.Is(err, ErrCanceled) || !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != 100*time.Millisecond {
				t.Errorf("TCP %v: %v after %v", tcp, err, time.Since(begin))
			}
		})
	}
}

// The budget stops messages before they are sent.
func TestBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &scripted{udp: truly}
		c := New(n, Options{})
		defer c.Close()
		b := new(limits.Budget)
		var err error
		for range limits.UpstreamQueries + 5 {
			_, err = c.Ask(t.Context(), theServer, theQuery, b)
		}
		var over *limits.Exceeded
		if !errors.As(err, &over) || over.Kind != limits.KindUpstreamQueries || n.udpSent.Load() != limits.UpstreamQueries {
			t.Errorf("%v after %d datagrams", err, n.udpSent.Load())
		}
	})
}
