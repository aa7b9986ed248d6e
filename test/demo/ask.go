package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"knot-resolver/internal/testnet"
)

const (
	// patience is longer than the resolver takes for any answer.
	patience = 20 * time.Second
	udpSize  = 1232
)

// reply is an answer and how it came.
type reply struct {
	*dns.Msg
	transport string
	took      time.Duration
}

// exchange sends a question with the DO bit, and again over TCP if that is
// what the answer asks for.
func (s *stage) exchange(ctx context.Context, name string, qtype uint16, wait time.Duration) (reply, error) {
	q := new(dns.Msg)
	q.SetQuestion(name, qtype)
	q.SetEdns0(udpSize, true)
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	began := time.Now()
	var r reply
	for _, r.transport = range []string{"udp", "tcp"} {
		c := dns.Client{Net: r.transport, Timeout: wait, UDPSize: udpSize}
		var err error
		if r.Msg, _, err = c.ExchangeContext(ctx, q, s.addr.String()); err != nil {
			return r, fmt.Errorf("%s %s: %w", name, dns.TypeToString[qtype], err)
		}
		if !r.Truncated {
			break
		}
	}
	r.took = time.Since(began)
	return r, nil
}

// ask asks for a documented name of the miniature internet in front of the
// audience, and checks the answer.
func (s *stage) ask(ctx context.Context, name string, qtype uint16) error {
	want, err := expectation(name, qtype)
	if err != nil {
		return err
	}
	r, err := s.show(ctx, name, qtype)
	if err != nil {
		return err
	}
	return differs(want, r)
}

func differs(want testnet.Expectation, r reply) error {
	if err := want.Check(r.Msg); err != nil {
		return err
	}
	return want.CheckEDE(r.Msg)
}

func expectation(name string, qtype uint16) (testnet.Expectation, error) {
	all := testnet.Names()
	i := slices.IndexFunc(all, func(e testnet.Expectation) bool { return e.Name == name && e.Type == qtype })
	if i < 0 {
		return testnet.Expectation{}, fmt.Errorf("%s %s is not a documented name of the miniature internet", name, dns.TypeToString[qtype])
	}
	return all[i], nil
}

// show asks any question in front of the audience.
func (s *stage) show(ctx context.Context, name string, qtype uint16) (reply, error) {
	s.printf("  ? %s %s\n", name, dns.TypeToString[qtype])
	r, err := s.exchange(ctx, name, qtype, patience)
	if err == nil {
		s.printReply(r)
	}
	return r, err
}

func (s *stage) printReply(r reply) {
	security := "no AD: not validated"
	if r.AuthenticatedData {
		security = "AD: validated"
	}
	if r.Rcode == dns.RcodeServerFailure {
		security = "no answer to trust"
	}
	s.printf("  = %s (%s) in %v over %s\n", dns.RcodeToString[r.Rcode], security, brief(r.took), strings.ToUpper(r.transport))
	for _, rr := range r.Answer {
		if rr.Header().Rrtype != dns.TypeRRSIG {
			s.printf("    %s\n", clip(strings.ReplaceAll(rr.String(), "\t", " ")))
		}
	}
	if n := signatures(r.Answer) + signatures(r.Ns); n > 0 {
		s.printf("    (signatures: %d)\n", n)
	}
	if opt := r.IsEdns0(); opt != nil {
		for _, o := range opt.Option {
			if ede, ok := o.(*dns.EDNS0_EDE); ok {
				s.printf("    EDE %d, %s %s\n", ede.InfoCode, dns.ExtendedErrorCodeToString[ede.InfoCode], ede.ExtraText)
			}
		}
	}
}

func signatures(section []dns.RR) (n int) {
	for _, rr := range section {
		if rr.Header().Rrtype == dns.TypeRRSIG {
			n++
		}
	}
	return n
}

// lineWidth is what fits into a line of a usual terminal with the indentation.
const lineWidth = 96

func clip(line string) string {
	if text := []rune(line); len(text) > lineWidth {
		return string(text[:lineWidth-1]) + "…"
	}
	return line
}

// brief rounds a duration for people.
func brief(d time.Duration) time.Duration {
	if d > time.Second {
		return d.Round(10 * time.Millisecond)
	}
	return d.Round(10 * time.Microsecond)
}
