package config

import "net/netip"

// forward expands the forward rules, one for each subtree, in the order written.
func (v *Valid) forward() []Forward {
	var all []Forward
	for _, s := range get[[]*section](v.root, "forward") {
		f := Forward{Authoritative: get[bool](s, "options/authoritative"), DNSSEC: get[bool](s, "options/dnssec")}
		for _, server := range get[[]*section](s, "servers") {
			for _, e := range items[endpoint](server, "address") {
				port := e.port
				if port == 0 {
					port = 53
				}
				f.Servers = append(f.Servers, netip.AddrPortFrom(e.addr, port))
			}
		}
		for _, name := range items[string](s, "subtree") {
			f.Subtree = name
			all = append(all, f)
		}
	}
	return all
}
