package app

import (
	"fmt"
	"math"
	"strings"
	"time"

	"knot-resolver/internal/config"
	"knot-resolver/internal/dns"
	"knot-resolver/internal/policy"
	"knot-resolver/internal/policy/compile"
)

// marks are what the action of a response policy zone stands for, and extendedErrors what its extended error does.
var (
	marks = map[string]policy.Mark{
		"nxdomain": policy.MarkNXDomain, "nodata": policy.MarkNoData, "passthru": policy.MarkPass, "drop": policy.MarkDrop, "tcp-only": policy.MarkTCP,
	}
	extendedErrors = map[string]dns.EDECode{"blocked": dns.EDEBlocked, "censored": dns.EDECensored, "filtered": dns.EDEFiltered}
)

// policyInput says what of the configuration the policy is compiled from.
func policyInput(cfg *config.Config) compile.Input {
	l := &cfg.LocalData
	in := compile.Input{TTL: uint32(l.TTL / time.Second), NoData: l.NoData, Views: viewsInput(cfg.Views)}
	for _, a := range l.Addresses {
		in.Addresses = append(in.Addresses, compile.Address{
			Name: a.Name, Addrs: a.Addrs, Pointer: "/local-data/addresses/" + strings.TrimSuffix(a.Name, "."),
		})
	}
	for i, file := range l.AddressesFiles {
		in.Rules = append(in.Rules, compile.Rule{Files: []string{file}, NoData: l.NoData, Pointer: fmt.Sprintf("/local-data/addresses-files/%d", i)})
	}
	if l.Records != "" {
		in.Rules = append(in.Rules, compile.Rule{Records: l.Records, NoData: l.NoData, Pointer: "/local-data/records"})
	}
	for i, r := range l.Rules {
		in.Rules = append(in.Rules, compile.Rule{
			Names: r.Names, Subtree: subtrees(r.Subtree), Addrs: r.Addrs, Files: r.Files, Records: r.Records,
			TTL: uint32(r.TTL / time.Second), NoData: r.NoData, Tags: r.Tags, Pointer: fmt.Sprintf("/local-data/rules/%d", i),
		})
	}
	for i, z := range l.RPZ {
		in.RPZ = append(in.RPZ, compile.RPZ{
			File: z.File, Absent: z.Transfer != nil, Tags: z.Tags, Override: compile.Override{Mark: marks[z.Action], CNAME: z.CNAME}, EDE: extendedErrors[z.ExtendedError],
			DryRun: z.DryRun, Strict: z.Strict, LogIP: z.LogIP, LogName: z.LogName, Pointer: fmt.Sprintf("/local-data/rpz/%d", i),
		})
	}
	return in
}

func subtrees(s config.Subtree) policy.Subtree {
	switch s {
	case config.SubtreeEmpty:
		return policy.SubtreeEmpty
	case config.SubtreeNXDomain:
		return policy.SubtreeNXDomain
	case config.SubtreeRefused:
		return policy.SubtreeRefused
	case config.SubtreeResolve:
		return policy.SubtreeResolve
	case config.SubtreeRedirect:
		return policy.SubtreeRedirect
	}
	return policy.SubtreeNone
}

// viewsInput says which views there are.
func viewsInput(all []config.View) (list []compile.View) {
	for i, v := range all {
		view := policy.View{
			Subnets: v.Subnets, Destination: v.DstSubnet, Minimize: v.Minimize, DNS64: v.DNS64, Fallback: v.Fallback,
			PriceFactor: uint32(math.Round(v.PriceFactor * policy.PriceUnit)),
		}
		switch v.Answer {
		case config.ViewRefused:
			view.Treatment = policy.Refuse
		case config.ViewNoAnswer:
			view.Treatment = policy.NoAnswer
		}
		for _, name := range v.Protocols {
			p, _ := policy.ParseProtocol(name) // was checked with the configuration
			view.Protocols |= p
		}
		list = append(list, compile.View{View: view, Tags: v.Tags, Pointer: fmt.Sprintf("/views/%d", i)})
	}
	return list
}
