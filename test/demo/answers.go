package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/miekg/dns"

	"knot-resolver/internal/testnet/memnet"
)

// firstAnswer starts the resolver and takes the time until it answers.
func firstAnswer(ctx context.Context, s *stage) error {
	s.printf("  configuration %s:\n", s.path(configName))
	s.block(s.config(), 100)
	want, err := expectation("www.example.se.", dns.TypeA)
	if err != nil {
		return err
	}
	s.printf("\n  $ knot-resolver -c %s\n", s.path(configName))
	began := time.Now()
	if err := s.launch(); err != nil {
		return err
	}
	r, err := s.firstReply(ctx, want.Name, want.Type)
	if err != nil {
		return err
	}
	s.printf("  ? %s %s, asked from the start on\n", want.Name, dns.TypeToString[want.Type])
	s.printReply(r)
	s.printf("  %v from the start of the program to a validated answer\n", brief(time.Since(began)))
	if err := s.firstControl(ctx); err != nil {
		return err
	}
	s.tree.up = true
	s.printf("  %v until the control socket answered as well\n", brief(time.Since(began)))
	return differs(want, r)
}

// firstControl asks until the manager has opened its socket, which it does when
// all processes are up.
func (s *stage) firstControl(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		_, err := s.kresctl(ctx, "config", "get", "-p", "/workers")
		if err == nil || ctx.Err() != nil || !s.tree.running() {
			return err
		}
		time.Sleep(time.Millisecond)
	}
}

// firstReply asks until somebody listens.
func (s *stage) firstReply(ctx context.Context, name string, qtype uint16) (reply, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		r, err := s.exchange(ctx, name, qtype, patience)
		if !errors.Is(err, syscall.ECONNREFUSED) || !s.tree.running() {
			return r, err
		}
		time.Sleep(time.Millisecond)
	}
}

// log is what the resolver has logged.
func (s *stage) log() string {
	text, err := os.ReadFile(s.path(logName))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func secureName(ctx context.Context, s *stage) error {
	return errors.Join(s.ask(ctx, "example.se.", dns.TypeMX), s.ask(ctx, "www.example.cz.", dns.TypeA))
}

// forgedName shows the refusal as the client sees it, then as the operator does.
func forgedName(ctx context.Context, s *stage) error {
	const name = "www.badsig.se."
	if err := s.ask(ctx, name, dns.TypeA); err != nil {
		return err
	}
	text, err := s.control(ctx, "explain", name, "A")
	if err != nil {
		return err
	}
	s.block(text, 40)
	for _, word := range []string{"SERVFAIL", "because:", "badsig.se"} {
		if !strings.Contains(text, word) {
			return fmt.Errorf("the explanation does not say %q", word)
		}
	}
	return s.ask(ctx, "ok.badsig.se.", dns.TypeA) // the rest of the zone is fine
}

func insecureName(ctx context.Context, s *stage) error {
	return s.ask(ctx, "www.insecure.se.", dns.TypeA)
}

func aliasChain(ctx context.Context, s *stage) error {
	return s.ask(ctx, "www.shop.com.", dns.TypeA)
}

func missingName(ctx context.Context, s *stage) error {
	return errors.Join(s.ask(ctx, "nothing.example.se.", dns.TypeA), s.ask(ctx, "nothing.cz.", dns.TypeA))
}

// tcpZone looks into the log of the server that truncates all it sends over UDP.
func tcpZone(ctx context.Context, s *stage) error {
	if err := s.ask(ctx, "www.big.se.", dns.TypeA); err != nil {
		return err
	}
	server := s.world.Server("ns.big.se.")
	count := map[string]int{}
	for _, q := range server.Queries() {
		count[q.Transport]++
	}
	s.printf("  its server %s got %d queries over UDP and %d over TCP\n\n", server.Host(), count[memnet.UDP], count[memnet.TCP])
	if count[memnet.TCP] == 0 {
		return errors.New("the server was not asked over TCP")
	}
	return s.ask(ctx, "large.example.se.", dns.TypeTXT)
}

// localData asks for the name and for the address of the configuration.
func localData(ctx context.Context, s *stage) error {
	r, err := s.show(ctx, localName, dns.TypeA)
	if err != nil {
		return err
	}
	if len(r.Answer) != 1 || !strings.HasSuffix(r.Answer[0].String(), "\t"+localAddress) {
		return fmt.Errorf("%s: %v, want %s", localName, r.Answer, localAddress)
	}
	reverse, err := dns.ReverseAddr(netip.MustParseAddr(localAddress).String())
	if err != nil {
		return err
	}
	if r, err = s.show(ctx, reverse, dns.TypePTR); err != nil {
		return err
	}
	if len(r.Answer) != 1 || !strings.HasSuffix(r.Answer[0].String(), "\t"+localName) {
		return fmt.Errorf("%s: %v, want %s", reverse, r.Answer, localName)
	}
	return nil
}
