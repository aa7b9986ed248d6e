package process

import (
	"net"
	"strconv"
	"testing"
	"time"

	miekg "github.com/miekg/dns"
)

// queryFrom asks from an address; nil stands for silence for so long.
func (s *system) queryFrom(client, network, name string, t uint16, wait time.Duration) *miekg.Msg {
	s.t.Helper()
	q := new(miekg.Msg).SetQuestion(miekg.Fqdn(name), t)
	q.SetEdns0(1232, false)
	c := miekg.Client{Net: network, Timeout: wait, Dialer: &net.Dialer{Timeout: wait}}
	if c.Dialer.LocalAddr = (&net.UDPAddr{IP: net.ParseIP(client)}); network == "tcp" {
		c.Dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP(client)}
	}
	m, _, err := c.Exchange(q, net.JoinHostPort(s.addr, strconv.Itoa(port)))
	if e, ok := err.(net.Error); ok && e.Timeout() {
		return nil
	}
	if err != nil {
		s.t.Fatalf("%s from %s: %v", name, client, err)
	}
	return m
}

// TestViews: clients are told apart by address and protocol, over real sockets, and a reload changes that for running workers.
func TestViews(t *testing.T) {
	t.Parallel()
	s := start(t, options{extra: `
views:
  - {subnets: [127.251.0.0/16], answer: refused}
  - {subnets: [127.251.7.0/24], protocols: [tcp53], answer: allow}
  - {subnets: [127.252.0.0/16], answer: noanswer}
  - {subnets: [127.253.0.0/16], dst-subnet: 192.0.2.0/24, answer: refused}
`})
	rcode := func(client, network string, wait time.Duration) int {
		if m := s.queryFrom(client, network, "localhost", miekg.TypeA, wait); m != nil {
			return m.Rcode
		}
		return -1
	}
	for _, c := range []struct {
		client, network string
		want            int
	}{
		{"127.0.0.1", "udp", miekg.RcodeSuccess},
		{"127.251.0.1", "udp", miekg.RcodeRefused},
		{"127.251.0.1", "tcp", miekg.RcodeRefused},
		{"127.251.7.1", "udp", miekg.RcodeRefused},
		{"127.251.7.1", "tcp", miekg.RcodeSuccess},
		{"127.252.0.1", "udp", -1},
		{"127.252.0.1", "tcp", -1}, // a connection that is closed would be another error
		{"127.253.0.1", "udp", miekg.RcodeSuccess},
	} {
		wait := patience
		if c.want < 0 {
			wait = time.Second
		}
		if got := rcode(c.client, c.network, wait); got != c.want {
			t.Errorf("%s over %s: %d, want %d", c.client, c.network, got, c.want)
		}
	}
	before := s.only("kresd")
	s.configure(1, port, "views: [{subnets: [127.0.0.0/8], answer: refused}, {subnets: [127.251.0.0/16], answer: allow}]")
	s.must("reload")
	if a, b := rcode("127.0.0.1", "udp", patience), rcode("127.251.0.1", "udp", patience); a != miekg.RcodeRefused || b != miekg.RcodeSuccess {
		t.Errorf("after the reload: %d and %d, want the contrary of before", a, b)
	}
	if now := s.only("kresd"); now != before {
		t.Errorf("the worker was replaced: %d, then %d", before, now)
	}
}
