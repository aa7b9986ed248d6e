package iterate

import (
	"net/netip"
	"slices"

	"knot-resolver/internal/dns"
)

// privateRanges are addresses that names of the public DNS have no business pointing to: a page in a browser could
// reach a local service through such a name.
func privateRanges() []netip.Prefix {
	var list []netip.Prefix
	for _, text := range []string{"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16",
		"::/128", "::1/128", "fc00::/7", "fe80::/10"} {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}

// rebinding returns the failure of an answer with private addresses, if that protection is on.
func (e *Engine) rebinding(set *dns.RRset) error {
	if len(e.private) == 0 || set.Type != dns.TypeA && set.Type != dns.TypeAAAA {
		return nil
	}
	for rdata := range set.RDatas.All() {
		addr, ok := dns.AddrOf(set.Type, rdata)
		addr = addr.Unmap()
		if ok && slices.ContainsFunc(e.private, func(p netip.Prefix) bool { return p.Contains(addr) }) {
			return &Failure{RCode: dns.RCodeRefused, EDE: dns.EDEProhibited, Passing: true,
				Reason: "rebinding protection: " + set.Owner.String() + " points to the private address " + addr.String()}
		}
	}
	return nil
}
