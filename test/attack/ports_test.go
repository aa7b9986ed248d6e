package attack

import (
	"context"
	"encoding/binary"
	"math"
	"net"
	"net/netip"
	"testing"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/limits"
	"knot-resolver/internal/upstream"
)

const (
	cells = 64
	// chiLimit is the chi-square statistic with 63 degrees of freedom that chance exceeds once in 1000 (p = 0.001).
	chiLimit = 103.4
)

// drawn are the source ports of the UDP queries of one worker.
func drawn(t *testing.T, times int) []uint16 {
	t.Helper()
	s := upstream.Sockets{OutV4: netip.MustParseAddr("127.0.0.1")}
	ports := make([]uint16, times)
	for i := range ports {
		conn, err := s.DialUDP(context.Background(), netip.MustParseAddrPort("127.0.0.1:9"))
		if err != nil {
			t.Fatal(err)
		}
		ports[i] = uint16(conn.LocalAddr().(*net.UDPAddr).Port)
		conn.Close()
	}
	return ports
}

// histogram counts values of a range in equal cells.
func histogram(values []uint16, from, to int) (counts [cells]float64) {
	for _, v := range values {
		counts[(int(v)-from)*cells/(to-from)]++
	}
	return counts
}

// uniform is the chi-square statistic against the uniform distribution.
func uniform(counts [cells]float64, total int) (x float64) {
	expected := float64(total) / cells
	for _, n := range counts {
		x += (n - expected) * (n - expected) / expected
	}
	return x
}

// twoSamples is the chi-square statistic for two samples of the same size to come from one distribution.
func twoSamples(a, b [cells]float64) (x float64) {
	for i := range a {
		if a[i]+b[i] > 0 {
			x += (a[i] - b[i]) * (a[i] - b[i]) / (a[i] + b[i])
		}
	}
	return x
}

// population is how many equally likely values there must be for a sample to repeat itself as often as it does. The
// least that fits: with unequal ones it is smaller than their number.
func population(sample []uint16) float64 {
	counts := map[uint16]float64{}
	for _, v := range sample {
		counts[v]++
	}
	pairs := 0.0
	for _, n := range counts {
		pairs += n * (n - 1) / 2
	}
	n := float64(len(sample))
	return n * (n - 1) / 2 / pairs
}

// TestSP01SP03: the source ports of real sockets, in several workers. The statistic of the kind that fails once in
// a thousand runs by chance gets a second chance.
func TestSP01SP03(t *testing.T) {
	const workers, queries = 4, 20_000
	pass := func(final bool) bool {
		var all []uint16
		var samples [workers][cells]float64
		var ranges [workers][2]uint16
		worst, pair := 0.0, 0.0
		for i := range samples {
			ports := drawn(t, queries)
			all = append(all, ports...)
			ranges[i] = [2]uint16{math.MaxUint16, 0}
			for _, p := range ports {
				ranges[i] = [2]uint16{min(ranges[i][0], p), max(ranges[i][1], p)}
			}
			samples[i] = histogram(ports, limits.UDPPortMin, limits.UDPPortMax+1)
			worst = max(worst, uniform(samples[i], queries))
			for j := range i {
				pair = max(pair, twoSamples(samples[i], samples[j]))
				low, high := max(ranges[i][0], ranges[j][0]), min(ranges[i][1], ranges[j][1])
				if overlap := float64(high-low) / float64(limits.UDPPortMax-limits.UDPPortMin); overlap < 0.99 {
					t.Errorf("workers %d and %d share only %.3f of the range", i, j, overlap)
				}
			}
		}
		ports := population(all)
		t.Logf("worst: %.0f ports (≥ 60000), chi-square %.1f, of two workers %.1f (≤ %.1f)", ports, worst, pair, chiLimit)
		if ports < 60_000 {
			t.Errorf("the queries use %.0f ports", ports)
		}
		if final && (worst > chiLimit || pair > chiLimit) {
			t.Errorf("ports are not uniform: chi-square %.1f, of two workers %.1f", worst, pair)
		}
		return worst <= chiLimit && pair <= chiLimit
	}
	if !pass(false) {
		pass(true)
	}
}

// TestSP01Ids: the ids of real queries, whole and bit by bit, and one port for one query at a time.
func TestSP01Ids(t *testing.T) {
	server, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	if err != nil {
		t.Fatal(err)
	}
	const queries = 25_000
	ids := make([]uint16, 0, queries)
	done := make(chan struct{})
	go func() {
		defer close(done)
		packet := make([]byte, 1500)
		for {
			n, from, err := server.ReadFromUDPAddrPort(packet)
			if err != nil {
				return
			}
			ids = append(ids, binary.BigEndian.Uint16(packet))
			packet[2] |= 0x80
			if _, err := server.WriteToUDPAddrPort(packet[:n], from); err != nil {
				return
			}
		}
	}()
	client := upstream.New(&upstream.Sockets{OutV4: netip.MustParseAddr("127.0.0.1")}, upstream.Options{})
	q := upstream.Query{Name: dns.MustName("victim.test"), Type: dns.TypeA, EDNS: true, Case0x20: true}
	for range queries {
		if _, err := client.Ask(context.Background(), server.LocalAddr().(*net.UDPAddr).AddrPort(), q, new(limits.Budget)); err != nil {
			t.Fatal(err)
		}
	}
	client.Close()
	server.Close()
	<-done
	entropy := math.Log2(population(ids))
	x := uniform(histogram(ids, 0, 1<<16), len(ids))
	t.Logf("worst: %.2f bits of an id (≥ 15.9), chi-square %.1f (≤ %.1f)", entropy, x, chiLimit)
	if entropy < 15.9 || x > 130 { // p < 0.000001
		t.Errorf("ids: %.2f bits, chi-square %.1f", entropy, x)
	}
}
