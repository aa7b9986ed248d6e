package testnet

import (
	"testing"

	"github.com/miekg/dns"

	"knot-resolver/internal/testnet/memnet"
)

// FuzzAnswer sends bytes to servers of every kind: replies must be messages
// that fit, and nothing may panic.
func FuzzAnswer(f *testing.F) {
	w, err := New()
	if err != nil {
		f.Fatal(err)
	}
	for _, e := range Names() {
		raw, err := query(e.Name, e.Type).Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, s := range w.Servers() {
			for _, reply := range s.Answer(memnet.UDP, raw) {
				q, m := new(dns.Msg), new(dns.Msg)
				if err := m.Unpack(reply); err != nil {
					t.Fatalf("%s: %v", s.Host(), err)
				}
				if err := q.Unpack(raw); err != nil || m.Id != q.Id || !m.Response {
					t.Fatalf("%s: reply %v to %v", s.Host(), m, q)
				}
			}
			s.ForgetQueries()
		}
	})
}
