package upstream

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/limits"
)

// chiSquare returns the statistic of counts against the uniform distribution.
func chiSquare(counts []int) float64 {
	total := 0
	for _, n := range counts {
		total += n
	}
	expected, sum := float64(total)/float64(len(counts)), 0.0
	for _, n := range counts {
		d := float64(n) - expected
		sum += d * d / expected
	}
	return sum
}

// Ids and source ports are uniform over ranges large enough.
func TestSP01Unpredictable(t *testing.T) {
	const draws, cells = 100_000, 64
	const bound = 130.0 // of chi-square with 63 degrees of freedom: p < 0.000001
	ids, ports := make([]int, cells), make([]int, cells)
	seen := make(map[uint16]bool)
	for range draws {
		var u unpredictable
		u.draw()
		ids[int(u.id())*cells>>16]++
		port := randomPort()
		if port < limits.UDPPortMin {
			t.Fatalf("port %d", port)
		}
		seen[port] = true
		ports[(int(port)-limits.UDPPortMin)*cells/(65536-limits.UDPPortMin)]++
	}
	if x := chiSquare(ids); x > bound {
		t.Errorf("ids are not uniform: %v", x)
	}
	if x := chiSquare(ports); x > bound {
		t.Errorf("ports are not uniform: %v", x)
	}
	// Of 64 512 ports, 78 % turn up at least once in 100 000 draws.
	if len(seen) < 49_000 {
		t.Errorf("only %d ports drawn", len(seen))
	}
}

// Real sockets take the ports drawn, and no two share one.
func TestSP01RealPorts(t *testing.T) {
	remote := netip.MustParseAddrPort("127.0.0.1:9")
	var s Sockets
	seen := make(map[int]bool)
	outside := 0
	for range 300 {
		conn, err := s.DialUDP(t.Context(), remote)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		port := conn.LocalAddr().(*net.UDPAddr).Port
		if port == 0 || seen[port] {
			t.Fatalf("port %d taken twice, or unknown", port)
		}
		seen[port] = true
		if port < 32768 || port > 60999 {
			outside++
		}
	}
	if outside < 100 {
		t.Errorf("only %d of 300 ports outside the kernel's own range", outside)
	}
}

// A packet from another source does not reach the connected socket, and the port is closed
// after the answer.
func TestSP04Connected(t *testing.T) {
	for _, address := range []string{"127.0.0.1", "::1"} {
		t.Run(address, func(t *testing.T) { testConnected(t, netip.MustParseAddr(address)) })
	}
}

func testConnected(t *testing.T, address netip.Addr) {
	listen := net.UDPAddrFromAddrPort(netip.AddrPortFrom(address, 0))
	server, err := net.ListenUDP("udp", listen)
	if err != nil {
		t.Skip(err)
	}
	defer server.Close()
	injector, err := net.ListenUDP("udp", listen)
	if err != nil {
		t.Fatal(err)
	}
	defer injector.Close()
	asking := make(chan netip.AddrPort, 1)
	go func() {
		buf := make([]byte, 1500)
		n, from, err := server.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		injector.WriteToUDPAddrPort(respond(buf[:n], 0, forged), from)
		time.Sleep(5 * time.Millisecond)
		server.WriteToUDPAddrPort(respond(buf[:n], 0, theRData), from)
		asking <- from
	}()

	c := asker(t, &Sockets{OutV4: netip.MustParseAddr("127.0.0.1"), OutV6: netip.MustParseAddr("::1")})
	r, err := c.Ask(t.Context(), server.LocalAddr().(*net.UDPAddr).AddrPort(), theQuery, new(limits.Budget))
	wantTrue(t, r, err)
	if r.NearMisses != 0 {
		t.Errorf("%d packets of another source were seen", r.NearMisses)
	}
	again, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(address, (<-asking).Port())))
	if err != nil {
		t.Fatalf("the port is still open: %v", err)
	}
	again.Close()
}

