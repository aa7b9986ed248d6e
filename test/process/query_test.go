package process

import (
	"encoding/binary"
	"io"
	"net"
	"strconv"
	"testing"
	"time"

	"knot-resolver/internal/dns"
)

// localhost is a question that a worker answers without any server.
func localhost(id uint16) []byte {
	e := dns.NewEncoder(nil, 512)
	e.Header(id, dns.FlagRD)
	e.Question(dns.Question{Name: dns.MustName("localhost"), Type: dns.TypeA, Class: dns.ClassIN})
	return e.Bytes()
}

// ask sends one question from a new port and reports whether it was answered.
func (s *system) ask(network string, port int, wait time.Duration) bool {
	conn, err := net.DialTimeout(network, net.JoinHostPort(s.addr, strconv.Itoa(port)), wait)
	if err != nil {
		return false
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(wait))
	query := localhost(0x1234)
	if network == "tcp" {
		query = append(binary.BigEndian.AppendUint16(nil, uint16(len(query))), query...)
	}
	if _, err := conn.Write(query); err != nil {
		return false
	}
	answer := make([]byte, 512)
	if network == "tcp" {
		if _, err := io.ReadFull(conn, answer[:2]); err != nil {
			return false
		}
	}
	n, err := conn.Read(answer)
	var m dns.Message
	return err == nil && m.Parse(answer[:n]) == nil && m.ID() == 0x1234 && m.RCode() == dns.RCodeNoError
}

// serves checks that both protocols answer.
func (s *system) serves(port int) {
	s.t.Helper()
	for _, network := range []string{"udp", "tcp"} {
		if !s.ask(network, port, 5*time.Second) {
			s.t.Errorf("no answer over %s from %s port %d", network, s.addr, port)
		}
	}
}

// load asks steadily until stop is called, which returns how many questions
// stayed without an answer.
func (s *system) load(network string, port int) (stop func() (asked, lost int)) {
	s.t.Helper()
	g := s.generator(port, func(int) string { return "localhost." })
	g.run(network)
	return func() (int, int) {
		r := g.stop()[network]
		return r.asked, r.again
	}
}

// lossless fails the test when questions of a load stayed without an answer.
func lossless(t *testing.T, stop func() (asked, lost int)) {
	t.Helper()
	if asked, lost := stop(); lost > 0 {
		t.Errorf("%d of %d questions lost", lost, asked)
	}
}
