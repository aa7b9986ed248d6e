package app

import (
	"fmt"
	"os"

	"knot-resolver/internal/config"
	"knot-resolver/internal/dns"
	"knot-resolver/internal/iterate"
	"knot-resolver/internal/upstream"
)

// forwards translates the forward rules. The names were checked with the configuration.
func forwards(rules []config.Forward) ([]iterate.Forward, error) {
	var all []iterate.Forward
	for _, f := range rules {
		servers, err := servers(f.Servers)
		if err != nil {
			return nil, fmt.Errorf("/forward: servers of %s: %w", f.Subtree, err)
		}
		all = append(all, iterate.Forward{Apex: dns.MustName(f.Subtree), Servers: servers, Authoritative: f.Authoritative, Insecure: !f.DNSSEC, Tags: f.Tags, First: f.First, Uncached: !f.Cache})
	}
	return all, nil
}

func fallback(f *config.Fallback) (*iterate.Fallback, error) {
	if f == nil {
		return nil, nil
	}
	servers, err := servers(f.Servers)
	if err != nil {
		return nil, fmt.Errorf("/fallback: server %w", err)
	}
	return &iterate.Fallback{Servers: servers, Insecure: !f.DNSSEC}, nil
}

func servers(list []config.ForwardServer) ([]iterate.Server, error) {
	all := make([]iterate.Server, len(list))
	for i, s := range list {
		all[i].Addr, all[i].TCP = s.Addr, s.TCP
		if s.TLS == nil {
			continue
		}
		var err error
		if all[i].TLS, err = auth(s.TLS); err != nil {
			return nil, fmt.Errorf("%v: %w", s.Addr, err)
		}
	}
	return all, nil
}

func auth(t *config.ForwardTLS) (*upstream.Auth, error) {
	o := upstream.AuthOptions{Hostname: t.Hostname, Pins: t.Pins}
	if t.CAFile == "" {
		return upstream.NewAuth(o)
	}
	var err error
	if o.CAs, err = os.ReadFile(t.CAFile); err != nil {
		return nil, err
	}
	a, err := upstream.NewAuth(o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.CAFile, err)
	}
	return a, nil
}
