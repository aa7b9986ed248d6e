package main

import (
	"context"
	"fmt"
	"strings"
)

// step is one thing to be seen. Show fails when it is not as expected.
type step struct {
	title string
	why   string
	show  func(context.Context, *stage) error
}

// steps is the tour. The first one starts the resolver.
func steps() []step {
	return []step{
		{"From nothing to the first answer", "A restart is no outage: the whole process tree is up in a moment, with nothing in its cache.", firstAnswer},
		{"A signed name", "The resolver follows the chain of trust from the root key to the record. AD tells the client so.", secureName},
		{"A forged record, and why it is refused", "Validation is worth something only if wrong data is refused. The client gets the reason (RFC 8914), the operator the whole story.", forgedName},
		{"An unsigned name", "Most of the Internet is not signed. It resolves as well, and the parent has proven that there is nothing to validate.", insecureName},
		{"A chain of aliases", "Content delivery networks lead through several zones. Each link is validated by itself.", aliasChain},
		{"A name that does not exist", "Nobody can deny an existing name: the denial is signed as well.", missingName},
		{"A server that insists on TCP", "Answers that do not fit into a datagram come over TCP, between resolver and server as well as to the client.", tcpZone},
		{"The cache", "What is known costs no traffic, whichever worker is asked: all of them share one cache. The servers' own query logs are the witness.", cachedAnswer},
		{"Local data", "Names of your own network, from the configuration, in both directions. They count as secure.", localData},
		{"The process tree", "Each role is a process of its own, so the failure of one is not the failure of all.", processTree},
		{"Metrics", "Counters of every worker, through the same control socket as everything else.", metrics},
		{"kill -9 of a worker", "The sockets belong to the manager: questions wait in them until the successor has started.", killWorker},
		{"kill -9 of the manager", "Workers need no manager to answer. The next manager takes them over as they are.", killManager},
		{"Everything else", "All documented names of the miniature internet: each is a feature or a misfortune of the real one.", everyName},
	}
}

const rule = "────────────────────────────────────────────────────────────────────────────────────────────────────"

// tour shows all steps. Its error says how many were not as expected.
func (s *stage) tour(ctx context.Context, steps []step) error {
	s.printf("Knot Resolver: a guided tour\n%s\n", rule)
	s.printf("The miniature internet is up: %d servers on loopback addresses, port %d, and nothing else is used.\n",
		len(s.world.Servers()), s.world.Port())
	failed := 0
	for i, step := range steps {
		s.printf("\n%d. %s\n%s\n%s\n\n", i+1, step.title, wrap(step.why), rule)
		err := step.show(ctx, s)
		if ctx.Err() != nil {
			return fmt.Errorf("interrupted in step %d of %d", i+1, len(steps))
		}
		if err != nil {
			failed++
			s.printf("  ✗ NOT AS EXPECTED: %v\n", err)
		}
		if !s.tree.running() {
			s.printf("  The resolver has ended. Its log:\n")
			s.block(s.log(), 100)
			return fmt.Errorf("the resolver ended in step %d of %d", i+1, len(steps))
		}
	}
	s.printf("\n%s\n%d of %d steps were as expected.\n", rule, len(steps)-failed, len(steps))
	if failed > 0 {
		return fmt.Errorf("%d of %d steps were not as expected", failed, len(steps))
	}
	return nil
}

// wrap breaks a paragraph into lines.
func wrap(text string) string {
	var b strings.Builder
	column := 0
	for word := range strings.FieldsSeq(text) {
		if column > 0 && column+len(word) >= lineWidth {
			b.WriteByte('\n')
			column = 0
		}
		if column > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(word)
		column += len(word) + 1
	}
	return b.String()
}
