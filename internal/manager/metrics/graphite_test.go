package metrics

import (
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"knot-resolver/internal/limits"
)

func source(values Values) prometheus.Gatherer {
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(&Collector{Take: func() Snapshot { return Snapshot{Version: 4, Workers: map[string]Values{"kresd:kresd0": values}} }})
	return registry
}

func TestGraphiteOverTCP(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	text := make(chan string)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			t.Error(err)
		}
		b, _ := io.ReadAll(conn)
		text <- string(b)
	}()
	g := Graphite{Host: "127.0.0.1", Port: netip.MustParseAddrPort(l.Addr().String()).Port(), TCP: true, Prefix: "dns.a"}
	err = g.Push(t.Context(), source(Values{"answer.total": 12.5, "answer.1ms": 3, "request.udp4": 7}), time.Unix(1000, 0))
	if err != nil {
		t.Fatal(err)
	}
	got := <-text
	for _, line := range []string{
		"dns.a.resolver_answer_total.instance_id.kresd_kresd0 12.5 1000", "dns.a.resolver_config_version 4 1000",
		"dns.a.resolver_response_latency_bucket.instance_id.kresd_kresd0.le.0_001 3 1000",
		"dns.a.resolver_requests_by_transport_total.family.ipv4.instance_id.kresd_kresd0.transport.udp 7 1000",
	} {
		if !strings.Contains("\n"+got, "\n"+line+"\n") {
			t.Errorf("no line %q in\n%s", line, got)
		}
	}
}

func TestGraphiteOverUDP(t *testing.T) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	g := Graphite{Host: "127.0.0.1", Port: netip.MustParseAddrPort(conn.LocalAddr().String()).Port()}
	values := Values{}
	for _, name := range strings.Fields("a b c d e f g h i j k l m n o p q r s t u v w x y z") {
		values["answer.counter_"+name] = 1
	}
	want, err := g.lines(source(values), time.Unix(1000, 0))
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Push(t.Context(), source(values), time.Unix(1000, 0)); err != nil {
		t.Fatal(err)
	}
	var got []byte
	packets := 0
	for b := make([]byte, 65536); len(got) < len(want); packets++ {
		conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		n, _, err := conn.ReadFrom(b)
		if err != nil {
			t.Fatal(err)
		}
		if n > limits.GraphiteDatagram || b[n-1] != '\n' {
			t.Errorf("datagram of %d bytes that ends with %q", n, b[n-1])
		}
		got = append(got, b[:n]...)
	}
	if packets < 2 {
		t.Errorf("%d datagrams", packets)
	}
	a, b := strings.Split(string(got), "\n"), strings.Split(string(want), "\n")
	slices.Sort(a)
	slices.Sort(b)
	if !slices.Equal(a, b) {
		t.Errorf("got\n%s\nexpected\n%s", got, want)
	}
}

func TestGraphiteNobodyThere(t *testing.T) {
	g := Graphite{Host: "127.0.0.1", Port: 1, TCP: true}
	if err := g.Push(t.Context(), source(nil), time.Now()); err == nil {
		t.Error("no error")
	}
}
