package rpl

import (
	"fmt"
	"net/netip"
	"regexp"
	"strings"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/policy/compile"
)

// hint completes the address of a name, whose parts come one after the other.
func (p *policySetup) hint(name string, addrs []netip.Addr) {
	p.used, p.NoData = true, true
	last := len(p.Addresses) - 1
	if last < 0 || p.Addresses[last].Name != "" && name != "" || len(p.Addresses[last].Addrs) > 0 && len(addrs) > 0 {
		p.Addresses = append(p.Addresses, compile.Address{})
		last++
	}
	a := &p.Addresses[last]
	a.Addrs = append(a.Addrs, addrs...)
	if name != "" {
		a.Name = name
	}
}

// luaRule is `policy=policy:add(policy.suffix(policy.DENY, {todname('example.cz')}))` and the like: which names, what is
// done to them, and perhaps where they are sent.
var (
	luaRule   = regexp.MustCompile(`^policy=policy:add\(policy\.(\w+)\(policy\.(\w+)(?:\('([^']*)'\))?(.*)\)\)$`)
	luaString = regexp.MustCompile(`'([^']*)'`)
)

// luaPolicy reads one rule in the Lua of Knot Resolver 5; rules apply in order, as response policy zones do.
func (up *Setup) luaPolicy(text string) error {
	m := luaRule.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		up.missing("policy in the Lua of Knot Resolver (%s)", text)
		return nil
	}
	filter, action, target := m[1], m[2], m[3]
	var names []string
	for _, s := range luaString.FindAllStringSubmatch(m[4], -1) {
		names = append(names, strings.TrimSuffix(s[1], "."))
	}
	switch filter {
	case "all":
		names = []string{""}
	case "suffix_common":
		names = names[:len(names)-1] // the last is what they have in common
	case "suffix", "pattern":
	default:
		up.missing("policy.%s", filter)
	}
	if action == "FORWARD" || action == "STUB" {
		for _, name := range names {
			f, err := up.rule(name+".", false)
			if err == nil {
				err = forward(f, target)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
	to, ok := map[string]string{"DENY": ".", "PASS": "rpz-passthru."}[action]
	if !ok {
		up.missing("policy.%s", action)
		return nil
	}
	var list strings.Builder
	for _, name := range names {
		if name != "" {
			fmt.Fprintf(&list, "%s CNAME %s\n", name, to)
		}
		fmt.Fprintf(&list, "%s CNAME %s\n", strings.TrimSuffix("*."+name, "."), to)
	}
	up.Policy.used = true
	up.Policy.RPZ = append(up.Policy.RPZ, compile.RPZ{File: "policy", Text: list.String(), EDE: dns.NoEDE, Strict: true})
	return nil
}
