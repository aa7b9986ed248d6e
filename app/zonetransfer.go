package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"knot-resolver/internal/config"
	"knot-resolver/internal/control"
	"knot-resolver/internal/logging"
	"knot-resolver/internal/policy/compile"
	"knot-resolver/internal/transfer"
)

func (a *App) transferCommand() *cobra.Command {
	return component("zone-transfer", "keep copies of policy zones of other servers", transferZones)
}

// transferZones keeps the copies of zones up to date until a signal. The manager sees that their files change.
func transferZones(ctx context.Context, rundir string, _ int) error {
	link, err := join(ctx, rundir, control.RoleTransfer, 0)
	if err != nil {
		return err
	}
	defer link.Close()
	cfg := &link.Assignment.Version.Config
	log := logging.New(logging.Options{Process: "zone-transfer"}, cfg.Logging)
	defer log.Close()
	keeper, l, err := openTransfers(&cfg.LocalData, rundir, log.Logger)
	if report := link.Report(err); err != nil || report != nil {
		return errors.Join(err, report)
	}
	server := control.NewServer(control.ZonesHandler(func() []control.ZoneStatus { return zoneStatus(keeper.Status()) }), log.Logger)
	go server.Serve(l)
	defer server.Close()
	keeper.Run(ctx)
	return nil
}

// openTransfers opens everything that can fail.
func openTransfers(l *config.LocalData, rundir string, log *slog.Logger) (*transfer.Keeper, *control.Listener, error) {
	o := transfer.Options{Log: log}
	for _, z := range l.Transfers() {
		zone, err := transferred(&z)
		if err != nil {
			return nil, nil, err
		}
		o.Zones = append(o.Zones, zone)
		o.Notify = append(o.Notify, z.Transfer.Notify...)
	}
	slices.SortFunc(o.Notify, netip.AddrPort.Compare)
	o.Notify = slices.Compact(o.Notify)
	keeper, err := transfer.New(o)
	if err != nil {
		return nil, nil, err
	}
	listener, err := control.Listen(control.TransferPath(rundir), 0o600)
	return keeper, listener, err
}

func transferred(z *config.RPZ) (transfer.Zone, error) {
	t := z.Transfer
	zone := transfer.Zone{Name: t.Zone, Primaries: t.Primaries, File: z.File, Check: usable(z.Strict)}
	if t.TSIG == nil {
		return zone, nil
	}
	secret, err := os.ReadFile(t.TSIG.SecretFile)
	if err == nil {
		zone.Key, err = transfer.NewKey(t.TSIG.Name, t.TSIG.Algorithm, string(secret))
	}
	if err != nil {
		return zone, fmt.Errorf("%s: %w", t.TSIG.SecretFile, err)
	}
	return zone, nil
}

// usable says whether the policy can be compiled with a zone.
func usable(strict bool) func(file string) error {
	return func(file string) error {
		_, err := compile.Compile(compile.Input{RPZ: []compile.RPZ{{File: file, Strict: strict}}}, discard{})
		return err
	}
}

// discard is a sink of compiled rules that are not wanted.
type discard struct{}

func (discard) Put(byte, string, []byte) error { return nil }
func (discard) Commit() error                  { return nil }

func zoneStatus(list []transfer.Status) []control.ZoneStatus {
	all := make([]control.ZoneStatus, len(list))
	for i, s := range list {
		all[i] = control.ZoneStatus(s)
	}
	return all
}
