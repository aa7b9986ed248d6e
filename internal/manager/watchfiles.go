package manager

import (
	"context"
	"errors"
	"slices"

	"knot-resolver/internal/config"
	"knot-resolver/internal/limits"
	"knot-resolver/internal/manager/files"
)

// inputs are the files that a configuration is made of besides itself, with what a
// change of them costs. Trust anchors that are kept up to date are written by the
// workers themselves.
func inputs(cfg *config.Config) map[string]config.Class {
	list := map[string]config.Class{}
	if cfg.Options.RootHints != "" {
		list[cfg.Options.RootHints] = config.Worker
	}
	for _, f := range cfg.DNSSEC.TrustAnchorFiles {
		if f.ReadOnly {
			list[f.File] = config.Worker
		}
	}
	for _, s := range cfg.Servers() {
		if s.TLS != nil && s.TLS.CAFile != "" {
			list[s.TLS.CAFile] = config.Worker
		}
	}
	for _, file := range policyFiles(&cfg.LocalData) {
		list[file] |= config.Policy
	}
	return list
}

// policyFiles are the files that the policy is compiled from.
func policyFiles(l *config.LocalData) []string {
	list := slices.Clone(l.AddressesFiles)
	for _, r := range l.Rules {
		list = append(list, r.Files...)
	}
	for _, z := range l.RPZ {
		if z.Watch {
			list = append(list, z.File)
		}
	}
	return list
}

// openWatcher makes the watcher that puts the configuration in force anew when the
// content of a file that it names has changed. Whoever runs it starts it.
func (m *Manager) openWatcher(ctx context.Context) {
	pace := files.Pace{Settle: limits.WatchSettle, Most: limits.WatchMost}
	w, err := files.New(m.Log, pace, func(changed []string) { m.filesChanged(ctx, changed) })
	if err != nil {
		m.Log.Warn("changes of files will not be noticed", "reason", err)
		return
	}
	m.watcher = w
}

func (m *Manager) filesChanged(ctx context.Context, changed []string) {
	known := inputs(&m.live.Load().Config)
	cost := config.None
	for _, file := range changed {
		cost |= known[file]
	}
	m.Log.Info("files have changed", "files", changed)
	err := m.renew(ctx, "changed files", cost)
	if err != nil && !errors.Is(err, context.Canceled) {
		m.Log.Error("changed files are not used, their old content stays in force", "files", changed, "reason", err)
	}
}
