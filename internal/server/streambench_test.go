package server

import (
	"io"
	"net"
	"net/netip"
	"testing"
	"time"
)

// BenchmarkTCPInline is a query answered inline on one connection: alone, and with others on their way.
func BenchmarkTCPInline(b *testing.B) {
	for _, c := range []struct {
		name   string
		window int
	}{{"alone", 1}, {"pipelined", 32}} {
		b.Run(c.name, func(b *testing.B) { benchmarkTCP(b, c.window) })
	}
}

func benchmarkTCP(b *testing.B, window int) {
	_, _, addr := start(b, Options{Handler: script{}})
	c := dial(b, "tcp", addr)
	c.SetDeadline(time.Time{})
	var burst []byte
	for i := range window {
		burst = append(burst, framed(message(i))...)
	}
	answers := make([]byte, len(burst))
	b.ReportAllocs()
	for sent := 0; sent < b.N; sent += window {
		if _, err := c.Write(burst); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(c, answers); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkTCPConnection is a connection for one query.
func BenchmarkTCPConnection(b *testing.B) {
	_, _, addr := start(b, Options{Handler: script{}})
	query, answer := framed(message(1)), make([]byte, 42)
	b.ReportAllocs()
	for range b.N {
		c := dialOnce(b, addr)
		c.Write(query)
		if _, err := io.ReadFull(c, answer); err != nil {
			b.Fatal(err)
		}
		c.Close()
	}
}

func dialOnce(b *testing.B, addr netip.AddrPort) net.Conn {
	c, err := net.Dial("tcp", addr.String())
	if err != nil {
		b.Fatal(err)
	}
	c.(*net.TCPConn).SetLinger(0) // leaves no port behind
	return c
}

// BenchmarkTCPMany asks over more connections than have seats, each in its turn, with 32 queries on their way.
func BenchmarkTCPMany(b *testing.B) {
	const connections, window = 1024, 32
	_, _, addr := start(b, Options{Handler: script{}, Streams: 2 * connections, StreamsPerClient: connections})
	var conns []net.Conn
	for range connections {
		c := dial(b, "tcp", addr)
		c.SetDeadline(time.Time{})
		conns = append(conns, c)
	}
	query, answer := framed(message(1)), make([]byte, 42)
	b.ReportAllocs()
	b.ResetTimer()
	for sent := 0; sent < b.N; sent += window {
		turn := conns[sent%connections:][:window]
		for _, c := range turn {
			c.Write(query)
		}
		for _, c := range turn {
			if _, err := io.ReadFull(c, answer); err != nil {
				b.Fatal(err)
			}
		}
	}
}
