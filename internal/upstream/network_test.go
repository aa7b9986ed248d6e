package upstream

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/limits"
)

// scripted is a Network of one server, written down as two functions. Its connections are
// pipes, so that it works in a synctest bubble.
type scripted struct {
	udp              func(conn net.Conn, query []byte)
	tcp              func(conn net.Conn)
	udpSent, tcpSeen atomic.Int32
}

func (s *scripted) DialUDP(context.Context, netip.AddrPort) (net.Conn, error) {
	client, server := net.Pipe()
	go func() {
		defer server.Close()
		buf := make([]byte, 4096)
		for {
			n, err := server.Read(buf)
			if err != nil {
				return
			}
			s.udpSent.Add(1)
			if s.udp != nil {
				s.udp(server, bytes.Clone(buf[:n]))
			}
		}
	}()
	return client, nil
}

func (s *scripted) DialTCP(context.Context, netip.AddrPort) (net.Conn, error) {
	s.tcpSeen.Add(1)
	if s.tcp == nil {
		return nil, io.ErrUnexpectedEOF
	}
	client, server := net.Pipe()
	go func() {
		defer server.Close()
		s.tcp(server)
	}()
	return client, nil
}

// eachQuery runs a TCP server that calls serve for each query, until the client is gone.
func eachQuery(serve func(conn net.Conn, query []byte)) func(net.Conn) {
	return func(conn net.Conn) {
		for {
			query, err := readFrame(conn)
			if err != nil {
				return
			}
			serve(conn, query)
		}
	}
}

func readFrame(conn net.Conn) ([]byte, error) {
	var prefix [2]byte
	if _, err := io.ReadFull(conn, prefix[:]); err != nil {
		return nil, err
	}
	message := make([]byte, binary.BigEndian.Uint16(prefix[:]))
	_, err := io.ReadFull(conn, message)
	return message, err
}

func frame(message []byte) []byte {
	return appendFrame(nil, func(dst []byte) []byte { return append(dst, message...) })
}

var (
	theServer = netip.MustParseAddrPort("192.0.2.53:53")
	theName   = dns.MustName("www.spoof-me.example.")
	theQuery  = Query{Name: theName, Type: dns.TypeA, EDNS: true, DO: true, Case0x20: true}
	theRData  = []byte{192, 0, 2, 1}
	forged    = []byte{203, 0, 113, 6}
)

// respond makes a response to query with the A record given, no OPT.
func respond(query []byte, flags dns.Flags, rdata []byte) []byte {
	end := bytes.IndexByte(query[dns.HeaderLength:], 0) + dns.HeaderLength + 5
	r := bytes.Clone(query[:end])
	binary.BigEndian.PutUint16(r[2:], uint16(dns.FlagQR|dns.FlagAA|flags))
	copy(r[4:], []byte{0, 1, 0, 0, 0, 0, 0, 0})
	if rdata != nil {
		r[7] = 1
		r = append(r, 0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, byte(len(rdata)))
		r = append(r, rdata...)
	}
	return r
}

func truly(conn net.Conn, query []byte)    { conn.Write(respond(query, 0, theRData)) }
func trulyTCP(conn net.Conn, query []byte) { conn.Write(frame(respond(query, 0, theRData))) }

// asker returns a client on a scripted network, closed with the test.
func asker(t *testing.T, n Network) *Client {
	t.Helper()
	c := New(n, Options{})
	t.Cleanup(func() { c.Close() })
	return c
}

func rdataOf(t *testing.T, r *Reply) []byte {
	t.Helper()
	sets, _ := r.Msg.RRsets(dns.Answer)
	if len(sets) != 1 || sets[0].Owner != theName {
		t.Fatalf("answer has %d RRsets: %v", len(sets), sets)
	}
	return sets[0].RDatas.First()
}

func wantTrue(t *testing.T, r *Reply, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if got := rdataOf(t, r); !bytes.Equal(got, theRData) {
		t.Fatalf("answered %v, want the true %v", got, theRData)
	}
}

// spent is the budget's count of messages and connects.
func spent(b *limits.Budget) (queries, connects int) {
	return b.Spent(limits.KindUpstreamQueries), b.Spent(limits.KindConnects)
}

func ask(c *Client, q Query) (*Reply, *limits.Budget, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	b := new(limits.Budget)
	r, err := c.Ask(ctx, theServer, q, b)
	return r, b, err
}
