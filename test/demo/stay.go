package main

import (
	"context"
	"errors"
	"path/filepath"
)

// stay keeps everything up until the context ends, and says how to use it.
func (s *stage) stay(ctx context.Context) error {
	s.printf(`
Everything stays up until Ctrl-C. Ask it:

  kdig -p %[1]d @%[2]s +dnssec www.example.se
  dig  -p %[1]d @%[2]s +dnssec www.badsig.se
  kdig -p %[1]d @%[2]s +tcp large.example.se TXT
  kdig -p %[1]d @%[2]s -x %[3]s

  %[4]s -s %[5]s explain www.shop.com
  %[4]s -s %[5]s metrics
  %[4]s -s %[5]s cache clear example.se
  %[4]s -s %[5]s config get
  (edit %[6]s)
  %[4]s -s %[5]s reload

All names that exist: function Names in internal/testnet. Log of the resolver: %[7]s
`, s.addr.Port(), s.addr.Addr(), localAddress, filepath.Join(s.bin, "kresctl"), s.path(socketName), s.path(configName), s.path(logName))
	select {
	case <-ctx.Done():
		s.printf("\nStopping.\n")
		return nil
	case <-s.tree.exited:
		s.printf("\nThe resolver has ended. Its log:\n")
		s.block(s.log(), 100)
		return errors.New("the resolver ended by itself")
	}
}
