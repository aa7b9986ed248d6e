package manager

import (
	"context"
	"net/http"
	"reflect"

	"knot-resolver/internal/config"
	"knot-resolver/internal/control"
)

func transferrer() post { return post{role: control.RoleTransfer} }

// transfers says whether a version has zones to transfer.
func transfers(v *control.Version) bool { return len(v.Config.LocalData.Transfers()) > 0 }

// startTransfers starts zone-transfer when there is something for it.
func (m *Manager) startTransfers(ctx context.Context, v control.Version) error {
	if !transfers(&v) {
		return nil
	}
	_, err := m.launch(ctx, transferrer(), control.Assignment{Version: v}, nil)
	return err
}

// moveTransfers makes zone-transfer work on another version, if that is another task or least says that files may have changed.
func (m *Manager) moveTransfers(ctx context.Context, from, to *control.Version, least config.Class) error {
	same := reflect.DeepEqual(from.Config.LocalData.Transfers(), to.Config.LocalData.Transfers())
	if same && !(least.Has(config.Worker) && transfers(to)) {
		return nil
	}
	if transfers(from) {
		if err := m.halt(ctx, transferrer()); err != nil {
			return err
		}
	}
	return m.startTransfers(ctx, *to)
}

// getZones lists the zones that are transferred, with their state.
func (m *Manager) getZones(w http.ResponseWriter, r *http.Request) {
	list, err := m.zones(r.Context())
	control.WriteJSON(w, list, err)
}

func (m *Manager) zones(ctx context.Context) ([]control.ZoneStatus, error) {
	if live := m.live.Load(); live == nil || !transfers(&live.Version) {
		return []control.ZoneStatus{}, nil
	}
	return control.NewClient(control.TransferPath(m.Rundir)).Zones(ctx)
}
