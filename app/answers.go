package app

import (
	"time"

	"knot-resolver/internal/config"
	"knot-resolver/internal/dns"
	"knot-resolver/internal/dns64"
	"knot-resolver/internal/rebind"
	"knot-resolver/internal/renumber"
	"knot-resolver/internal/worker"
)

// synthesis makes what makes IPv6 addresses, nil if that is off.
func synthesis(cfg *config.DNS64) *dns64.Synthesis {
	if !cfg.Enable {
		return nil
	}
	return dns64.New(dns64.Options{Prefixes: cfg.Prefixes, Exclude: cfg.Exclude, Ignore: names(cfg.IgnoreAAAA),
		ReverseTTL: uint32(cfg.ReverseTTL / time.Second)})
}

// guard makes what keeps private addresses out of answers, nil if that is off.
func guard(cfg *config.Options) *rebind.Guard {
	if !cfg.RebindingProtection {
		return nil
	}
	return rebind.New(rebind.Options{Names: names(cfg.RebindingNames), Public: cfg.RebindingSubnets, Strip: cfg.RebindingStrip})
}

func prediction(cfg *config.Prediction, brief bool) worker.Prediction {
	if !cfg.Enable || brief {
		return worker.Prediction{}
	}
	return worker.Prediction{Window: cfg.Window, Period: cfg.Period}
}

func renumbering(rules []config.Renumbering) renumber.Rules {
	var all renumber.Rules
	for _, r := range rules {
		all = append(all, renumber.Rule(r))
	}
	return all
}

// names turns names that were checked with the configuration into their wire form.
func names(texts []string) []dns.Name {
	var list []dns.Name
	for _, text := range texts {
		list = append(list, dns.MustName(text).Lower())
	}
	return list
}
