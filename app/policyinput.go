package app

import (
	"fmt"
	"strings"
	"time"

	"knot-resolver/internal/config"
	"knot-resolver/internal/policy"
	"knot-resolver/internal/policy/compile"
)

// policyInput says what of the configuration the policy is compiled from.
func policyInput(l *config.LocalData) compile.Input {
	in := compile.Input{TTL: uint32(l.TTL / time.Second), NoData: l.NoData}
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
			TTL: uint32(r.TTL / time.Second), NoData: r.NoData, Pointer: fmt.Sprintf("/local-data/rules/%d", i),
		})
	}
	for i, z := range l.RPZ {
		in.RPZ = append(in.RPZ, compile.RPZ{File: z.File, Pointer: fmt.Sprintf("/local-data/rpz/%d", i)})
	}
	return in
}

func subtrees(s config.Subtree) policy.Subtree {
	switch s {
	case config.SubtreeEmpty:
		return policy.SubtreeEmpty
	case config.SubtreeNXDomain:
		return policy.SubtreeNXDomain
	case config.SubtreeRedirect:
		return policy.SubtreeRedirect
	}
	return policy.SubtreeNone
}
