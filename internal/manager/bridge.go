package manager

import (
	"context"

	"knot-resolver/internal/control"
)

// bridge starts one more worker, on the sockets of all: it serves their clients from before
// the first worker is stopped until the last has started. Without it, what clients send in
// between would wait in the sockets, those of new workers included, and they cannot hold
// much more than the queries of a tenth of a second.
func (m *Manager) bridge(ctx context.Context, p post, v control.Version, sockets map[int][]socket) error {
	var lent []socket
	for _, list := range sockets {
		for _, s := range list {
			if s.Proto != control.ProtoJournal { // that has one writer
				lent = append(lent, s)
			}
		}
	}
	a, files := assignment(v, lent)
	a.Bridge = true
	_, err := m.launch(ctx, p, a, files)
	return err
}

// removeBridge stops the bridge once it has answered what it has read.
func (m *Manager) removeBridge(p post) {
	ctx, cancel := stopContext()
	defer cancel()
	if err := m.halt(ctx, p); err != nil {
		m.Log.Warn("one worker too many", "reason", err)
	}
}
