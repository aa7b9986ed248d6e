package worker

import (
	"context"
	"errors"
	"fmt"

	"knot-resolver/internal/dns"
	"knot-resolver/internal/dnssec"
	"knot-resolver/internal/iterate"
	"knot-resolver/internal/limits"
)

// SetAnchor replaces the trust anchor of its zone; questions asked from now on see it.
func (w *Worker) SetAnchor(a dnssec.Anchor) {
	w.engine.SetAnchor(a)
	w.packets.Clear()
}

// Anchor returns the trust anchor of a zone.
func (w *Worker) Anchor(zone dns.Name) (dnssec.Anchor, bool) { return w.engine.Anchor(zone) }

// DNSKEY asks the servers of a zone for its keys, whatever the cache has. With checked the answer validates with the
// present trust anchors; without, any answer will do.
func (w *Worker) DNSKEY(ctx context.Context, zone dns.Name, checked bool) (dns.RRset, error) {
	q := iterate.Question{Name: zone, Type: dns.TypeDNSKEY, CheckingDisabled: !checked, Fresh: true, NoFallback: true, Internal: true}
	out := w.engine.Resolve(ctx, q, new(limits.Budget), nil)
	switch {
	case out.RCode != dns.RCodeNoError:
		return dns.RRset{}, fmt.Errorf("%v: %s", q, out.Reason)
	case len(out.Answer) != 1 || out.Answer[0].Type != dns.TypeDNSKEY:
		return dns.RRset{}, errors.New(q.String() + ": there are no keys")
	}
	return out.Answer[0], nil
}
