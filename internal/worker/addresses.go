package worker

import (
	"context"
	"fmt"
	"net/netip"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/iterate"
	"knot-resolver/internal/limits"
)

// Addresses resolves the name of a host that this process itself wants to reach.
func (w *Worker) Addresses(ctx context.Context, host string) (addrs []netip.Addr, err error) {
	name, err := dns.ParseName(host)
	if err != nil {
		return nil, fmt.Errorf("host %q: %w", host, err)
	}
	for _, t := range [...]dns.Type{dns.TypeAAAA, dns.TypeA} {
		q := iterate.Question{Name: name.Lower(), Type: t, Internal: true}
		out := w.engine.Resolve(ctx, q, new(limits.Budget), nil)
		if out.RCode != dns.RCodeNoError {
			err = fmt.Errorf("%v: %v: %s", q, out.RCode, out.Reason)
		}
		for i := range out.Answer {
			for rdata := range out.Answer[i].RDatas.All() {
				if a, ok := dns.AddrOf(out.Answer[i].Type, rdata); ok {
					addrs = append(addrs, a)
				}
			}
		}
	}
	if len(addrs) > 0 {
		return addrs, nil
	}
	return nil, err
}
