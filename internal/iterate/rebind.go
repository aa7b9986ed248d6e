package iterate

import (
	"net/netip"
	"slices"

	"knot-resolver/internal/cache"
	"knot-resolver/internal/dns"
)

// guarded lets an entry from servers or from the cache pass if it holds no private address. One that does is refused or,
// if so configured, stripped of them.
func (e *Engine) guarded(entry cache.Entry) (cache.Entry, error) {
	if e.Rebinding == nil || entry.Kind != cache.Positive {
		return entry, nil
	}
	private, found := e.Rebinding.Check(&entry.Answer)
	if !found {
		return entry, nil
	}
	reason := "EIM4: rebinding protection: " + entry.Answer.Owner.String() + " points to the private address " + private.String()
	if !e.Rebinding.Strip {
		return entry, &Failure{RCode: dns.RCodeRefused, EDE: dns.EDEProhibited, Passing: true, Reason: reason}
	}
	entry.Answer = e.Rebinding.Without(&entry.Answer)
	entry.Rank, entry.EDE, entry.Reason = min(entry.Rank, cache.Insecure), dns.EDEProhibited, reason
	if len(entry.Answer.RDatas) == 0 {
		entry.Kind, entry.Authority = cache.NoData, nil
	}
	return entry, nil
}

// askable leaves out the addresses of a server that rebinding protection does not allow it to have. Loopback addresses have an
// option of their own.
func (e *Engine) askable(server dns.Name, addrs []netip.Addr) []netip.Addr {
	if e.Rebinding == nil {
		return addrs
	}
	refused := func(a netip.Addr) bool {
		return !e.Rebinding.Allows(server, a) && !(a.IsLoopback() && e.Addresses.QueryLoopback)
	}
	if !slices.ContainsFunc(addrs, refused) {
		return addrs
	}
	return slices.DeleteFunc(slices.Clone(addrs), refused) // the list may be one of the cache or of the configuration
}
