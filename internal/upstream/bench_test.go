package upstream

import (
	"context"
	"net"
	"net/netip"
	"testing"

	"knot-resolver/internal/limits"
)

// loopback answers every datagram truly, until the test ends.
func loopback(tb testing.TB) netip.AddrPort {
	tb.Helper()
	server, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { server.Close() })
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := server.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			server.WriteToUDPAddrPort(respond(buf[:n], 0, theRData), from)
		}
	}()
	return server.LocalAddr().(*net.UDPAddr).AddrPort()
}

func BenchmarkAskUDP(b *testing.B) {
	server := loopback(b)
	c := New(new(Sockets), Options{})
	defer c.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Ask(ctx, server, theQuery, new(limits.Budget)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDialUDP(b *testing.B) {
	remote := netip.MustParseAddrPort("127.0.0.1:9")
	b.Run("ours", func(b *testing.B) {
		var s Sockets
		b.ReportAllocs()
		for b.Loop() {
			conn, err := s.DialUDP(b.Context(), remote)
			if err != nil {
				b.Fatal(err)
			}
			conn.Close()
		}
	})
	b.Run("package net", func(b *testing.B) {
		var d net.Dialer
		b.ReportAllocs()
		for b.Loop() {
			conn, err := d.DialUDP(b.Context(), "udp", netip.AddrPortFrom(netip.IPv4Unspecified(), randomPort()), remote)
			if err != nil {
				b.Fatal(err)
			}
			conn.Close()
		}
	})
}

func BenchmarkChoose(b *testing.B) {
	s := NewStats(nil, 0)
	candidates := make([]Candidate, 26)
	for i := range candidates {
		candidates[i].Server = v6(uint16(i), 1)
		s.Success(candidates[i].Server, 1000)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		s.Fill(candidates)
		Choose(candidates, spread(i))
	}
}
