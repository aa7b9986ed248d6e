package rpl

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"knot-resolver/internal/policy/compile"
	"knot-resolver/internal/transfer"
)

// transfers keeps the response policy zones that come from primaries. It begins when the script first moves the clock: until then what
// the files say is in force, as with testbound, where transfers are a matter of timers.
type transfers struct {
	policy policySetup // with what has come so far
	dir    string      // of the copies
	keeper *transfer.Keeper
	cancel context.CancelFunc
	taken  map[string]time.Time // when the copies in force were made
}

// newTransfers returns nil when no zone has a primary.
func newTransfers(up *Setup) *transfers {
	if len(up.Policy.primaries) == 0 {
		return nil
	}
	t := &transfers{policy: up.Policy, taken: make(map[string]time.Time)}
	t.policy.RPZ = slices.Clone(up.Policy.RPZ) // other runs begin with the files
	return t
}

// primary notes where a zone comes from.
func (p *policySetup) primary(zone, address string) error {
	host, port, ported := strings.Cut(address, "@")
	if !ported {
		port = "53"
	}
	a, err := netip.ParseAddrPort(net.JoinHostPort(host, port))
	if p.primaries == nil {
		p.primaries = make(map[string][]netip.AddrPort)
	}
	p.primaries[zone] = append(p.primaries[zone], a)
	return err
}

// wanting says whether there is nothing yet of a zone.
func (t *transfers) wanting() bool {
	return t != nil && slices.ContainsFunc(t.policy.RPZ, func(z compile.RPZ) bool { return z.Absent && z.Text == "" })
}

// transfer lets transfers that are due happen, and takes over what they brought.
func (r *run) transfer() {
	t := r.transfers
	if t == nil {
		return
	}
	if t.keeper == nil {
		if err := t.start(r); err != nil {
			r.fail(r.Steps[r.at], nil, "transfer: "+err.Error())
			return
		}
	}
	r.await(patience, r.serve, t.tried)
	if err := t.take(r); err != nil {
		r.fail(r.Steps[r.at], nil, "transfer: "+err.Error())
	}
}

func (t *transfers) start(r *run) (err error) {
	if t.dir, err = os.MkdirTemp("", "transfers"); err != nil {
		return err
	}
	o := transfer.Options{Log: slog.New(slog.DiscardHandler)}
	for zone, primaries := range t.policy.primaries {
		o.Zones = append(o.Zones, transfer.Zone{Name: zone, Primaries: primaries, File: filepath.Join(t.dir, zone), Dial: r.net.DialTCP})
	}
	if t.keeper, err = transfer.New(o); err != nil {
		return err
	}
	var ctx context.Context
	ctx, t.cancel = context.WithCancel(context.Background())
	r.queries.Go(func() { t.keeper.Run(ctx) })
	return nil
}

// tried says whether every zone has been asked for.
func (t *transfers) tried() bool {
	return !slices.ContainsFunc(t.keeper.Status(), func(s transfer.Status) bool { return s.Checked.IsZero() && s.Failures == 0 })
}

// take puts copies that are new in force.
func (t *transfers) take(r *run) error {
	changed := false
	for _, s := range t.keeper.Status() {
		if s.Changed.Equal(t.taken[s.Zone]) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(t.dir, s.Zone))
		if err != nil {
			return err
		}
		changed, t.taken[s.Zone] = true, s.Changed
		for i := range t.policy.RPZ {
			if z := &t.policy.RPZ[i]; z.File == s.Zone {
				z.Text = string(text)
			}
		}
	}
	if !changed {
		return nil
	}
	rules, err := t.policy.rules()
	if err == nil {
		r.worker.SetRules(rules)
		r.twin.SetRules(rules)
	}
	return err
}

// stop ends the transfers and removes the copies.
func (t *transfers) stop() {
	if t == nil || t.cancel == nil {
		return
	}
	t.cancel()
	_ = os.RemoveAll(t.dir) // what stays there harms nobody
}
