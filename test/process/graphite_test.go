package process

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

// Metrics go to Graphite from the moment it is configured, over UDP and TCP, until it is not any more.
func TestGraphite(t *testing.T) {
	t.Parallel()
	s := start(t, options{})
	s.serves(port)
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	configure := func(addr net.Addr, tcp bool) {
		t.Helper()
		_, port, _ := net.SplitHostPort(addr.String())
		s.must("config", "set", "-p", "/monitoring",
			fmt.Sprintf(`{"graphite": {"enable": true, "host": "127.0.0.1", "port": %s, "prefix": "dns", "interval": "1s", "tcp": %v}}`, port, tcp))
	}
	const want = "dns.resolver_answer_total.instance_id.kresd_kresd0 "
	workers := s.workers()
	configure(conn.LocalAddr(), false)
	b := make([]byte, 65536)
	conn.SetReadDeadline(time.Now().Add(patience))
	for got := ""; !strings.Contains(got, want); {
		n, _, err := conn.ReadFrom(b)
		if err != nil {
			t.Fatal(err)
		}
		got = string(b[:n])
	}
	configure(l.Addr(), true)
	l.(*net.TCPListener).SetDeadline(time.Now().Add(patience))
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	text := new(strings.Builder)
	for n := 1; n > 0; {
		c.SetReadDeadline(time.Now().Add(patience))
		n, _ = c.Read(b)
		text.Write(b[:n])
	}
	if !strings.Contains(text.String(), want) {
		t.Errorf("over TCP: %s", text)
	}
	if now := s.workers(); len(now) != 1 || now[0] != workers[0] {
		t.Errorf("workers %v, then %v", workers, now)
	}
	s.must("config", "delete", "-p", "/monitoring")
	s.must("stop")
	s.waitExit()
}