// A closed port is told from silence, well before the timeout.
func TestUnreachable(t *testing.T) {
	dead, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := dead.LocalAddr().(*net.UDPAddr).AddrPort()
	dead.Close()
	c := asker(t, new(Sockets))
	for _, tcp := range []bool{false, true} {
		q := theQuery
		q.TCP, q.Timeout = tcp, 2*time.Second
		begin := time.Now()
		_, err = c.Ask(t.Context(), address, q, new(limits.Budget))
		var e *Error
		if !errors.Is(err, ErrUnreachable) || !errors.As(err, &e) || e.Server != address || e.Transport != q.transport() {
			t.Errorf("TCP %v: %v", tcp, err)
		}
		if took := time.Since(begin); took > 1500*time.Millisecond {
			t.Errorf("TCP %v: took %v", tcp, took)
		}
	}
}

// A context that ends stops the wait at once.
func TestCancel(t *testing.T) {
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	q := theQuery
	q.Timeout = 10 * time.Second
	begin := time.Now()
	_, err = asker(t, new(Sockets)).Ask(ctx, silent.LocalAddr().(*net.UDPAddr).AddrPort(), q, new(limits.Budget))
	if !errors.Is(err, ErrCanceled) || !errors.Is(err, context.Canceled) || time.Since(begin) > 5*time.Second {
		t.Errorf("%v after %v", err, time.Since(begin))
	}
}

func TestSP14NothingSent(t *testing.T) {
	n := new(scripted)
	c := asker(t, n)
	for _, address := range []string{"0.0.0.0:53", "[::]:53", "224.0.0.1:53", "[ff02::1]:53", "255.255.255.255:53", "[::ffff:0.0.0.0]:53", "192.0.2.1:0"} {
		_, err := c.Ask(t.Context(), netip.MustParseAddrPort(address), theQuery, new(limits.Budget))
		if !errors.Is(err, ErrForbidden) {
			t.Errorf("%s: %v", address, err)
		}
	}
	if n.udpSent.Load() != 0 {
		t.Error("something was sent")
	}
}

// The socket itself keeps empty datagrams apart from the end of a file.
func TestEmptyDatagram(t *testing.T) {
	server, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	go func() {
		buf := make([]byte, 1500)
		n, from, err := server.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		server.WriteToUDPAddrPort(nil, from)
		server.WriteToUDPAddrPort(respond(buf[:n], 0, theRData), from)
	}()
	r, err := asker(t, new(Sockets)).Ask(t.Context(), server.LocalAddr().(*net.UDPAddr).AddrPort(), theQuery, new(limits.Budget))
	wantTrue(t, r, err)
	if !bytes.Equal(r.Msg.RawQuestion()[:len(theName)], []byte(theName)) {
		t.Error("the question kept its random case")
	}
}

// Real sockets: a truncated answer leads to TCP, on a connection that is used again.
func TestTruncatedOverSockets(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	address := listener.Addr().(*net.TCPAddr).AddrPort()
	datagrams, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(address))
	if err != nil {
		t.Skip(err)
	}
	defer datagrams.Close()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go eachQuery(trulyTCP)(conn)
		}
	}()
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := datagrams.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			datagrams.WriteToUDPAddrPort(respond(buf[:n], dns.FlagTC, nil), from)
		}
	}()
	c := asker(t, &Sockets{OutV4: netip.MustParseAddr("127.0.0.1")})
	b := new(limits.Budget)
	for range 5 {
		r, err := c.Ask(t.Context(), address, theQuery, b)
		wantTrue(t, r, err)
		if r.Transport != TCP || r.Degraded != AfterTruncation {
			t.Errorf("%v, degraded %v", r.Transport, r.Degraded)
		}
	}
	if queries, connects := spent(b); queries != 10 || connects != 1 {
		t.Errorf("%d queries, %d connects", queries, connects)
	}
}
