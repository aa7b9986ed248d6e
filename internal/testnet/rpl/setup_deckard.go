package rpl

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"knot-resolver/internal/iterate"
	"knot-resolver/internal/renumber"
)

// deckard reads the options of the Deckard dialect.
func (up *Setup) deckard(s *Scenario) error {
	name, address := "k.root-servers.net", ""
	for _, o := range s.Options {
		var err error
		switch o.Key {
		case "stub-addr":
			address = o.Value
		case "stub-name":
			name = o.Value
		case "trust-anchor":
			err = up.anchor(o.Value, Deckard)
		case "domain-insecure":
			err = up.insecure(o.Value)
		case "val-override-date":
			err = up.date(o.Value)
		case "val-override-timestamp":
			var seconds int64
			seconds, err = strconv.ParseInt(o.Value, 10, 64)
			up.Start = time.Unix(seconds, 0)
		case "query-minimization":
			up.Minimise = Off
			if isTrue(o.Value) {
				up.Minimise = On
			}
		case "do-not-query-localhost":
			up.Loopback = !isTrue(o.Value)
		case "harden-glue":
			up.Glue = iterate.GlueNormal
			if !isTrue(o.Value) {
				up.Glue = iterate.GluePermissive
			}
		case "do-ip4":
			up.IPv4 = isTrue(o.Value)
		case "do-ip6":
			up.IPv6 = isTrue(o.Value)
		case "forward-addr":
			var f *iterate.Forward
			if f, err = up.rule(".", false); err == nil {
				err = forward(f, o.Value)
			}
		case "force-ipv6": // the client's address makes no difference
		case "features":
			err = up.features(o.Value)
		case "feature-list":
			err = up.luaPolicy(o.Value)
		default:
			err = fmt.Errorf("unknown option %q", o.Key)
		}
		if err != nil {
			return fmt.Errorf("line %d: %s: %w", o.Line, o.Key, err)
		}
	}
	if address == "" {
		return nil
	}
	a, err := netip.ParseAddr(address)
	if err != nil {
		return fmt.Errorf("stub-addr: %w", err)
	}
	up.hint(name, a)
	return nil
}

func isTrue(value string) bool {
	switch strings.ToLower(value) {
	case "on", "yes", "true", "1":
		return true
	}
	return false
}

// features reads `name = value` items.
func (up *Setup) features(list string) error {
	for item := range strings.SplitSeq(list, ";") {
		key, value, ok := strings.Cut(item, "=")
		if !ok {
			continue // a comment
		}
		value = strings.TrimSpace(value)
		var err error
		switch key = strings.TrimSpace(key); key {
		case "min_ttl":
			up.MinTTL, err = time.ParseDuration(value + "s")
		case "max_ttl":
			up.MaxTTL, err = time.ParseDuration(value + "s")
		case "dns64_prefix":
			err = up.synthesise(value)
		case "static_hint_name":
			up.Policy.hint(value, nil)
		case "static_hint_addr":
			var a netip.Addr
			if a, err = netip.ParseAddr(value); err == nil {
				up.Policy.hint("", []netip.Addr{a})
			}
		case "renumber_src":
			var source netip.Prefix
			source, err = netip.ParsePrefix(value)
			up.Renumber = renumber.Rules{{Source: source}}
		case "renumber_dst":
			if len(up.Renumber) == 0 {
				return fmt.Errorf("renumber_dst without renumber_src")
			}
			up.Renumber[0].Destination, err = netip.ParseAddr(value)
		case "workarounds":
			up.Workarounds = isTrue(value)
		default:
			err = fmt.Errorf("unknown feature %q", key)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
