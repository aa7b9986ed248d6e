package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

const (
	// settle is ample for the way of a record into the cache file, where other
	// workers find it: writes wait a few milliseconds for company.
	settle = 100 * time.Millisecond
	// repeats are enough questions that each worker gets some.
	repeats = 16
)

// cachedAnswer counts what reaches the servers for the first question and for
// all later ones.
func cachedAnswer(ctx context.Context, s *stage) error {
	const name = "www.rsa.se."
	s.forgetQueries()
	if err := s.ask(ctx, name, dns.TypeA); err != nil {
		return err
	}
	first, list := s.queries()
	s.printf("  queries to servers: %d%s\n", first, list)
	time.Sleep(settle)
	s.forgetQueries()
	if err := s.ask(ctx, name, dns.TypeA); err != nil {
		return err
	}
	for range repeats {
		if _, err := s.exchange(ctx, name, dns.TypeA, patience); err != nil {
			return err
		}
	}
	again, list := s.queries()
	s.printf("  queries to servers: %d%s, also after asking %d times more\n", again, list, repeats)
	if first == 0 || again != 0 {
		return errors.New("the first question should need the servers, the others should not")
	}
	return nil
}

func (s *stage) forgetQueries() {
	for _, server := range s.world.Servers() {
		server.ForgetQueries()
	}
}

// queries counts what the servers have received, together and for each.
func (s *stage) queries() (total int, list string) {
	var parts []string
	for _, server := range s.world.Servers() {
		if n := len(server.Queries()); n > 0 {
			total += n
			parts = append(parts, fmt.Sprintf("%s %d", server.Host(), n))
		}
	}
	slices.Sort(parts)
	if total == 0 {
		return 0, ""
	}
	return total, " (" + strings.Join(parts, ", ") + ")"
}
